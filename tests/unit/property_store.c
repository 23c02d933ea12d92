/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit/property.h"

void batch_clean(struct batch *batch)
{
	session_changes_free(batch->sessions, batch->n_sessions);
	free(batch->baselines);
	free(batch->unclaimed);
	login_saves_free(batch->logins, batch->n_logins);
	free(batch->strangers);
	device_changes_free(batch->devices, batch->n_devices);
	*batch = (struct batch){0};
}

static void raise_next_seq(struct store_model *store, uint64_t seq)
{
	if (store->next_seq <= seq)
		store->next_seq = seq + 1;
}

static struct session_record *new_row(struct world *world, uint64_t seq)
{
	struct store_model *store = &world->store;
	const size_t n_rows = seq >= store->n_rows ? 2 * (size_t)seq + 16 : store->n_rows;

	if (n_rows > store->n_rows) {
		store->rows = reallocarray(store->rows, n_rows, sizeof(struct session_record *));
		ENSURE(world, store->rows, "no memory");
		memset(store->rows + store->n_rows, 0, (n_rows - store->n_rows) * sizeof(struct session_record *));
		store->n_rows = n_rows;
	}
	if (!store->rows[seq])
		store->rows[seq] = calloc(1, sizeof(struct session_record));
	ENSURE(world, store->rows[seq], "no memory");
	return store->rows[seq];
}

static void put_session(struct world *world, const struct session_record *record)
{
	struct store_model *store = &world->store;
	struct session_record *row = new_row(world, record->seq);
	struct traffic *sum = &store->sessions[world_mac_index(&record->mac)];

	if (row->seq != 0) {
		ENSURE(world, mac_compare(&row->mac, &record->mac) == 0, "session %lu has another MAC", record->seq);
		ENSURE(world, row->start.mono_ns == record->start.mono_ns, "session %lu began twice", record->seq);
		ENSURE(world, session_record_is_online(row) || row->end.mono_ns == record->end.mono_ns,
		       "session %lu ended twice", record->seq);
		traffic_subtract(sum, &row->traffic);
		session_record_clean(row);
	}
	ENSURE(world, session_record_copy(row, record) == 0, "no memory");
	traffic_add(sum, &row->traffic);
	ENSURE(world, session_record_is_online(row) || row->end.wall_ns >= row->start.wall_ns,
	       "session %lu is stored with an end %ld ns before its start", row->seq,
	       row->start.wall_ns - row->end.wall_ns);
	raise_next_seq(store, row->seq);
}

static void put_login(struct world *world, const struct login_save *save)
{
	struct store_model *store = &world->store;
	const size_t i = world_mac_index(&save->login.mac);

	if (store->has_login[i])
		login_clean(&store->logins[i]);
	store->has_login[i] = !save->is_gone;
	if (save->is_gone)
		return;
	ENSURE(world, login_copy(&store->logins[i], &save->login) == 0, "no memory");
	raise_next_seq(store, save->login.seq);
}

static void put_device(struct world *world, const struct device_change *change)
{
	char **name = &world->store.host_names[world_mac_index(&change->mac)];

	free(*name);
	*name = change->host_name ? strdup(change->host_name) : NULL;
}

static bool is_equal(const struct traffic *a, const struct traffic *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* A crash right now would neither lose nor double an octet. */
static void check_sums(const struct world *world)
{
	const struct store_model *store = &world->store;

	for (size_t i = 0; i < N_MACS; i++) {
		struct traffic sum = store->sessions[i];

		traffic_add(&sum, &store->nobody[i]);
		ENSURE(world, is_equal(&sum, &store->booked[i]),
		       "the store has %lu up, %lu down of MAC %zu, and baselines for %lu, %lu", sum.up_bytes,
		       sum.down_bytes, i, store->booked[i].up_bytes, store->booked[i].down_bytes);
	}
}

void store_model_apply(struct world *world, const struct batch *batch)
{
	struct store_model *store = &world->store;

	for (size_t i = 0; i < batch->n_sessions; i++)
		put_session(world, &batch->sessions[i].record);
	for (size_t i = 0; i < batch->n_baselines; i++) {
		const struct counter_reading *reading = &batch->baselines[i].reading;

		store->baselines[reading->slot] = *reading;
		store->has_baseline[reading->slot] = true;
	}
	for (size_t i = 0; i < batch->n_unclaimed; i++)
		store->unclaimed[world_mac_index(&batch->unclaimed[i].mac)] = batch->unclaimed[i].traffic;
	for (size_t i = 0; i < batch->n_logins; i++)
		put_login(world, &batch->logins[i]);
	for (size_t i = 0; i < batch->n_strangers; i++)
		store->strangers[world_mac_index(&batch->strangers[i].device.mac)] = batch->strangers[i].device;
	for (size_t i = 0; i < batch->n_devices; i++)
		put_device(world, &batch->devices[i]);
	for (size_t i = 0; i < N_MACS; i++) {
		if (!batch->is_booked[i])
			continue;
		store->booked[i] = batch->booked[i];
		store->nobody[i] = batch->nobody[i];
	}
	check_sums(world);
}

void store_model_close_all(struct world *world)
{
	struct store_model *store = &world->store;

	for (size_t seq = 0; seq < store->n_rows; seq++) {
		struct session_record *row = store->rows[seq];
		struct login *login;

		if (!row || !session_record_is_online(row))
			continue;
		session_close_record(row, row->last_seen, END_CAUSE_NAS_REBOOT);
		login = &store->logins[world_mac_index(&row->mac)];
		if (store->has_login[world_mac_index(&row->mac)] && login->seq == seq)
			login_keep(login, row, world->rules.relogin_ns);
		world->counts.n_ends[END_CAUSE_NAS_REBOOT]++;
	}
}

void store_model_clean(struct store_model *store)
{
	for (size_t seq = 0; seq < store->n_rows; seq++) {
		if (store->rows[seq])
			session_record_clean(store->rows[seq]);
		free(store->rows[seq]);
	}
	free(store->rows);
	for (size_t i = 0; i < N_MACS; i++) {
		if (store->has_login[i])
			login_clean(&store->logins[i]);
		free(store->host_names[i]);
	}
}
