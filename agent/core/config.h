/* SPDX-License-Identifier: MIT */
/*
 * The configuration as plain data. io/config_file.c fills it from a file, the command line overrides it;
 * config_check() then says whether it makes sense. Owned strings.
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "core/config_key.h"
#include "core/profile.h"
#include "core/session.h"

enum config_source { CONFIG_SOURCE_AUTO, CONFIG_SOURCE_BPF, CONFIG_SOURCE_PCAP, CONFIG_N_SOURCES };
enum config_attach { CONFIG_ATTACH_AUTO, CONFIG_ATTACH_TCX, CONFIG_ATTACH_CLSACT, CONFIG_N_ATTACH };

struct config {
	/* counting */
	char **interfaces; /* names and patterns */
	size_t n_interfaces;
	char **bridges; /* whose ports are counted on; the same */
	size_t n_bridges;
	bool wait_for_interfaces;       /* those that are named may be absent at start; default false */
	enum config_source source;      /* "auto", "bpf", "pcap" */
	enum config_attach attach;      /* "auto", "tcx", "clsact" */
	uint32_t max_addresses;         /* slots of the table of clients on each CPU; default 16384 */
	uint32_t max_addresses_per_mac; /* default 32 */
	char *bpffs_dir;                /* default "/sys/fs/bpf/octetd" */
	bool keep_counting;             /* leave programs and maps in place at exit; default true */
	int64_t collect_interval_ms;    /* default 1000 */
	int64_t max_staleness_ms;       /* default 250 */
	/* sessions */
	enum session_start start; /* "traffic", "login" */
	int64_t idle_timeout_s;   /* default 300 */
	int64_t login_wait_s;     /* default 300 */
	int64_t relogin_s;        /* default 7200 */
	uint32_t max_guests;      /* default 16384 */
	bool lost_on_neighbour;   /* the kernel's neighbour table gives up on a guest; default false */
	bool lost_on_bridge;      /* the bridge forgets where a guest is; default false */
	bool lost_on_interface;   /* the guest's interface goes down or away; default false */
	struct profile *profiles; /* owned, each name once */
	size_t n_profiles;
	/* store */
	char *state_dir;              /* default "/var/lib/octetd" */
	int64_t flush_interval_s;     /* default 60 */
	int64_t history_max_days;     /* default 365; 0: no bound */
	int64_t history_max_sessions; /* default 1000000; 0: no bound */
	/* location */
	char *location_id;   /* default NULL */
	char *location_name; /* default NULL */
	char *time_zone;     /* tzdata name or POSIX TZ string; default "UTC" */
	/* api */
	char *listen_address;           /* default "127.0.0.1" */
	uint16_t listen_port;           /* default 8087; 0: any free port */
	char *socket_path;              /* root-only Unix socket; default "/run/octetd.sock" */
	char *mount;                    /* default "/api/v1" */
	char *base_url;                 /* default NULL: from the request */
	uint32_t rate_limit_per_minute; /* default 60, 0: off */
	struct ip_prefix *trusted_proxies;
	size_t n_trusted_proxies;
	/* log */
	char *log_level; /* default "info" */
	/* where the file sets each key; 0: it does not, or the command line overrides it */
	int lines[CONFIG_N_KEYS];
};

/* Fills in every default; 0 or -ENOMEM. */
int config_init(struct config *config);
void config_clean(struct config *config);

/*
 * Called for each mistake: line is 0 where it is not known, text is one sentence that names the key, the
 * value and the remedy.
 */
typedef void (*config_report)(void *context, int line, const char *text);

/*
 * Sets a key from text, as on the command line; a CONFIG_STRINGS key takes a comma-separated list and replaces
 * what was there. "" unsets what has no default. 0; -ENOENT for an unknown key, -EINVAL for a value that does
 * not fit, with a sentence in error as above (nothing is changed then); -ENOMEM. What is set has no line.
 */
int config_set(struct config *config, const char *key, const char *value, char *error, size_t error_size);

/* The same for a CONFIG_STRINGS key whose elements are separate already. */
int config_set_list(struct config *config, const char *key, char *const *values, size_t n_values, char *error,
		    size_t error_size);

/* Checks values and their combinations; the number of mistakes reported, with the lines of their keys. */
int config_check(const struct config *config, config_report report, void *context);

#endif
