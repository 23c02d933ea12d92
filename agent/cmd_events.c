/* SPDX-License-Identifier: MIT */
/*
 * octetd events: follows GET /events over the agent's Unix socket, a line for each event. When the agent goes away
 * it waits for it, for some minutes, and goes on behind the last event that it has.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "commands.h"
#include "core/event_reader.h"
#include "io/local_connect.h"
#include "io/local_stream.h"
#include "io/now.h"
#include "options.h"

#define TARGET_SIZE 256
#define SILENCE_MS 45000 /* three heartbeats: the agent hangs */
#define FIRST_PAUSE_MS 250
#define LAST_PAUSE_MS 4000
#define MAX_ABSENCE_NS (300 * NS_PER_S)

struct follower {
	const char *socket_path;
	char target[TARGET_SIZE];
	bool is_json;
	sigset_t signals; /* in force while it waits; otherwise SIGINT and SIGTERM are held back */
	struct event_reader reader;
	bool was_connected;
	int64_t connected_mono_ns; /* the last moment */
	int64_t pause_ms;
};

/* Why following came to its end, for now or for good. */
enum outcome {
	OUTCOME_STOPPED, /* by a signal, or nobody reads what is printed */
	OUTCOME_CUT,     /* the agent has gone */
	OUTCOME_FAILED,  /* said why */
};

static volatile sig_atomic_t is_stopped;

static void on_signal(int number)
{
	(void)number;
	is_stopped = 1;
}

static void print_help(void)
{
	printf("usage: octetd events [--json] [--socket-path=PATH]\n\n"
	       "Prints a line for each event as it happens, until it is interrupted: time, event, MAC, address, name,\n"
	       "octets of the session until then, and why it ended. A restart of the agent is waited for. What was\n"
	       "missed is said: then the list of sessions is to be read again.\n\n"
	       "  --json                         a JSON document a line, as GET /events sends it\n");
	options_print_help(stdout);
}

/* ---- printing */

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value && *value ? value : "-";
}

/* What guests call themselves must not reach the terminal as commands to it. */
static void print_safely(const char *value)
{
	while (*value) {
		const size_t length = text_control_length(value);

		putchar(length ? '?' : *value);
		value += length ? length : 1;
	}
}

static void print_column(const char *value, int width)
{
	print_safely(value);
	printf("%*s", (int)strlen(value) < width ? width - (int)strlen(value) + 1 : 1, "");
}

static const char *who(const json_t *session)
{
	static const char *const keys[] = {"name", "username", "email", "guest_device_description"};

	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
		if (json_is_string(json_object_get(session, keys[i])))
			return text(session, keys[i]);
	return "-";
}

static void print_event(const char *kind, const json_t *document)
{
	const json_t *session = json_object_get(document, "session");
	const json_t *limit = json_object_get(document, "limit");

	if (!session) {
		printf("%-25s %-16s %s\n", "-", kind, text(document, "message"));
		return;
	}
	print_column(text(document, "at"), 25);
	print_column(kind, 16);
	print_column(text(session, "guest_device_mac"), 17);
	print_column(text(session, "guest_device_ip"), 15);
	print_column(who(session), 20);
	printf("up %" JSON_INTEGER_FORMAT " down %" JSON_INTEGER_FORMAT " ",
	       json_integer_value(json_object_get(session, "uploaded_bytes")),
	       json_integer_value(json_object_get(session, "downloaded_bytes")));
	print_safely(limit ? text(document, "limit") : text(session, "terminate_cause"));
	putchar('\n');
}

/* Each line reaches a pipe at once. False when nobody reads any more. */
static bool on_event(void *context, const char *kind, const char *data)
{
	const struct follower *follower = context;

	if (follower->is_json) {
		puts(data);
	} else {
		json_auto_t *document = json_loads(data, 0, NULL);

		print_event(kind, document);
	}
	return fflush(stdout) == 0;
}

/* ---- following */

/*
 * Until the stream (NULL: none), a signal, the end of who reads, or the time. True when the stream has something;
 * *outcome is touched only when it is to end.
 */
static bool wait_for(const struct follower *follower, const struct local_stream *stream, int64_t timeout_ms,
		     enum outcome *outcome)
{
	struct pollfd fds[] = {
		{.fd = STDOUT_FILENO}, /* for POLLERR: the reader of the pipe has gone */
		{.fd = stream ? local_stream_fd(stream) : -1, .events = POLLIN},
	};
	const struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * NS_PER_MS};
	const int n = ppoll(fds, ARRAY_LENGTH(fds), &timeout, &follower->signals);

	if (is_stopped || (n > 0 && fds[0].revents)) {
		*outcome = OUTCOME_STOPPED;
		return false;
	}
	return n > 0;
}

/* Whatever was wrong before: the agent is there. */
static void note_connected(struct follower *follower)
{
	if (follower->was_connected && follower->pause_ms)
		log_info("the agent on %s is there again", follower->socket_path);
	follower->was_connected = true;
	follower->pause_ms = 0;
	follower->connected_mono_ns = now_read().mono_ns;
}

static enum outcome refuse(const struct follower *follower, int status)
{
	if (status == 503 && follower->was_connected)
		return OUTCOME_CUT;
	if (status == 503)
		log_error("too many follow the events of the agent on %s: end another one", follower->socket_path);
	else
		log_error("the agent on %s does not tell its events (HTTP status %d): is it octetd's, of this version?",
			  follower->socket_path, status);
	return OUTCOME_FAILED;
}

static enum outcome read_stream(struct follower *follower, struct local_stream *stream)
{
	char piece[16384];
	enum outcome outcome = OUTCOME_CUT;

	while (wait_for(follower, stream, SILENCE_MS, &outcome)) {
		const ssize_t n = local_stream_read(stream, piece, sizeof(piece));
		int error;

		if (n == -EBADMSG) {
			local_complain(follower->socket_path, (int)n);
			return OUTCOME_FAILED;
		}
		if (local_stream_status(stream) && local_stream_status(stream) != 200)
			return refuse(follower, local_stream_status(stream));
		if (local_stream_status(stream))
			note_connected(follower);
		if (n == -EAGAIN)
			continue;
		if (n <= 0)
			return OUTCOME_CUT;
		error = event_reader_feed(&follower->reader, piece, (size_t)n, on_event, follower);
		if (error == -ECANCELED)
			return OUTCOME_STOPPED;
		if (error) {
			log_errno(error, "an event of the agent on %s cannot be read", follower->socket_path);
			return OUTCOME_FAILED;
		}
	}
	return outcome;
}

static enum outcome connect_and_read(struct follower *follower)
{
	CLEANUP(local_stream_close) struct local_stream *stream = NULL;
	const int error = local_stream_open(follower->socket_path, follower->target, follower->reader.last_id, &stream);

	if (error && follower->was_connected)
		return OUTCOME_CUT;
	if (error) {
		local_complain(follower->socket_path, error);
		return OUTCOME_FAILED;
	}
	event_reader_restart(&follower->reader);
	return read_stream(follower, stream);
}

/* Before the next attempt. OUTCOME_CUT: go on. */
static enum outcome pause_between(struct follower *follower)
{
	enum outcome outcome = OUTCOME_CUT;

	if (!follower->was_connected) {
		local_complain(follower->socket_path, -ETIMEDOUT);
		return OUTCOME_FAILED;
	}
	if (now_read().mono_ns - follower->connected_mono_ns > MAX_ABSENCE_NS) {
		log_error("the agent on %s has not come back", follower->socket_path);
		return OUTCOME_FAILED;
	}
	if (!follower->pause_ms)
		log_warning("the agent on %s has gone: waiting for it", follower->socket_path);
	follower->pause_ms = follower->pause_ms ? 2 * follower->pause_ms : FIRST_PAUSE_MS;
	if (follower->pause_ms > LAST_PAUSE_MS)
		follower->pause_ms = LAST_PAUSE_MS;
	wait_for(follower, NULL, follower->pause_ms, &outcome);
	return outcome;
}

static int follow(struct follower *follower)
{
	enum outcome outcome;

	do {
		outcome = connect_and_read(follower);
		if (outcome == OUTCOME_CUT)
			outcome = pause_between(follower);
	} while (outcome == OUTCOME_CUT);
	event_reader_clean(&follower->reader);
	return outcome == OUTCOME_STOPPED ? 0 : 1;
}

static void hold_signals(struct follower *follower)
{
	const struct sigaction stop = {.sa_handler = on_signal};
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_BLOCK, &held, &follower->signals);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	signal(SIGPIPE, SIG_IGN); /* an error of the write says it */
}

int cmd_events(int argc, char **argv)
{
	CLEANUP(options_clean) struct options options = {0};
	struct options_extra json = {.name = "json"};
	struct follower follower = {0};

	if (options_load_extra(argc, argv, &json, 1, &options) != 0)
		return 1;
	if (options.wants_help) {
		print_help();
		return 0;
	}
	if (options.n_positional > 0) {
		log_error("events takes no argument '%s'; `octetd events --help` tells more", options.positional[0]);
		return 1;
	}
	snprintf(follower.target, sizeof(follower.target), "%s/events", options.config.mount);
	follower.socket_path = options.config.socket_path;
	follower.is_json = json.value != NULL;
	hold_signals(&follower);
	return follow(&follower);
}
