/* SPDX-License-Identifier: MIT */
/* One session engine in virtual time, for the tests of logins and limits. Guests are numbers, times milliseconds. */
#ifndef UNIT_SESSION_SCENE_H
#define UNIT_SESSION_SCENE_H

#include "core/session.h"

/* Of scene_rules(). */
#define SCENE_IDLE_MS INT64_C(300000)
#define SCENE_WAIT_MS INT64_C(120000)
#define SCENE_RELOGIN_MS INT64_C(600000)

struct scene {
	struct session_engine *engine;
	struct event_list events;
	struct session_rules rules;
	int64_t wall_offset_ns;
};
extern struct scene scene;

struct session_rules scene_rules(enum session_start start);
void scene_begin(const struct session_rules *rules);
/* As the .fini of a suite. */
void scene_end(void);

struct instant scene_at(int64_t ms);
struct mac_addr scene_mac(uint8_t guest);
void scene_packet(int64_t ms, uint8_t guest, const char *ip, uint64_t up_bytes, uint64_t down_bytes);
void scene_tick(int64_t ms);
/* The outcome; what is not said is said by a username of the guest's number. */
int scene_login(int64_t ms, uint8_t guest, const char *username, const struct login_limits *limits, uint64_t *seq);
void scene_end_session(int64_t ms, uint64_t seq, enum end_cause cause);

const struct session_record *scene_online(uint8_t guest);
const struct session_record *scene_holder(const char *ip);
const struct login *scene_login_of(uint8_t guest);
/* The store has everything. */
void scene_save(void);
/* A new engine takes up what this one has never saved, as of this boot. */
void scene_restart(int64_t ms);
size_t scene_count_events(enum event_kind kind);

#endif
