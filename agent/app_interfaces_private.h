/* SPDX-License-Identifier: MIT */
/*
 * Inside app_interfaces*.c: app_interfaces.c decides and carries out, app_interfaces_look.c looks at the links and
 * says what is to be said about those that are not counted on.
 */
#ifndef APP_INTERFACES_PRIVATE_H
#define APP_INTERFACES_PRIVATE_H

#include "app_private.h"
#include "core/link_choice.h"
#include "io/link.h"
#include "io/netlink.h"
#include "io/source_bpf.h"

#define REASONS_MAX (2 * OCTET_SLOTS_MAX)

/* A link that cannot be attached to, for another reason than its nature. */
struct failure {
	uint32_t ifindex;
	int64_t retry_mono_ns;
	int64_t delay_ns;
};

struct reason {
	char text[LINK_SENTENCE_SIZE];
	bool is_quiet; /* said in the log only: nothing is wrong */
};

struct reasons {
	struct reason items[REASONS_MAX];
	size_t n_items;
	bool has_left_out;
};

struct interfaces {
	struct source_bpf *source; /* NULL: another source, which stays on the interfaces that it was begun with */
	struct link_rules rules;
	struct netlink_monitor *monitor;
	bool wants_look; /* the last one did not see everything */
	/* what is being attached and dropped */
	uv_work_t work;
	bool is_working;
	struct source_job *jobs[2 * OCTET_SLOTS_MAX];
	size_t n_jobs;
	struct failure failures[OCTET_SLOTS_MAX];
	size_t n_failures;
	struct reasons reasons; /* as of the last look */
	const char *texts[REASONS_MAX];
};

/* One look at the links, and what was decided about them. Owns its arrays. */
struct look {
	struct link_facts *facts;
	struct link_choice *choices;
	uint32_t counted[OCTET_SLOTS_MAX];
	struct link_state state;
};

/* Lists the links and decides about them; 0 or -errno, not logged. look is all zero before. */
int look_take(const struct app *app, struct look *look);
void look_clean(struct look *look);

bool look_is_counted(const struct look *look, uint32_t ifindex);
/* The link if it shall be counted on, else NULL. */
const struct link_facts *look_chosen(const struct look *look, uint32_t ifindex);

/* Gathers what is to be said of links that are left out and of rules that find nothing; logs what is new. */
void look_note_reasons(struct app *app, const struct look *look);

#endif
