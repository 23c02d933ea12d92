/* SPDX-License-Identifier: MIT */
#include "bench_tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/instant.h"
#include "bench_traffic.h"

#define PORT 5001
#define WRITE_SIZE 65536
#define POLL_MS 100
/* fixed, because those that the kernel tunes by itself differ from one connection to the next */
#define BUFFER_SIZE (512 * 1024)

static struct sockaddr_in address_of(const char *ip)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	inet_pton(AF_INET, ip, &address.sin_addr);
	return address;
}

static int make_socket(void)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = BUFFER_SIZE, one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		bench_fail("TCP socket: %s", strerror(errno));
	return fd;
}

static void set_offloads(const struct bench_lane *lane, bool has_offloads)
{
	const char *state = has_offloads ? "on" : "off";

	bench_do(lane->guest_ns, NULL, "ethtool -K " BENCH_GUEST_IF " tso %s gso %s", state, state);
	bench_do(lane->uplink_ns, NULL, "ethtool -K " BENCH_UPLINK_IF " tso %s gso %s", state, state);
}

void bench_tcp_open(struct bench_tcp *tcp, const struct bench_lane *lane, bool has_offloads)
{
	const struct sockaddr_in server = address_of(BENCH_UPLINK_IP);
	CLEANUP_CLOSE int listener = -1;

	set_offloads(lane, has_offloads);
	bench_enter(lane->uplink_ns);
	listener = make_socket();
	if (bind(listener, (const struct sockaddr *)&server, sizeof(server)) || listen(listener, 1))
		bench_fail("TCP port %d: %s", PORT, strerror(errno));
	bench_enter(lane->guest_ns);
	tcp->ends[OCTET_UP] = make_socket();
	if (connect(tcp->ends[OCTET_UP], (const struct sockaddr *)&server, sizeof(server)))
		bench_fail("TCP through the router: %s", strerror(errno));
	tcp->ends[OCTET_DOWN] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++)
		fcntl(tcp->ends[i], F_SETFL, O_NONBLOCK);
}

void bench_tcp_close(struct bench_tcp *tcp)
{
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++)
		close(tcp->ends[i]);
}

static uint64_t drain(int fd)
{
	static char buffer[WRITE_SIZE];
	uint64_t sum = 0;
	ssize_t n;

	/* counted and thrown away in the kernel: tcp(7) */
	while ((n = recv(fd, buffer, sizeof(buffer), MSG_TRUNC)) > 0)
		sum += (uint64_t)n;
	if (n < 0 && errno != EAGAIN)
		bench_fail("TCP through the router: %s", strerror(errno));
	return sum;
}

double bench_tcp_run(struct bench_tcp *tcp, enum octet_direction direction, int64_t duration_ns)
{
	static const char zeros[WRITE_SIZE];
	const int sender = tcp->ends[direction];
	const int receiver = tcp->ends[direction == OCTET_UP ? OCTET_DOWN : OCTET_UP];
	const int64_t begin_ns = bench_wall_ns(), waited_ns = bench_waited_ns();
	struct pollfd poll_fd = {.fd = receiver, .events = POLLIN};
	uint64_t n_octets = 0;

	while (bench_wall_ns() - begin_ns < duration_ns) {
		if (send(sender, zeros, sizeof(zeros), 0) < 0) {
			if (errno != EAGAIN)
				bench_fail("TCP through the router: %s", strerror(errno));
			/* all that is under way waits here, or for a timer */
			poll(&poll_fd, 1, POLL_MS);
		}
		n_octets += drain(receiver);
	}
	return (double)n_octets * NS_PER_S / (double)(bench_wall_ns() - begin_ns - (bench_waited_ns() - waited_ns));
}
