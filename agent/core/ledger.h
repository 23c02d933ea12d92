/* SPDX-License-Identifier: MIT */
/*
 * The ledger turns cumulative readings into deltas: reading minus baseline. Baselines are persisted in
 * the same transaction as the sessions that got the deltas, so a crash neither loses nor doubles a byte.
 *
 * A baseline belongs to a slot and its sequence: a slot with another sequence has another key and counts from
 * zero, and what it held before was booked (octet/abi.h says why that is so). A reading below its baseline
 * means that the counters were made anew: the whole reading is new. It is never a wrap: 2^64 octets take 4,679
 * years at 1 Gbit/s.
 *
 * Dirty tracking: each change of a baseline raises its version; a flush copies what changed
 * (ledger_changed), and after COMMIT the store's answer marks those versions as saved. Only a baseline that is
 * saved as it is may be given back to the kernel (ledger_each_idle).
 */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/counter.h"

struct ledger;

/* What a reading added to its baseline. */
struct ledger_delta {
	struct counter_key key;
	struct traffic traffic;
	int64_t last_up_ns; /* CLOCK_MONOTONIC; as the reading says */
	int64_t last_down_ns;
	uint32_t bridge; /* as the reading says */
	bool has_up;     /* a frame came from the guest since the baseline */
};

/* A baseline as the store keeps it. */
struct ledger_baseline {
	struct counter_reading reading;
	uint64_t version; /* for ledger_mark_saved */
};

int ledger_new(struct ledger **out); /* 0 or -ENOMEM */
void ledger_free(struct ledger **ledger);

/* Takes a baseline that was persisted (in the same epoch); it counts as saved. 0, -ENOMEM or -ERANGE. */
int ledger_load(struct ledger *ledger, const struct counter_reading *reading);

/*
 * Moves the baseline up to the reading. 1 and *out when something changed, 0 when nothing did;
 * -ENOMEM: nothing moved, the next reading has it all; -ERANGE: no such slot.
 */
int ledger_observe(struct ledger *ledger, const struct counter_reading *reading, struct ledger_delta *out);

/* Whether a flush wants the baselines of this MAC; NULL stands for all. */
typedef bool (*ledger_wants)(const void *context, const struct mac_addr *mac);

/* Copies the changed baselines that are wanted into a new array that the caller frees; 0 or -ENOMEM. */
int ledger_changed(const struct ledger *ledger, ledger_wants wants, const void *context, struct ledger_baseline **out,
		   size_t *n_out);

/* The store has committed these; entries that moved on meanwhile stay changed. */
void ledger_mark_saved(struct ledger *ledger, const struct ledger_baseline *saved, size_t n_saved);

/*
 * Calls visit for each slot that is silent since before (on the readings' clock, both directions) and whose
 * baseline is saved: nothing would be lost if its key went.
 */
void ledger_each_idle(const struct ledger *ledger, int64_t before_ns,
		      void (*visit)(void *context, const struct counter_reading *reading), void *context);

/* Forgets every baseline, because the counters are other ones from here on; the total stays. */
void ledger_clear(struct ledger *ledger);

size_t ledger_size(const struct ledger *ledger);
struct traffic ledger_total(const struct ledger *ledger); /* the sum of all deltas since ledger_new */

#endif
