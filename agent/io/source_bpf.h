/* SPDX-License-Identifier: MIT */
/*
 * The kernel half as a source of counters: loads and attaches bpf/octet.bpf.c, reads its tables.
 *
 * Tables, links and markers are pinned in one directory for each store. The table of an earlier agent is taken over
 * only when the store knows its epoch; unknown ones are replaced, because nobody could say which of their octets have
 * been booked already. When the store knows a table that has another layout or size (an upgrade, another
 * max_addresses), a new one is made and counted into, and the old one is handed over to be booked to its last octet:
 *
 *   source_bpf_open
 *   has_previous no:   the store remembers source_bpf_epoch durably
 *   source_bpf_attach for each interface, source_bpf_forget_others: from here on, all counts into the new table
 *   has_previous yes:  source_bpf_collect_previous; what it read and the new epoch are committed together;
 *                      source_bpf_drop_previous
 * A crash anywhere on this way leaves both tables, and the next start goes on from there.
 */
#ifndef IO_SOURCE_BPF_H
#define IO_SOURCE_BPF_H

#include "core/link_choice.h"
#include "io/source.h"
#include "io/source_table.h"

struct source_bpf;

struct source_bpf_options {
	const char *pin_dir; /* on bpffs (io/bpffs.h) */
	const char *boot_id;
	const char *known_epoch; /* the store's; "" for none */
	uint32_t max_addresses;  /* slots on each CPU */
	uint32_t max_addresses_per_mac;
	int64_t arrival_gap_ns; /* a guest that was silent for longer is announced like a new one */
};

/* The kernel half behind the common face; NULL when that is another source. */
struct source_bpf *source_bpf_of(const struct source *source);

/* 0 or -errno, logged with the remedy (privileges, kernel version). */
int source_bpf_open(const struct source_bpf_options *options, struct source_bpf **out);

/* Borrowed; names the maps for the store. */
const char *source_bpf_epoch(const struct source_bpf *source);
/* Slots in use and in all, of the CPU that has most. */
void source_bpf_occupancy(const struct source_bpf *source, uint64_t *n_used, uint64_t *n_max);
/* Whether the baselines that the store has go on: with this table, or with the previous one. */
bool source_bpf_is_resumed(const struct source_bpf *source);
bool source_bpf_has_previous(const struct source_bpf *source);
/* Reads the previous table for the last time, once no program writes to it any more. 0 or -errno, logged. */
void source_bpf_collect_some(struct source_bpf *source, const struct mac_set *macs, source_reading reading,
			     void *context);
int source_bpf_collect_previous(struct source_bpf *source, source_reading reading, void *context);
void source_bpf_drop_previous(struct source_bpf *source);

/*
 * Counts on an interface from now on. 0 or -errno, logged: no such interface, not Ethernet, too many,
 * refused. On failure this interface is left as it was.
 */
int source_bpf_attach(struct source_bpf *source, const char *name, enum config_attach mode);

/*
 * The same for a link as it is at this moment, which must be neither a part of another that is counted on nor without
 * Ethernet headers; for one that is counted on already, replaces its programs by those for its present MAC address.
 * -ENODEV is not logged: it has gone meanwhile.
 */
int source_bpf_attach_link(struct source_bpf *source, const struct link_facts *facts, enum config_attach mode);

/* Ends counting on a link, which may be gone, and gives its place away. What has been counted can still be collected.
 */
void source_bpf_drop_link(struct source_bpf *source, uint32_t ifindex);

/*
 * Both in three steps, for a loop that must not wait: the verifier takes a tenth of a second, and taking a program away
 * as long as every CPU needs to leave it. The middle step may run in any thread. In the meantime a link that is being
 * attached is among those of source_bpf_links and must not be dropped; one that is being dropped is not.
 */
struct source_job;
int source_job_new(struct source_bpf *source, const struct link_facts *facts, enum config_attach mode,
		   struct source_job **out);
int source_job_new_drop(struct source_bpf *source, uint32_t ifindex, struct source_job **out);
void source_job_run(struct source_job *job);
/* Ends the job; what it has come to. */
int source_job_finish(struct source_bpf *source, struct source_job **job);
uint32_t source_job_ifindex(const struct source_job *job);

/* The ifindexes that are counted on, in the order in which they were attached; returns how many. */
size_t source_bpf_links(const struct source_bpf *source, uint32_t ifindexes[OCTET_SLOTS_MAX]);

/* Whether a link that is counted on belongs to another bridge than it did when it was last taken note of. */
bool source_bpf_link_has_moved(const struct source_bpf *source, const struct link_facts *facts);

/*
 * Takes note of what a link that is counted on has become: its name, its bridge. True when its MAC address is another
 * than its programs know: then they want to be replaced.
 */
bool source_bpf_follow_link(struct source_bpf *source, const struct link_facts *facts);

/*
 * Looks whether every program is still in its place, and mends what is not: attaches it again where somebody has taken
 * it away, moves it to the front where others have come before it. Logged once a minute at most.
 */
void source_bpf_verify(struct source_bpf *source);

/* Ends what an earlier agent has attached to interfaces that are not attached now. */
void source_bpf_forget_others(struct source_bpf *source);

/* Reads every slot. 0 or -errno, logged once until it works again; readings so far have been delivered. */
int source_bpf_collect(struct source_bpf *source, source_reading reading, void *context);

/* Gives back a slot that is booked for good and silent, see source_table_retire. */
void source_bpf_retire(struct source_bpf *source, const struct counter_reading *booked);

/* A descriptor that polls readable when guests have arrived, and the function to call then. */
int source_bpf_arrivals_fd(const struct source_bpf *source);
int source_bpf_arrivals(struct source_bpf *source, source_reading reading, void *context);

/* Compares what was counted with the interfaces' own counters; to be called after each collection. */
void source_bpf_observe(struct source_bpf *source, int64_t now_mono_ns);

/* Fills up to n_max entries with the present state; returns how many. Names are borrowed. */
size_t source_bpf_health(struct source_bpf *source, struct health_interface *interfaces, size_t n_max);

/* Stops counting on every interface; what has been counted can still be collected. */
void source_bpf_detach(struct source_bpf *source);

/*
 * Frees it. keep: programs, maps and pins stay and go on counting. Otherwise everything that is this store's is
 * removed.
 */
void source_bpf_close(struct source_bpf **source, bool keep);

/* After a start that failed: removes what this process has attached new, keeps what it had taken over. */
void source_bpf_abort(struct source_bpf **source);

#endif
