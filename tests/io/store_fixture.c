/* SPDX-License-Identifier: MIT */
#include "io/store_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"

void store_lab_open(struct store_lab *lab)
{
	snprintf(lab->directory, sizeof(lab->directory), "/tmp/octetd-store-XXXXXX");
	cr_assert_not_null(mkdtemp(lab->directory));
	snprintf(lab->path, sizeof(lab->path), "%s/octetd.db", lab->directory);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

void store_lab_close(struct store_lab *lab)
{
	cr_assert_eq(nftw(lab->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT), 0);
}

void store_lab_mount_small(const struct store_lab *lab)
{
	if (unshare(CLONE_NEWNS) < 0)
		cr_skip_test("needs root to mount a file system");
	cr_assert_eq(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("octetd-test", lab->directory, "tmpfs", 0, "size=512k"), 0);
}

void store_lab_unmount_small(const struct store_lab *lab)
{
	cr_assert_eq(umount(lab->directory), 0);
}

void store_lab_fill_disk(const struct store_lab *lab, char path[160])
{
	CLEANUP_CLOSE int fd = -1;
	char block[512] = {0};

	snprintf(path, 160, "%s/filler", lab->directory);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	cr_assert_eq(errno, ENOSPC);
}

uint64_t store_lab_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* NULL, empty, quotes of two kinds, a pattern, UTF-8 of two to four octets, and one that fills pages. */
static char *random_text(uint64_t *seed)
{
	static const char *const texts[] = {NULL,
					    NULL,
					    "",
					    "Shagun Goel",
					    "O'Brien \"the\" guest'); DROP TABLE sessions;--",
					    "100 %_\\",
					    "Şâğun Ğöel",
					    "日本の旅人",
					    "🐘\t\n"};
	uint64_t choice = store_lab_random(seed) % (ARRAY_LENGTH(texts) + 2);
	char *text;

	if (choice < ARRAY_LENGTH(texts))
		return texts[choice] ? strdup(texts[choice]) : NULL;
	if (choice == ARRAY_LENGTH(texts)) {
		text = malloc(10001);
		memset(text, 'x', 10000);
		text[10000] = '\0';
		return text;
	}
	cr_assert_gt(asprintf(&text, "%016llx", (unsigned long long)store_lab_random(seed)), 0);
	return text;
}

static uint64_t random_counter(uint64_t *seed)
{
	static const uint64_t counters[] = {0, 1, UINT32_MAX, (uint64_t)UINT32_MAX + 1, INT64_MAX};
	uint64_t choice = store_lab_random(seed) % (ARRAY_LENGTH(counters) + 3);

	return choice < ARRAY_LENGTH(counters) ? counters[choice] : store_lab_random(seed) >> 1;
}

static struct instant random_instant(uint64_t *seed)
{
	return (struct instant){
		.mono_ns = (int64_t)(store_lab_random(seed) >> 16),
		.wall_ns = INT64_C(1700000000) * NS_PER_S + (int64_t)(store_lab_random(seed) >> 12),
	};
}

static struct ip_addr random_ip(uint64_t *seed, uint8_t last)
{
	const uint8_t v4[4] = {10, 0, (uint8_t)(store_lab_random(seed) & 3), last};
	struct ip_addr ip;

	if (store_lab_random(seed) & 1)
		return ip_from_v4(v4);
	for (size_t i = 0; i < sizeof(ip.octets); i++)
		ip.octets[i] = (uint8_t)store_lab_random(seed);
	ip.octets[0] = store_lab_random(seed) & 1 ? 0x20 : 0xfe;
	ip.octets[15] = last; /* addresses of one session differ */
	return ip;
}

static void add_random_addresses(uint64_t *seed, struct session_record *record)
{
	struct instant since = record->start;
	const size_t n_addresses = store_lab_random(seed) % (SESSION_ADDRESSES_MAX + 1);

	for (size_t i = 0; i < n_addresses; i++) {
		struct session_address address;

		since.wall_ns += 1 + (int64_t)(store_lab_random(seed) % 1000);
		address = (struct session_address){
			.ip = random_ip(seed, (uint8_t)i),
			.since = since,
			.last = random_instant(seed),
			.bytes = random_counter(seed),
		};
		cr_assert_eq(session_record_add_address(record, &address), 0);
	}
	record->primary_ip = session_record_choose_primary(record);
}

static struct identity random_identity(uint64_t *seed)
{
	struct identity identity;

	for (int field = 0; field < IDENTITY_N_FIELDS; field++)
		*identity_field(&identity, (enum identity_field)field) = random_text(seed);
	return identity;
}

struct session_record store_lab_record(uint64_t *seed, uint64_t seq)
{
	static const enum end_cause causes[] = {END_CAUSE_NONE, END_CAUSE_USER_REQUEST, END_CAUSE_IDLE_TIMEOUT,
						END_CAUSE_NAS_REBOOT};
	struct session_record record = {
		.seq = seq,
		.start = random_instant(seed),
		.last_seen = random_instant(seed),
		.cause = causes[store_lab_random(seed) % ARRAY_LENGTH(causes)],
		.traffic = {random_counter(seed), random_counter(seed), random_counter(seed), random_counter(seed)},
		.location_id = random_text(seed),
		.location_name = random_text(seed),
		.identity = random_identity(seed),
	};

	for (size_t i = 0; i < sizeof(record.mac.octets); i++)
		record.mac.octets[i] = (uint8_t)store_lab_random(seed);
	if (!session_record_is_online(&record)) {
		record.duration_ns = (int64_t)(store_lab_random(seed) >> 20);
		record.end.mono_ns = record.start.mono_ns + record.duration_ns;
		record.end.wall_ns = record.start.wall_ns + record.duration_ns;
	}
	add_random_addresses(seed, &record);
	return record;
}

struct login store_lab_login(uint64_t *seed, uint8_t last)
{
	struct login login = {
		.mac.octets = {2, 0, 0, 0, 1, last},
		.identity = random_identity(seed),
		.external_id = random_text(seed),
		.location_id = random_text(seed),
		.limits =
			{
				.session_timeout_ns = (int64_t)random_counter(seed),
				.idle_timeout_ns = (int64_t)random_counter(seed),
				.max_bytes_total = random_counter(seed),
				.max_bytes_down = random_counter(seed),
				.max_bytes_up = random_counter(seed),
			},
		.at = random_instant(seed),
		.until = random_instant(seed),
		.seq = 1 + random_counter(seed) % 1000000,
		.has_begun = store_lab_random(seed) & 1,
		.used_ns = (int64_t)random_counter(seed),
		.used = {random_counter(seed), random_counter(seed), random_counter(seed), random_counter(seed)},
	};

	if (store_lab_random(seed) % 4)
		login.ip = random_ip(seed, last);
	return login;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_same_instant(struct instant a, struct instant b)
{
	return a.mono_ns == b.mono_ns && a.wall_ns == b.wall_ns;
}

static const char *identity_difference(const struct identity *a, const struct identity *b)
{
	struct identity left = *a;
	struct identity right = *b;

	for (int i = 0; i < IDENTITY_N_FIELDS; i++) {
		const enum identity_field field = (enum identity_field)i;

		if (!is_same_text(*identity_field(&left, field), *identity_field(&right, field)))
			return identity_field_name(field);
	}
	return NULL;
}

const char *store_lab_login_difference(const struct login *a, const struct login *b)
{
	if (mac_compare(&a->mac, &b->mac) != 0)
		return "mac";
	if (ip_compare(&a->ip, &b->ip) != 0)
		return "ip";
	if (!is_same_text(a->external_id, b->external_id))
		return "external_id";
	if (!is_same_text(a->location_id, b->location_id))
		return "location_id";
	if (memcmp(&a->limits, &b->limits, sizeof(a->limits)) != 0)
		return "limits";
	if (!is_same_instant(a->at, b->at) || !is_same_instant(a->until, b->until))
		return "at, until";
	if (a->seq != b->seq || a->has_begun != b->has_begun)
		return "seq, has_begun";
	if (a->used_ns != b->used_ns || memcmp(&a->used, &b->used, sizeof(a->used)) != 0)
		return "used";
	return identity_difference(&a->identity, &b->identity);
}

static const char *addresses_difference(const struct session_record *a, const struct session_record *b)
{
	if (a->n_addresses != b->n_addresses)
		return "n_addresses";
	for (size_t i = 0; i < a->n_addresses; i++) {
		const struct session_address *left = &a->addresses[i];
		const struct session_address *right = &b->addresses[i];

		if (ip_compare(&left->ip, &right->ip) != 0)
			return "addresses.ip";
		if (!is_same_instant(left->since, right->since))
			return "addresses.since";
		if (!is_same_instant(left->last, right->last))
			return "addresses.last";
		if (left->bytes != right->bytes)
			return "addresses.bytes";
	}
	return NULL;
}

const char *store_lab_difference(const struct session_record *a, const struct session_record *b)
{
	const char *addresses = addresses_difference(a, b);

	if (a->seq != b->seq)
		return "seq";
	if (mac_compare(&a->mac, &b->mac) != 0)
		return "mac";
	if (!is_same_instant(a->start, b->start))
		return "start";
	if (!is_same_instant(a->last_seen, b->last_seen))
		return "last_seen";
	if (!is_same_instant(a->end, b->end))
		return "end";
	if (a->duration_ns != b->duration_ns)
		return "duration_ns";
	if (a->cause != b->cause)
		return "cause";
	if (memcmp(&a->traffic, &b->traffic, sizeof(a->traffic)) != 0)
		return "traffic";
	if (ip_compare(&a->primary_ip, &b->primary_ip) != 0)
		return "primary_ip";
	if (!is_same_text(a->location_id, b->location_id))
		return "location_id";
	if (!is_same_text(a->location_name, b->location_name))
		return "location_name";
	return addresses ? addresses : identity_difference(&a->identity, &b->identity);
}

void store_lab_add_session(struct store_batch *batch, const struct session_record *record)
{
	batch->sessions = reallocarray(batch->sessions, batch->n_sessions + 1, sizeof(*batch->sessions));
	cr_assert_not_null(batch->sessions);
	cr_assert_eq(session_record_copy(&batch->sessions[batch->n_sessions].record, record), 0);
	batch->sessions[batch->n_sessions++].version = 1;
}

void store_lab_add_baseline(struct store_batch *batch, const struct counter_reading *reading)
{
	batch->baselines = reallocarray(batch->baselines, batch->n_baselines + 1, sizeof(*batch->baselines));
	cr_assert_not_null(batch->baselines);
	batch->baselines[batch->n_baselines++] = (struct ledger_baseline){.reading = *reading, .version = 1};
}

void store_lab_add_unclaimed(struct store_batch *batch, const struct mac_addr *mac, struct traffic traffic)
{
	batch->unclaimed = reallocarray(batch->unclaimed, batch->n_unclaimed + 1, sizeof(*batch->unclaimed));
	cr_assert_not_null(batch->unclaimed);
	batch->unclaimed[batch->n_unclaimed++] =
		(struct unclaimed_change){.mac = *mac, .traffic = traffic, .version = 1};
}

void store_lab_add_login(struct store_batch *batch, const struct login *login)
{
	batch->logins = reallocarray(batch->logins, batch->n_logins + 1, sizeof(*batch->logins));
	cr_assert_not_null(batch->logins);
	batch->logins[batch->n_logins] = (struct login_save){.version = 1};
	cr_assert_eq(login_copy(&batch->logins[batch->n_logins++].login, login), 0);
}

void store_lab_add_guest(struct store_batch *batch, const struct guest_change *guest)
{
	struct guest_change change = {.noted_wall_ns = guest->noted_wall_ns, .is_gone = guest->is_gone, .version = 1};

	batch->guests = reallocarray(batch->guests, batch->n_guests + 1, sizeof(*batch->guests));
	cr_assert_not_null(batch->guests);
	cr_assert_eq(identity_copy(&change.identity, &guest->identity), 0);
	batch->guests[batch->n_guests++] = change;
}

void store_lab_add_device(struct store_batch *batch, const struct mac_addr *mac, const char *host_name)
{
	batch->devices = reallocarray(batch->devices, batch->n_devices + 1, sizeof(*batch->devices));
	cr_assert_not_null(batch->devices);
	batch->devices[batch->n_devices++] = (struct device_change){
		.mac = *mac,
		.host_name = host_name ? strdup(host_name) : NULL,
		.version = 1,
	};
}

void store_lab_add_unauthenticated(struct store_batch *batch, const struct unauthenticated *device)
{
	batch->unauthenticated =
		reallocarray(batch->unauthenticated, batch->n_unauthenticated + 1, sizeof(*batch->unauthenticated));
	cr_assert_not_null(batch->unauthenticated);
	batch->unauthenticated[batch->n_unauthenticated++] =
		(struct unauthenticated_change){.device = *device, .version = 1};
}

void store_lab_add_balanced(struct store_batch *batch, uint64_t seq, uint64_t up_bytes)
{
	const uint8_t v4[4] = {10, 0, (uint8_t)(seq >> 8), (uint8_t)seq};
	struct session_address address = {.ip = ip_from_v4(v4), .bytes = up_bytes};
	struct session_record record = {
		.seq = seq,
		.mac.octets = {2, 0, 0, 0, (uint8_t)(seq >> 8), (uint8_t)seq},
		.start = {.mono_ns = 1, .wall_ns = INT64_C(1700000000) * NS_PER_S + (int64_t)seq},
		.traffic.up_bytes = up_bytes,
		.addresses = &address,
		.n_addresses = 1,
	};
	struct counter_reading reading = {
		.slot = (uint32_t)seq,
		.sequence = 2,
		.key = {.mac = record.mac, .ip = address.ip, .ifindex = 3},
		.total.up_bytes = up_bytes,
	};

	store_lab_add_session(batch, &record);
	store_lab_add_baseline(batch, &reading);
}

int store_lab_write(struct store *store, struct store_batch *batch)
{
	int r = store_write(store, batch);

	store_batch_clean(batch);
	return r;
}

struct history_result store_lab_ask(const char *path, const struct history_query *query)
{
	CLEANUP(store_reader_close) struct store_reader *reader = NULL;
	struct history_result result;

	cr_assert_eq(store_reader_open(path, &reader), 0);
	store_reader_query(reader, query, &result);
	return result;
}

int64_t store_lab_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	int64_t value = INT64_MIN;
	int code;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	code = sqlite3_step(statement);
	cr_assert(code == SQLITE_ROW || code == SQLITE_DONE, "%s: %s", sql, sqlite3_errmsg(db));
	if (code == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	cr_assert_eq(sqlite3_close(db), SQLITE_OK);
	return value;
}
