/* SPDX-License-Identifier: MIT */
/*
 * An answer without an end from the agent on this machine, over its Unix socket. The caller waits for the descriptor,
 * together with whatever else it waits for.
 */
#ifndef IO_LOCAL_STREAM_H
#define IO_LOCAL_STREAM_H

#include <stddef.h>
#include <sys/types.h>

struct local_stream;

/*
 * Connects and asks for target; last_event_id is sent along unless it is "". Waits at most some seconds. 0 or -errno,
 * not logged: what it means depends on whether the agent was there before.
 */
int local_stream_open(const char *socket_path, const char *target, const char *last_event_id,
		      struct local_stream **out);
void local_stream_close(struct local_stream **stream);

int local_stream_fd(const struct local_stream *stream);

/*
 * What has come of the body, without waiting: its length, of at most size octets. -EAGAIN: nothing yet; 0: the end;
 * -ECONNRESET: cut short; -EBADMSG: no HTTP; or another -errno.
 */
ssize_t local_stream_read(struct local_stream *stream, char *buffer, size_t size);

/* The HTTP status; 0 until the head of the answer has come. */
int local_stream_status(const struct local_stream *stream);

#endif
