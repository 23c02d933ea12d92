/* SPDX-License-Identifier: MIT */
#include "core/login.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/session_record.h"

void login_clean(struct login *login)
{
	identity_clean(&login->identity);
	free(login->external_id);
	login->external_id = NULL;
	free(login->location_id);
	login->location_id = NULL;
}

int login_copy(struct login *to, const struct login *from)
{
	int r;

	*to = *from;
	to->identity = (struct identity){0};
	to->external_id = NULL;
	to->location_id = NULL;
	r = identity_copy(&to->identity, &from->identity);
	if (!r)
		r = text_copy(&to->external_id, from->external_id);
	if (!r)
		r = text_copy(&to->location_id, from->location_id);
	if (r) {
		login_clean(to);
		*to = (struct login){0};
	}
	return r;
}

static bool has_same_limits(const struct login_limits *a, const struct login_limits *b)
{
	return a->session_timeout_ns == b->session_timeout_ns && a->idle_timeout_ns == b->idle_timeout_ns &&
	       a->max_bytes_total == b->max_bytes_total && a->max_bytes_down == b->max_bytes_down &&
	       a->max_bytes_up == b->max_bytes_up;
}

bool login_is_same(const struct login *a, const struct login *b)
{
	if (mac_compare(&a->mac, &b->mac) != 0)
		return false;
	if (a->external_id || b->external_id)
		return text_is_equal(a->external_id, b->external_id);
	return identity_is_equal(&a->identity, &b->identity) && text_is_equal(a->location_id, b->location_id) &&
	       has_same_limits(&a->limits, &b->limits);
}

void login_use(struct login *login, const struct session_record *ended)
{
	login->used_ns += ended->duration_ns;
	traffic_add(&login->used, &ended->traffic);
}

void login_keep(struct login *login, const struct session_record *ended, int64_t relogin_ns)
{
	login_use(login, ended);
	login->until.wall_ns = ended->end.wall_ns + relogin_ns;
	/* on whose clock it is meaningless, but for not being zero */
	login->until.mono_ns = 1;
	login->last_seq = login->seq;
	login->seq = 0;
}

void login_change_clean(struct login_change *change)
{
	identity_clean(&change->identity);
}

void login_limits_override(struct login_limits *to, const struct login_limits *from, unsigned int sets)
{
	if (sets & 1u << LOGIN_SESSION_TIMEOUT)
		to->session_timeout_ns = from->session_timeout_ns;
	if (sets & 1u << LOGIN_IDLE_TIMEOUT)
		to->idle_timeout_ns = from->idle_timeout_ns;
	if (sets & 1u << LOGIN_MAX_BYTES_TOTAL)
		to->max_bytes_total = from->max_bytes_total;
	if (sets & 1u << LOGIN_MAX_BYTES_DOWN)
		to->max_bytes_down = from->max_bytes_down;
	if (sets & 1u << LOGIN_MAX_BYTES_UP)
		to->max_bytes_up = from->max_bytes_up;
}
