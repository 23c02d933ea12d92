/* SPDX-License-Identifier: MIT */
/*
 * Accepts connections from one listening socket on the loop. It stops polling while there is no room, and for
 * a moment when the process or the system has no descriptor left: a listening socket stays readable then, and
 * a loop that went on asking would take a whole CPU.
 */
#ifndef IO_ACCEPTOR_H
#define IO_ACCEPTOR_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

/* Owns fd from here on. False: no room for another one until acceptor_resume(). */
typedef bool (*acceptor_accepted)(void *context, int fd, const struct sockaddr *peer, socklen_t peer_length);
typedef void (*acceptor_closed)(void *context);

enum acceptor_state { ACCEPTOR_CLOSED, ACCEPTOR_POLLING, ACCEPTOR_FULL, ACCEPTOR_STARVED };

/* Embedded in its owner; all zero is a valid, closed one. Must stay until closed was called. */
struct acceptor {
	uv_poll_t poll;
	uv_timer_t retry;
	int fd;
	enum acceptor_state state;
	unsigned int n_handles;
	uint64_t complained_ms; /* on the loop's clock; 0: never */
	acceptor_accepted accepted;
	acceptor_closed closed;
	void *context;
};

/* Takes fd over, also on failure. 0 or -errno; on failure it is closed already. */
int acceptor_start(struct acceptor *acceptor, uv_loop_t *loop, int fd, acceptor_accepted accepted, void *context);

/* There is room again. */
void acceptor_resume(struct acceptor *acceptor);

/* Closes the socket at once; closed runs on the loop when the memory may go. Only for a started one. */
void acceptor_close(struct acceptor *acceptor, acceptor_closed closed);

#endif
