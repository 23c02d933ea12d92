/* SPDX-License-Identifier: MIT */
/* SIGINT, SIGTERM and SIGHUP as events on the loop; SIGPIPE is ignored in the whole process. */
#ifndef IO_SIGNALS_H
#define IO_SIGNALS_H

#include <uv.h>

struct signals;

typedef void (*signals_handler)(void *context, int signal_number);

/* 0 or -errno, logged; after a failure handles may be closing, so the loop must run once more. */
int signals_new(uv_loop_t *loop, signals_handler handler, void *context, struct signals **out);

/* No call of the handler after this; the memory goes in the last close callback. */
void signals_close(struct signals **signals);

#endif
