/* SPDX-License-Identifier: MIT */
/* Start, limits and end of the server: what keeps it from starting, what it does at its bounds, what it leaves. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/http_lab.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: gw:8087\r\n\r\n"
#define cr_assert_has(text, part) cr_assert(strstr((text), (part)), "no \"%s\" in:\n%s", (part), (text))

static struct http_lab lab;

static void serve(void)
{
	lab_open(&lab);

	const struct http_server_options options = lab_options(&lab);
	lab_serve(&lab, &options);
}

static double cpu_while_running_ms(uint64_t duration_ms)
{
	const clock_t start = clock();

	lab_run_ms(&lab, duration_ms);
	return (double)(clock() - start) * 1000 / CLOCKS_PER_SEC;
}

static void ignore(void *context, struct http_exchange *exchange, const struct http_request *request)
{
	struct http_response response = {.status = 500};

	(void)context;
	(void)request;
	http_exchange_answer(exchange, &response);
}

/* The line that a server with these options fails with; the caller frees it. */
static char *failure(const struct http_server_options *options, int expected)
{
	struct http_server *other = NULL;
	int capture = lab_capture_begin();
	int error = http_server_new(&lab.loop, options, ignore, NULL, &other);
	char *text = lab_capture_end(capture);

	cr_assert_eq(error, expected, "%d: %s", error, text);
	cr_assert_null(other);
	return text;
}

Test(http_server_life, any_free_port_is_told)
{
	serve();
	cr_assert_neq(http_server_port(lab.server), 0);
	lab_close(&lab);
}

Test(http_server_life, busy_port_is_one_clear_line)
{
	char expected[256];

	serve();
	struct http_server_options options = lab_options(&lab);
	options.port = http_server_port(lab.server);
	options.socket_path = NULL;
	snprintf(expected, sizeof(expected),
		 "octetd: error: address 127.0.0.1 port %u: already in use: choose another listen_port or stop the "
		 "other program\n",
		 (unsigned int)options.port);
	CLEANUP_FREE char *text = failure(&options, -EADDRINUSE);
	cr_assert_str_eq(text, expected);
	lab_close(&lab);
}

Test(http_server_life, address_that_is_not_here_or_none_is_one_clear_line)
{
	serve();
	struct http_server_options options = lab_options(&lab);
	options.socket_path = NULL;
	options.listen_address = "192.0.2.1";
	options.port = 8087;
	CLEANUP_FREE char *absent = failure(&options, -EADDRNOTAVAIL);
	cr_assert_str_eq(absent, "octetd: error: address 192.0.2.1 port 8087: no interface has this address: choose "
				 "another listen_address or bring the interface up\n");
	options.listen_address = "gateway";
	CLEANUP_FREE char *name = failure(&options, -EINVAL);
	cr_assert_str_eq(name, "octetd: error: address gateway port 8087: not an IPv4 or IPv6 address: correct "
			       "listen_address\n");
	lab_close(&lab);
}

Test(http_server_life, port_is_free_again_when_the_other_socket_fails)
{
	serve();
	struct http_server_options options = lab_options(&lab);
	options.port = 0;
	CLEANUP_FREE char *text = failure(&options, -EADDRINUSE);
	cr_assert_has(text, "another program answers there");
	lab_run_ms(&lab, 5);
	cr_assert_eq(access(lab.socket_path, F_OK), 0, "the other's socket was removed");
	lab_close(&lab);
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	cr_assert_eq(lstat(path, &status), 0);
	return status.st_mode;
}

Test(http_server_life, unix_socket_is_for_its_owner_alone)
{
	const mode_t before = umask(0);

	serve();
	cr_assert_eq(mode_of(lab.socket_path), (mode_t)(S_IFSOCK | 0600));
	cr_assert_eq(umask(before), (mode_t)0, "the umask was left as it was");
	lab_close(&lab);
}

static int bind_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

Test(http_server_life, stale_socket_file_is_replaced)
{
	lab_open(&lab);
	close(bind_at(lab.socket_path));

	const struct http_server_options options = lab_options(&lab);
	lab_serve(&lab, &options);
	struct lab_client *client = lab_connect(&lab, NULL);
	lab_send(client, GET("/"));
	cr_assert(lab_until_answers(&lab, client, 1));
	lab_close(&lab);
}

Test(http_server_life, socket_in_use_and_foreign_files_are_left_alone)
{
	char path[128];

	serve();
	struct http_server_options options = lab_options(&lab);
	options.listen_address = NULL;
	CLEANUP_FREE char *busy = failure(&options, -EADDRINUSE);
	cr_assert_has(busy, "agent.sock: another program answers there: stop it or choose another socket_path\n");

	snprintf(path, sizeof(path), "%s/file", lab.directory);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	options.socket_path = path;
	CLEANUP_FREE char *file = failure(&options, -EEXIST);
	cr_assert_has(file, "/file: exists and is no socket: move it away or choose another socket_path\n");
	cr_assert_eq(unlink(path), 0, "the file was removed");

	cr_assert_eq(symlink("nowhere", path), 0);
	CLEANUP_FREE char *link = failure(&options, -EEXIST);
	cr_assert_has(link, "exists and is no socket");
	cr_assert_eq(unlink(path), 0, "the link was removed");

	snprintf(path, sizeof(path), "%s/no/such.sock", lab.directory);
	CLEANUP_FREE char *nowhere = failure(&options, -ENOENT);
	cr_assert_has(nowhere, "its directory does not exist: create it");

	memset(path, 'a', 120);
	path[120] = '\0';
	CLEANUP_FREE char *long_path = failure(&options, -ENAMETOOLONG);
	cr_assert_has(long_path, "too long for a Unix socket");
	lab_close(&lab);
}

Test(http_server_life, socket_file_that_another_took_over_stays_at_the_end)
{
	serve();
	cr_assert_eq(unlink(lab.socket_path), 0);

	int other = bind_at(lab.socket_path);
	lab_close_server(&lab);
	cr_assert_eq(access(lab.socket_path, F_OK), 0, "the other's socket was removed");
	close(other);
	unlink(lab.socket_path);
	lab_close(&lab);
}

Test(http_server_life, closing_drops_pending_exchanges_and_takes_late_answers)
{
	serve();

	struct lab_client *clients[8];
	for (size_t i = 0; i < ARRAY_LENGTH(clients); i++) {
		clients[i] = lab_connect(&lab, i % 2 ? NULL : "127.0.0.1");
		lab_send(clients[i], GET("/never"));
	}
	cr_assert(lab_until_requests(&lab, ARRAY_LENGTH(clients)));
	lab_close_server(&lab);
	lab_answer(lab.pending[0], 200, "{}"); /* before the last close callback */
	for (size_t i = 0; i < ARRAY_LENGTH(clients); i++) {
		cr_assert(lab_until_ended(&lab, clients[i]));
		cr_assert_eq(clients[i]->in.length, 0u);
	}
	cr_assert(lab.is_closed);
	lab.pending[0] = lab.pending[--lab.n_pending];
	lab_close(&lab); /* answers the others, after the server is gone */
}

Test(http_server_life, answers_given_just_before_closing_are_sent)
{
	serve();

	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	lab_send(client, GET("/never"));
	cr_assert(lab_until_requests(&lab, 1));
	lab.n_pending = 0;
	lab_answer(lab.pending[0], 503, "{\"message\":\"bye\"}");
	lab_close_server(&lab);
	cr_assert(lab_until_ended(&lab, client));
	cr_assert_has(client->in.text, "HTTP/1.1 503 ");
	cr_assert_has(client->in.text, "{\"message\":\"bye\"}");
	lab_close(&lab);
}

Test(http_server_life, a_handler_may_close_the_server)
{
	serve();

	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	lab_send(client, GET("/close") GET("/after"));
	cr_assert(lab_until_ended(&lab, client));
	cr_assert_eq(lab.n_requests, 1u);
	lab_close(&lab);
}

Test(http_server_life, two_hundred_connections_at_once)
{
	enum { N = 200 };

	serve();
	for (size_t i = 0; i < N; i++)
		lab_send(lab_connect(&lab, "127.0.0.1"), i % 2 ? GET("/later") : GET("/now"));
	for (size_t i = 0; i < N; i++)
		cr_assert(lab_until_answers(&lab, &lab.clients[i], 1), "client %zu", i);
	for (size_t i = 0; i < N; i++)
		lab_send(&lab.clients[i], GET("/again"));
	for (size_t i = 0; i < N; i++)
		cr_assert(lab_until_answers(&lab, &lab.clients[i], 2), "client %zu", i);
	cr_assert_eq(lab.n_requests, (size_t)2 * N);
	lab_close(&lab);
}

Test(http_server_life, beyond_the_limit_connections_wait_but_the_unix_socket_answers)
{
	lab_open(&lab);

	struct http_server_options options = lab_options(&lab);
	options.max_connections = 4;
	lab_serve(&lab, &options);

	for (size_t i = 0; i < 6; i++)
		lab_send(lab_connect(&lab, "127.0.0.1"), GET("/"));
	for (size_t i = 0; i < 4; i++)
		cr_assert(lab_until_answers(&lab, &lab.clients[i], 1));
	cr_assert_lt(cpu_while_running_ms(300), 100.0, "the loop spins");
	cr_assert_eq(lab_count_answers(&lab.clients[4]), 0u);
	cr_assert_eq(lab_count_answers(&lab.clients[5]), 0u);

	struct lab_client *local = lab_connect(&lab, NULL);
	lab_send(local, GET("/"));
	cr_assert(lab_until_answers(&lab, local, 1));
	lab_disconnect(&lab, local);

	lab_disconnect(&lab, &lab.clients[0]);
	cr_assert(lab_until_answers(&lab, &lab.clients[4], 1));
	lab_disconnect(&lab, &lab.clients[1]);
	cr_assert(lab_until_answers(&lab, &lab.clients[5], 1));
	lab_close(&lab);
}

static bool is_under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

Test(http_server_life, without_descriptors_connections_wait_and_the_loop_sleeps)
{
	struct rlimit limit;
	struct rlimit few;

	serve();
	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	lab_send(client, GET("/"));
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = (rlim_t)client->fd + 1; /* every number below is taken */
	int capture = lab_capture_begin();
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	const double cpu_ms = cpu_while_running_ms(1200);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CLEANUP_FREE char *text = lab_capture_end(capture);

	cr_assert_lt(cpu_ms, 100.0, "the loop spins: %g ms", cpu_ms);
	cr_assert_eq(lab.n_requests, 0u, "the limit did not hold");
	cr_assert_str_eq(text,
			 "octetd: warning: http: cannot accept connections, they wait: Too many open files (raise "
			 "the limit of open files)\n");
	/* valgrind plays the limit itself, by closing what the kernel has accepted already */
	if (!is_under_valgrind())
		cr_assert(lab_until_answers(&lab, client, 1));
	free(lab_ask(&lab, GET("/again")));
	lab_close(&lab);
}
