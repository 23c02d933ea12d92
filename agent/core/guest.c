/* SPDX-License-Identifier: MIT */
#include "core/guest.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/siphash.h"
#include "core/table.h"

/* What is remembered of a person; the rest of an identity is about one login. */
#define PERSON                                                                                            \
	(1u << IDENTITY_GUEST_ID | 1u << IDENTITY_USERNAME | 1u << IDENTITY_NAME | 1u << IDENTITY_EMAIL | \
	 1u << IDENTITY_YAS_ID)

/* A guest who is gone stays in the table until the store has forgotten it too. */
struct guest {
	struct identity identity;
	int64_t noted_wall_ns;
	bool is_gone;
	uint64_t version;
	uint64_t saved_version;
	UT_hash_handle hh;         /* by guest_id */
	struct guest *prev, *next; /* in the order of their latest logins, unless gone */
};

struct guest_register {
	size_t max_guests;
	struct public_id_key key;
	struct guest *by_id;
	struct guest *in_order;
	size_t n_guests;  /* without those who are gone */
	size_t n_unsaved; /* of both */
};

int guest_register_new(size_t max_guests, const struct public_id_key *key, struct guest_register **out)
{
	struct guest_register *guests = calloc(1, sizeof(*guests));

	if (!guests)
		return -ENOMEM;
	guests->max_guests = max_guests;
	guests->key = *key;
	*out = guests;
	return 0;
}

static void guest_free(struct guest_register *guests, struct guest *guest)
{
	HASH_DEL(guests->by_id, guest);
	identity_clean(&guest->identity);
	free(guest);
}

void guest_register_free(struct guest_register **guests)
{
	struct guest *guest, *next;

	if (!*guests)
		return;
	HASH_ITER (hh, (*guests)->by_id, guest, next)
		guest_free(*guests, guest);
	free(*guests);
	*guests = NULL;
}

static struct guest *find(const struct guest_register *guests, const char *guest_id)
{
	struct guest *guest;

	HASH_FIND_STR(guests->by_id, guest_id, guest);
	return guest;
}

static struct guest *add(struct guest_register *guests, const struct identity *identity)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		return NULL;
	if (identity_override(&guest->identity, identity, PERSON)) {
		free(guest);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, guests->by_id, guest->identity.guest_id, strlen(guest->identity.guest_id), guest);
	if (!TABLE_HAS_ADDED(guest, hh)) {
		identity_clean(&guest->identity);
		free(guest);
		return NULL;
	}
	DL_APPEND(guests->in_order, guest);
	guests->n_guests++;
	return guest;
}

static bool is_unsaved(const struct guest *guest)
{
	return guest->version != guest->saved_version;
}

static void mark_changed(struct guest_register *guests, struct guest *guest)
{
	guests->n_unsaved += !is_unsaved(guest);
	guest->version++;
}

/* Nothing is left of the person but the id, which the store is to be told. */
static void leave(struct guest_register *guests, struct guest *guest)
{
	for (enum identity_field i = 0; i < IDENTITY_N_FIELDS; i++) {
		char **field = identity_field(&guest->identity, i);

		if (i == IDENTITY_GUEST_ID)
			continue;
		free(*field);
		*field = NULL;
	}
	DL_DELETE(guests->in_order, guest);
	guests->n_guests--;
	guest->is_gone = true;
	mark_changed(guests, guest);
}

static void return_from_gone(struct guest_register *guests, struct guest *guest)
{
	guest->is_gone = false;
	DL_APPEND(guests->in_order, guest);
	guests->n_guests++;
}

int guest_register_load(struct guest_register *guests, const struct guest_change *known)
{
	struct guest *guest;

	if (!known->identity.guest_id || find(guests, known->identity.guest_id))
		return 0;
	guest = add(guests, &known->identity);
	if (!guest)
		return -ENOMEM;
	guest->noted_wall_ns = known->noted_wall_ns;
	return 0;
}

/* ---- who it is */

/* Names from the strongest on. A case that means nothing to their owners makes no other guest. */
static const struct {
	enum identity_field field;
	bool has_case;
	bool is_person; /* not many people's at once */
} names[] = {
	{IDENTITY_YAS_ID, false, true},
	{IDENTITY_EMAIL, false, true},
	{IDENTITY_USERNAME, true, true},
	{IDENTITY_ACCESS_CODE, true, false},
};

static int derive_id(const struct guest_register *guests, struct identity *identity, bool *is_person)
{
	const uint64_t key[2] = {(uint64_t)guests->key.words[0] << 32 | guests->key.words[1],
				 (uint64_t)guests->key.words[2] << 32 | guests->key.words[3]};
	char text[PUBLIC_ID_SIZE];

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const char *name = *identity_field(identity, names[i].field);
		CLEANUP_FREE char *folded = NULL;
		size_t length;

		if (!name)
			continue;
		/* the kind first: a code is not the user of the same name */
		length = strlen(name) + 1;
		folded = malloc(length);
		if (!folded)
			return -ENOMEM;
		folded[0] = (char)('0' + i);
		for (size_t k = 1; k < length; k++)
			folded[k] = (char)(names[i].has_case ? name[k - 1] : tolower((unsigned char)name[k - 1]));
		identity->guest_id = strdup(public_id_format(&guests->key, siphash(key, folded, length), text));
		*is_person = names[i].is_person;
		return identity->guest_id ? 0 : -ENOMEM;
	}
	*is_person = false;
	return 0;
}

/* What is said now replaces what was known; what is not said now is as it was. */
static int learn(struct guest *guest, struct identity *identity)
{
	unsigned int unsaid = 0, said = 0;
	int r;

	for (enum identity_field i = 0; i < IDENTITY_N_FIELDS; i++) {
		const char *value = *identity_field(identity, i);
		const char *known = *identity_field(&guest->identity, i);

		if (!(PERSON & 1u << i))
			continue;
		if (!value && known)
			unsaid |= 1u << i;
		if (value && (!known || strcmp(value, known) != 0))
			said |= 1u << i;
	}
	r = identity_override(identity, &guest->identity, unsaid);
	/* guest_id, which is the key of the table, is the same */
	if (!r && said)
		r = identity_override(&guest->identity, identity, said);
	return r;
}

static void make_room(struct guest_register *guests)
{
	while (guests->max_guests > 0 && guests->n_guests > guests->max_guests)
		leave(guests, guests->in_order);
}

int guest_register_note(struct guest_register *guests, struct identity *identity, int64_t now_wall_ns)
{
	bool is_person = true;
	struct guest *guest;
	int r = identity->guest_id ? 0 : derive_id(guests, identity, &is_person);

	if (r || !is_person)
		return r;
	guest = find(guests, identity->guest_id);
	if (guest && guest->is_gone)
		return_from_gone(guests, guest);
	if (!guest)
		guest = add(guests, identity);
	if (!guest)
		return -ENOMEM;
	r = learn(guest, identity);
	guest->noted_wall_ns = now_wall_ns;
	mark_changed(guests, guest);
	DL_DELETE(guests->in_order, guest);
	DL_APPEND(guests->in_order, guest);
	make_room(guests);
	return r;
}

void guest_register_forget(struct guest_register *guests, const char *guest_id)
{
	struct guest *guest = find(guests, guest_id);

	if (guest && !guest->is_gone)
		leave(guests, guest);
}

void guest_register_expire(struct guest_register *guests, int64_t before_wall_ns)
{
	struct guest *guest, *next;

	DL_FOREACH_SAFE(guests->in_order, guest, next)
	{
		if (guest->noted_wall_ns < before_wall_ns)
			leave(guests, guest);
	}
}

bool guest_register_has_changes(const struct guest_register *guests)
{
	return guests->n_unsaved > 0;
}

size_t guest_register_size(const struct guest_register *guests)
{
	return guests->n_guests;
}

/* ---- what the store lacks */

int guest_register_changed(const struct guest_register *guests, struct guest_change **out, size_t *n_out)
{
	struct guest_change *changes;
	const struct guest *guest, *next;
	size_t n_changes = 0;

	*out = NULL;
	*n_out = 0;
	if (guests->n_unsaved == 0)
		return 0;
	changes = calloc(guests->n_unsaved, sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	HASH_ITER (hh, guests->by_id, guest, next) {
		struct guest_change *change = &changes[n_changes];

		if (!is_unsaved(guest))
			continue;
		if (identity_copy(&change->identity, &guest->identity)) {
			guest_changes_free(changes, n_changes);
			return -ENOMEM;
		}
		change->noted_wall_ns = guest->noted_wall_ns;
		change->is_gone = guest->is_gone;
		change->version = guest->version;
		n_changes++;
	}
	*out = changes;
	*n_out = n_changes;
	return 0;
}

void guest_register_mark_saved(struct guest_register *guests, const struct guest_change *saved, size_t n_saved)
{
	for (size_t i = 0; i < n_saved; i++) {
		struct guest *guest = find(guests, saved[i].identity.guest_id);

		if (!guest || !is_unsaved(guest))
			continue;
		if (guest->saved_version < saved[i].version)
			guest->saved_version = saved[i].version;
		guests->n_unsaved -= !is_unsaved(guest);
		if (guest->is_gone && !is_unsaved(guest))
			guest_free(guests, guest);
	}
}

void guest_changes_free(struct guest_change *changes, size_t n_changes)
{
	for (size_t i = 0; i < n_changes; i++)
		identity_clean(&changes[i].identity);
	free(changes);
}
