/* SPDX-License-Identifier: MIT */
/* The client of the subcommands against the real server, and against sockets that misbehave. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/http_lab.h"
#include "io/local_client.h"
#include "io/local_connect.h"

static struct http_lab lab;

/* ---- against the real server: the client blocks, so it runs in a thread beside the loop ---- */

struct question {
	const char *path;
	const char *target;
	const char *sent; /* NULL: a GET */
	int error;
	int status;
	char *body;
	uv_async_t done;
};

static void ask(void *context)
{
	struct question *question = context;

	const struct local_request request = {.method = question->sent ? "POST" : "GET",
					      .target = question->target,
					      .body = question->sent,
					      .timeout_ms = LOCAL_CLIENT_TIMEOUT_MS};

	question->error = local_client_ask(question->path, &request, &question->status, &question->body);
	uv_async_send(&question->done);
}

static void on_done(uv_async_t *async)
{
	uv_close((uv_handle_t *)async, NULL);
	uv_stop(async->loop);
}

static struct question send_to_server(const char *target, const char *body)
{
	struct question question = {.path = lab.socket_path, .target = target, .sent = body};
	uv_thread_t thread;

	cr_assert_eq(uv_async_init(&lab.loop, &question.done, on_done), 0);
	cr_assert_eq(uv_thread_create(&thread, ask, &question), 0);
	uv_run(&lab.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_thread_join(&thread), 0);
	uv_run(&lab.loop, UV_RUN_NOWAIT); /* the close callback, while question is where it was */
	return question;
}

static struct question ask_server(const char *target)
{
	return send_to_server(target, NULL);
}

static void serve(void)
{
	lab_open(&lab);

	struct http_server_options options = lab_options(&lab);
	options.listen_address = NULL;
	lab_serve(&lab, &options);
}

Test(local_client, asks_the_server)
{
	serve();

	struct question now = ask_server("/healthz?a=%41");
	CLEANUP_FREE char *body = now.body;
	cr_assert_eq(now.error, 0);
	cr_assert_eq(now.status, 200);
	cr_assert_not_null(strstr(body, "method=GET\ntarget=/healthz?a=%41\nhost=localhost\n"), "%s", body);
	cr_assert_not_null(strstr(body, "local=1\n"), "%s", body);

	struct question later = ask_server("/later");
	CLEANUP_FREE char *later_body = later.body;
	cr_assert_eq(later.error, 0);
	cr_assert_not_null(strstr(later_body, "target=/later\n"));
	lab_close(&lab);
}

Test(local_client, gets_statuses_empty_and_big_bodies)
{
	serve();

	struct question missing = ask_server("/status/404");
	CLEANUP_FREE char *missing_body = missing.body;
	cr_assert_eq(missing.error, 0);
	cr_assert_eq(missing.status, 404);
	cr_assert_str_eq(missing_body, "{\"message\":\"so\"}");

	struct question empty = ask_server("/empty");
	CLEANUP_FREE char *empty_body = empty.body;
	cr_assert_eq(empty.error, 0);
	cr_assert_eq(empty.status, 204);
	cr_assert_str_eq(empty_body, "");

	struct question big = ask_server("/big");
	CLEANUP_FREE char *big_body = big.body;
	cr_assert_eq(big.error, 0);
	cr_assert_eq(strlen(big_body), (size_t)4 << 20);
	lab_close(&lab);
}

Test(local_client, sends_a_body)
{
	serve();

	struct question now = send_to_server("/x", "{\"name\":\"Z\xc3\xbc\"}");
	CLEANUP_FREE char *body = now.body;
	cr_assert_eq(now.error, 0);
	cr_assert_not_null(strstr(body, "method=POST\ntarget=/x\n"), "%s", body);
	cr_assert_not_null(strstr(body, "body=14:{\"name\":\"Z\xc3\xbc\"}"), "%s", body);

	struct question empty = send_to_server("/x", "");
	CLEANUP_FREE char *empty_body = empty.body;
	cr_assert_eq(empty.error, 0);
	cr_assert_not_null(strstr(empty_body, "body=0:"), "%s", empty_body);
	lab_close(&lab);
}

/* ---- against a socket that says one thing, whatever it is asked ---- */

struct fake {
	char directory[64];
	char path[96];
	int fd;
	uv_thread_t thread;
	const char *answer;
	size_t n_times;
};

static void fake_listen(struct fake *fake)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*fake = (struct fake){.directory = "/tmp/octetd-client-XXXXXX", .n_times = 1};
	cr_assert_not_null(mkdtemp(fake->directory));
	snprintf(fake->path, sizeof(fake->path), "%s/fake.sock", fake->directory);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake->path);
	fake->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fake->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fake->fd, 1), 0);
}

static void fake_clean(struct fake *fake)
{
	close(fake->fd);
	unlink(fake->path);
	cr_assert_eq(rmdir(fake->directory), 0);
}

static void speak(void *context)
{
	const struct fake *fake = context;
	int fd = accept4(fake->fd, NULL, NULL, SOCK_CLOEXEC);
	const size_t length = strlen(fake->answer);
	char request[512];

	(void)!recv(fd, request, sizeof(request), 0);
	for (size_t i = 0; i < fake->n_times; i++)
		if (send(fd, fake->answer, length, MSG_NOSIGNAL) < 0)
			break;
	close(fd);
}

/* What the client makes of it; *log_out is the line that it logged, the caller's to free. */
static int ask_fake(struct fake *fake, const char *answer, size_t n_times, char **log_out)
{
	CLEANUP_FREE char *body = NULL;
	int status = 0;

	fake->answer = answer;
	fake->n_times = n_times;
	cr_assert_eq(uv_thread_create(&fake->thread, speak, fake), 0);
	int capture = lab_capture_begin();
	int error = local_client_get(fake->path, "/x", &status, &body);
	*log_out = lab_capture_end(capture);
	cr_assert_eq(uv_thread_join(&fake->thread), 0);
	return error;
}

Test(local_client, answers_that_are_cut_short_or_no_http)
{
	static const struct {
		const char *answer;
		int error;
	} cases[] = {
		{"", -ECONNRESET},
		{"HTTP/1.1 200 OK\r\nContent-", -ECONNRESET},
		{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\":1}", -ECONNRESET},
		{"SSH-2.0-OpenSSH_9.2\r\n", -EBADMSG},
		{"SSH-2.0-OpenSSH_9.2\r\n\r\n", -EBADMSG},
		{"HTTP/1.1 2x0 OK\r\n\r\n", -EBADMSG},
		{"HTTP/1.1\r\n\r\n", -EBADMSG},
		{"HTTP/2 200\r\n\r\n", -EBADMSG},
	};
	struct fake fake;

	fake_listen(&fake);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		CLEANUP_FREE char *log = NULL;
		int error = ask_fake(&fake, cases[i].answer, 1, &log);

		cr_assert_eq(error, cases[i].error, "case %zu: %d", i, error);
		cr_assert_not_null(strstr(log, fake.path), "%s", log);
	}
	fake_clean(&fake);
}

Test(local_client, answer_without_a_length_ends_with_the_connection)
{
	struct fake fake;
	CLEANUP_FREE char *log = NULL;

	fake_listen(&fake);
	cr_assert_eq(ask_fake(&fake, "HTTP/1.0 200 OK\r\nX: y\r\n\r\n{}", 1, &log), 0);
	cr_assert_null(strchr(log, '\n'), "%s", log);
	fake_clean(&fake);
}

Test(local_client, answer_without_end_is_bounded)
{
	static char answer[1 << 20];
	struct fake fake;
	CLEANUP_FREE char *log = NULL;

	fake_listen(&fake);
	memset(answer, 'x', sizeof(answer) - 1);
	cr_assert_eq(ask_fake(&fake, answer, 100, &log), -EFBIG);
	cr_assert_not_null(strstr(log, "16 MiB"), "%s", log);
	fake_clean(&fake);
}

/* ---- against one that stalls: wherever it does, the time that the caller gave is all that it takes ---- */

#define PATIENCE_MS 300

static void assert_gives_up(const char *path, const char *body)
{
	const struct local_request request = {
		.method = "POST", .target = "/x", .body = body, .timeout_ms = PATIENCE_MS};
	int status = 0;
	char *answer = NULL;
	const uint64_t start_ns = uv_hrtime();
	const int error = local_client_ask(path, &request, &status, &answer);
	const uint64_t waited_ms = (uv_hrtime() - start_ns) / 1000000;

	cr_assert_eq(error, -ETIMEDOUT, "%d", error);
	cr_assert_null(answer);
	/* far beyond it on a machine that is busy, but no multiple of it that a stage of its own would add */
	cr_assert(waited_ms + 20 >= PATIENCE_MS && waited_ms < PATIENCE_MS + 2000, "%llu ms",
		  (unsigned long long)waited_ms);
}

static void stalls_before_it_accepts(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct fake fake;
	int fds[16];
	size_t n_fds = 0;

	fake_listen(&fake);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake.path);
	for (; n_fds < ARRAY_LENGTH(fds); n_fds++) {
		fds[n_fds] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(fds[n_fds], (struct sockaddr *)&address, sizeof(address)) != 0)
			break;
	}
	cr_assert_lt(n_fds, ARRAY_LENGTH(fds), "the backlog is full");
	assert_gives_up(fake.path, "{}");
	for (size_t i = 0; i <= n_fds; i++)
		close(fds[i]);
	fake_clean(&fake);
}

static void stalls_before_it_reads(void)
{
	static char body[4 << 20];
	struct fake fake;

	memset(body, 'x', sizeof(body) - 1);
	fake_listen(&fake);
	assert_gives_up(fake.path, body);
	fake_clean(&fake);
}

static void stalls_before_it_answers(void)
{
	struct fake fake;

	fake_listen(&fake);
	assert_gives_up(fake.path, "{}");
	fake_clean(&fake);
}

/* An answer that never ends, slowly: each piece would begin the time anew if pieces were what is timed */
static void trickle(void *context)
{
	const struct fake *fake = context;
	const int fd = accept4(fake->fd, NULL, NULL, SOCK_CLOEXEC);

	while (send(fd, "HTTP/1.0 200 OK\r\n", 1, MSG_NOSIGNAL) == 1)
		usleep(20000);
	close(fd);
}

static void stalls_within_its_answer(void)
{
	struct fake fake;

	fake_listen(&fake);
	cr_assert_eq(uv_thread_create(&fake.thread, trickle, &fake), 0);
	assert_gives_up(fake.path, "{}");
	cr_assert_eq(uv_thread_join(&fake.thread), 0);
	fake_clean(&fake);
}

Test(local_client, stalls)
{
	stalls_before_it_accepts();
	stalls_before_it_reads();
	stalls_before_it_answers();
	stalls_within_its_answer();
}

static void assert_what_may_pass(void)
{
	static const int passing[] = {-ENOENT, -ECONNREFUSED, -ECONNRESET, -EPIPE, -ETIMEDOUT};
	static const int lasting[] = {-EACCES, -EPERM, -EBADMSG, -ENAMETOOLONG, -ENOMEM, -EFBIG};

	for (size_t i = 0; i < ARRAY_LENGTH(passing); i++)
		cr_assert(local_client_is_passing(passing[i]));
	for (size_t i = 0; i < ARRAY_LENGTH(lasting); i++)
		cr_assert_not(local_client_is_passing(lasting[i]));
}

Test(local_client, what_errors_mean)
{
	int capture = lab_capture_begin();
	cr_assert_eq(local_complain("/x", -ETIMEDOUT), -ETIMEDOUT);
	CLEANUP_FREE char *log = lab_capture_end(capture);

	cr_assert_not_null(strstr(log, "does not answer in time"), "%s", log);
	assert_what_may_pass();
}

/* ---- nobody there ---- */

static void assert_complaint(const char *path, int expected, const char *words)
{
	int status = 0;
	char *body = NULL;
	int capture = lab_capture_begin();
	int error = local_client_get(path, "/healthz", &status, &body);
	CLEANUP_FREE char *log = lab_capture_end(capture);

	cr_assert_eq(error, expected, "%d", error);
	cr_assert_null(body);
	cr_assert_not_null(strstr(log, words), "no \"%s\" in: %s", words, log);
	cr_assert_not_null(strstr(log, path), "%s", log);
}

Test(local_client, nobody_answers)
{
	struct fake fake;
	char long_path[200];

	assert_complaint("/nonexistent/octetd.sock", -ENOENT,
			 "octetd: error: no agent answers on /nonexistent/octetd.sock: is octetd running? "
			 "(--socket-path)\n");
	assert_complaint("/dev/null/octetd.sock", -ENOTDIR, "is octetd running?");

	fake_listen(&fake);
	close(fake.fd); /* what an agent that was killed leaves */
	assert_complaint(fake.path, -ECONNREFUSED, "is octetd running? (--socket-path)\n");
	fake.fd = -1;
	fake_clean(&fake);

	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_complaint(long_path, -ENAMETOOLONG, "too long for a Unix socket");
}

Test(local_client, not_allowed)
{
	struct fake fake;

	if (geteuid() != 0)
		cr_skip_test("needs root to give its rights up");
	fake_listen(&fake);
	cr_assert_eq(chmod(fake.directory, 0755), 0);
	cr_assert_eq(chmod(fake.path, 0600), 0);
	cr_assert_eq(seteuid(65534), 0);
	assert_complaint(fake.path, -EACCES, ": run as root\n");
	cr_assert_eq(seteuid(0), 0);
	fake_clean(&fake);
}
