/* SPDX-License-Identifier: MIT */
/* What the agent's answer to a command of a portal's hook means: for the hook's exit status, and for its log. */
#ifndef CORE_HOOK_ANSWER_H
#define CORE_HOOK_ANSWER_H

#include "base/strbuf.h"

enum hook_verdict {
	HOOK_DONE,
	HOOK_NOBODY,  /* there was nothing to end: what the caller wanted is so */
	HOOK_REFUSED, /* it will never be taken */
	HOOK_LATER,   /* the agent cannot now */
};

/* command: of octetd, such as "logout"; body may be NULL or anything. */
enum hook_verdict hook_answer_judge(const char *command, int status, const char *body);

/*
 * Appends why it was refused: "mac: the reason; ip: the reason", else the answer's message, else its status.
 * Control characters become '?'.
 */
void hook_answer_explain(int status, const char *body, struct strbuf *out);

#endif
