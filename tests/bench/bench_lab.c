/* SPDX-License-Identifier: MIT */
#include "bench_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attach_abi.h"
#include "base/cleanup.h"
#include "base/instant.h"
#include "base/strbuf.h"

#define STOP_PATIENCE_MS 10000
#define COMMAND_SIZE 1024

static cpu_set_t all_cpus;
static int here_fd = -1;

void bench_fail(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("bench: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

static int open_namespace(void)
{
	const int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		bench_fail("network namespace: %s", strerror(errno));
	return fd;
}

void bench_init(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!getenv("BENCH_DIR") || !getenv("OCTETD"))
		bench_fail("is run by tests/bench/run");
	if (geteuid() != 0)
		bench_fail("needs root");
	here_fd = open_namespace();
	sched_getaffinity(0, sizeof(all_cpus), &all_cpus);
}

bool bench_is_quick(void)
{
	const char *quick = getenv("QUICK");

	return quick && strcmp(quick, "1") == 0;
}

const char *bench_dir(void)
{
	return getenv("BENCH_DIR");
}

const char *bench_octetd(void)
{
	return getenv("OCTETD");
}

bool bench_is_installed(const char *program)
{
	static const char *const directories[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
						  "/usr/bin",        "/sbin",          "/bin"};
	char path[256];

	for (size_t i = 0; i < ARRAY_LENGTH(directories); i++) {
		snprintf(path, sizeof(path), "%s/%s", directories[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

void bench_enter(int namespace_fd)
{
	if (setns(namespace_fd, CLONE_NEWNET))
		bench_fail("setns: %s", strerror(errno));
}

int bench_here(void)
{
	return here_fd;
}

void bench_write(int namespace_fd, const char *path, const char *text)
{
	CLEANUP_CLOSE int fd = -1;

	bench_enter(namespace_fd);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		bench_fail("%s: %s", path, strerror(errno));
}

static int make_namespace(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		bench_fail("cannot make a network namespace: %s", strerror(errno));
	fd = open_namespace();
	if (access("/proc/sys/net/ipv6", F_OK) == 0) {
		bench_write(fd, "/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
		bench_write(fd, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	}
	bench_do(fd, NULL, "ip link set lo up");
	return fd;
}

void bench_lane_open(struct bench_lane *lane)
{
	const int pid = getpid();

	lane->guest_ns = make_namespace();
	lane->uplink_ns = make_namespace();
	lane->router_ns = make_namespace();
	lane->n_neighbours = 0;
	bench_write(lane->router_ns, "/proc/sys/net/ipv4/ip_forward", "1");
	bench_write(lane->router_ns, "/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	bench_write(lane->router_ns, "/proc/sys/net/ipv4/conf/default/rp_filter", "0");
	bench_do(lane->router_ns, NULL,
		 "ip -batch - <<-END\n"
		 "link add g0 address " BENCH_ROUTER_MAC " type veth peer name c0 address " BENCH_GUEST_MAC
		 " netns /proc/%d/fd/%d\n"
		 "link add w0 address " BENCH_WAN_MAC " type veth peer name u0 address " BENCH_UPLINK_MAC
		 " netns /proc/%d/fd/%d\n"
		 "link set g0 up\n"
		 "link set w0 up\n"
		 "address add 10.0.0.1/8 dev g0\n"
		 "address add 198.18.0.1/24 dev w0\n"
		 "neighbour replace " BENCH_UPLINK_IP " lladdr " BENCH_UPLINK_MAC " dev w0 nud permanent\n"
		 "neighbour replace " BENCH_GUEST_IP " lladdr " BENCH_GUEST_MAC " dev g0 nud permanent\n"
		 "END",
		 pid, lane->guest_ns, pid, lane->uplink_ns);
	bench_do(lane->guest_ns, NULL,
		 "ip -batch - <<-END\n"
		 "link set c0 up\n"
		 "address add " BENCH_GUEST_IP "/8 dev c0\n"
		 "route add default via 10.0.0.1\n"
		 "neighbour replace 10.0.0.1 lladdr " BENCH_ROUTER_MAC " dev c0 nud permanent\n"
		 "END");
	bench_do(lane->uplink_ns, NULL,
		 "ip -batch - <<-END\n"
		 "link set u0 up\n"
		 "address add " BENCH_UPLINK_IP "/24 dev u0\n"
		 "route add default via 198.18.0.1\n"
		 "neighbour replace 198.18.0.1 lladdr " BENCH_WAN_MAC " dev u0 nud permanent\n"
		 "END");
	bench_enter(lane->router_ns);
	lane->router_ifindex = if_nametoindex(BENCH_ROUTER_IF);
	lane->wan_ifindex = if_nametoindex(BENCH_WAN_IF);
}

void bench_lane_neighbours(struct bench_lane *lane, uint32_t n)
{
	CLEANUP(strbuf_clean) struct strbuf batch = STRBUF_INIT;

	for (uint32_t i = lane->n_neighbours; i < n; i++) {
		const uint32_t address = BENCH_CLIENT_ADDRESS(i);

		strbuf_append_format(&batch,
				     "neighbour add 10.%u.%u.%u lladdr 02:be:0c:00:%02x:%02x dev g0 nud permanent\n",
				     address >> 16, address >> 8 & 0xff, address & 0xff, i >> 8, i & 0xff);
	}
	if (batch.has_failed)
		bench_fail("out of memory");
	if (batch.text)
		bench_do(lane->router_ns, batch.text, "ip -batch -");
	if (n > lane->n_neighbours)
		lane->n_neighbours = n;
}

void bench_lane_close(struct bench_lane *lane)
{
	close(lane->guest_ns);
	close(lane->router_ns);
	close(lane->uplink_ns);
}

/* ---- processes ---- */

/* In the child: everything that the measuring thread has taken for itself is given back. */
static void become_ordinary(void)
{
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
	setpriority(PRIO_PROCESS, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static char *run(int namespace_fd, const char *input, const char *format, va_list args)
{
	CLEANUP(strbuf_clean) struct strbuf output = STRBUF_INIT;
	CLEANUP_FCLOSE FILE *in = tmpfile();
	char line[2 * COMMAND_SIZE], buffer[4096];
	int ends[2], status;
	ssize_t n;
	pid_t child;

	vsnprintf(line, sizeof(line), format, args);
	bench_enter(namespace_fd);
	if (!in || (input && fputs(input, in) == EOF) || fflush(in) || pipe2(ends, O_CLOEXEC))
		bench_fail("%s: %s", line, strerror(errno));
	rewind(in);
	child = fork();
	if (child == 0) {
		become_ordinary();
		dup2(fileno(in), STDIN_FILENO);
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while ((n = read(ends[0], buffer, sizeof(buffer))) > 0)
		strbuf_append_bytes(&output, buffer, (size_t)n);
	close(ends[0]);
	if (child < 0 || waitpid(child, &status, 0) != child)
		bench_fail("%s: %s", line, strerror(errno));
	char *text = strbuf_steal(&output);
	if (status)
		bench_fail("%s: status %d: %s", line, status, text ? text : "");
	return text;
}

void bench_do(int namespace_fd, const char *input, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	free(run(namespace_fd, input, format, args));
	va_end(args);
}

char *bench_output(int namespace_fd, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = run(namespace_fd, NULL, format, args);
	va_end(args);
	return text;
}

void bench_start(int namespace_fd, const char *name, const char *const *words, struct bench_process *out)
{
	char path[256];
	CLEANUP_CLOSE int log_fd = -1;

	snprintf(path, sizeof(path), "%s/%s.log", bench_dir(), name);
	log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		bench_fail("%s: %s", path, strerror(errno));
	bench_enter(namespace_fd);
	out->pid = fork();
	if (out->pid < 0)
		bench_fail("fork: %s", strerror(errno));
	if (out->pid == 0) {
		become_ordinary();
		dup2(log_fd, STDOUT_FILENO);
		dup2(log_fd, STDERR_FILENO);
		execvp(words[0], (char *const *)words);
		_exit(127);
	}
}

bool bench_is_running(const struct bench_process *process)
{
	siginfo_t info = {0};

	return process->pid > 0 && waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0;
}

static int64_t timeval_ns(const struct timeval *time)
{
	return time->tv_sec * NS_PER_S + time->tv_usec * 1000;
}

int64_t bench_stop(struct bench_process *process, int signal_number)
{
	struct rusage usage = {0};

	if (process->pid <= 0)
		return 0;
	kill(process->pid, signal_number);
	for (long waited_ms = 0; bench_is_running(process) && waited_ms < STOP_PATIENCE_MS; waited_ms += 5)
		bench_sleep_ms(5);
	kill(process->pid, SIGKILL);
	wait4(process->pid, NULL, 0, &usage);
	process->pid = 0;
	return timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime);
}

int64_t bench_finish(struct bench_process *process)
{
	struct rusage usage = {0};
	int status = -1;

	wait4(process->pid, &status, 0, &usage);
	process->pid = 0;
	if (status)
		bench_fail("a measured program failed with status %d; see the logs in %s", status, bench_dir());
	return timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime);
}

int64_t bench_process_cpu_ns(const struct bench_process *process)
{
	struct timespec time = {0};
	clockid_t clock;

	if (clock_getcpuclockid(process->pid, &clock) || clock_gettime(clock, &time))
		return 0;
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* ---- time ---- */

void bench_pin(void)
{
	cpu_set_t last;

	CPU_ZERO(&last);
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		if (CPU_ISSET(cpu, &all_cpus)) {
			CPU_SET(cpu, &last);
			break;
		}
	sched_setaffinity(0, sizeof(last), &last);
	setpriority(PRIO_PROCESS, 0, -20);
}

static int64_t read_clock(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

int64_t bench_wall_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t bench_waited_ns(void)
{
	/* the second number: Documentation/scheduler/sched-stats.rst of Linux */
	CLEANUP_FCLOSE FILE *file = fopen("/proc/thread-self/schedstat", "re");
	long long used_ns, waited_ns;

	return file && fscanf(file, "%lld %lld", &used_ns, &waited_ns) == 2 ? waited_ns : 0;
}

void bench_sleep_ms(long ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}
