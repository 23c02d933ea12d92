/* SPDX-License-Identifier: MIT */
/*
 * What the commands that portals' hooks run have in common: flags become a JSON request, the agent is asked for two
 * seconds at most, and when it is not there the request is spooled (io/spool.h) and delivered by a detached child,
 * so that the hook returns at once with 0. What is not delivered in time, or refused then, goes to syslog(3).
 */
#ifndef HOOK_H
#define HOOK_H

#include <jansson.h>
#include <stddef.h>

enum hook_flag_kind {
	HOOK_TEXT,
	HOOK_IP,
	HOOK_LIMIT, /* a whole number, a field of "limits" */
	HOOK_NULL,  /* without value: the field is null */
};

struct hook_flag {
	const char *name;  /* "guest-id" */
	const char *field; /* of the request: "guest_id" */
	enum hook_flag_kind kind;
	const char *help;
};

struct hook_request {
	const char *subject; /* borrowed: whom it is about */
	char target[128];    /* below the mount: "/logout" */
	json_t *body;        /* owned; the flags' fields are in it */
};

struct hook_command {
	const char *name;
	const char *argument; /* "MAC" */
	const char *help;
	const struct hook_flag *flags;
	size_t n_flags;
	/* Completes the request from the argument, which is request->subject. 0, or -errno with a line said. */
	int (*complete)(struct hook_request *request);
};

/* The exit status: 0 done or spooled; 1 refused, or a mistake in the flags; 2 not reachable and not spooled. */
int hook_run(const struct hook_command *command, int argc, char **argv);

/* Sets the field to the MAC that text is, in its canonical form. 0, or -EINVAL, said; or -ENOMEM, said. */
int hook_set_mac(json_t *body, const char *command, const char *text);

#endif
