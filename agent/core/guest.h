/* SPDX-License-Identifier: MIT */
/*
 * A guest is a person, however many devices and sessions it has. Who a login is about is told by its guest_id; a
 * login without one gets one that is derived from the strongest name it has (yas_id, e-mail, user name, access
 * code), the same for the same name for ever, so that three devices of a guest are one guest.
 *
 * The register knows what was last said of each guest: a portal that names only the guest_id, yas_id, e-mail or user
 * name need not repeat the rest. Sessions keep a copy of what was said when they began or were changed, so history does
 * not change with the guest. What an access code alone identifies may be many people, and is not repeated.
 */
#ifndef CORE_GUEST_H
#define CORE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/identity.h"
#include "core/public_id.h"

struct guest_register;

/* As the store keeps it. Owned. */
struct guest_change {
	struct identity identity; /* guest_id, username, name, email, yas_id; the rest is NULL */
	int64_t noted_wall_ns;    /* the latest login */
	bool is_gone;             /* only guest_id is set: the row goes */
	uint64_t version;
};

/* Beyond max_guests the one who has logged in longest ago is forgotten. 0 or -ENOMEM. */
int guest_register_new(size_t max_guests, const struct public_id_key *key, struct guest_register **out);
void guest_register_free(struct guest_register **guests);

/* Takes what the store knew. 0 or -ENOMEM. */
int guest_register_load(struct guest_register *guests, const struct guest_change *known);

/*
 * Completes the identity of a login, in place: derives guest_id where it is missing, fills absent names from what is
 * known of the guest, and notes what is new. 0 or -ENOMEM, and *identity may be incomplete then.
 */
int guest_register_note(struct guest_register *guests, struct identity *identity, int64_t now_wall_ns);

/* Forgets a guest, here and in the store. */
void guest_register_forget(struct guest_register *guests, const char *guest_id);

/* Those that have not logged in since go. */
void guest_register_expire(struct guest_register *guests, int64_t before_wall_ns);

/* Whether guest_register_changed would yield anything. */
bool guest_register_has_changes(const struct guest_register *guests);

size_t guest_register_size(const struct guest_register *guests);

/* Copies what the store lacks, see session_engine_changed; guest_changes_free, then mark_saved after the commit. */
int guest_register_changed(const struct guest_register *guests, struct guest_change **out, size_t *n_out);
void guest_register_mark_saved(struct guest_register *guests, const struct guest_change *saved, size_t n_saved);
void guest_changes_free(struct guest_change *changes, size_t n_changes);

#endif
