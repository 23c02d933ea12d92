/* SPDX-License-Identifier: MIT */
/*
 * Moves the wall clock of one program, and leaves the machine's alone. With LD_PRELOAD: whatever asks libc for the time
 * gets the true one and the offset in the file that CLOCK_SHIM names (int64_t, nanoseconds, in this machine's order of
 * octets). The file is mapped, so whoever writes to it makes the clock step while the program runs.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

static const volatile int64_t *offset;

__attribute__((constructor)) static void map_offset(void)
{
	const char *path = getenv("CLOCK_SHIM");
	const int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	/* a test that believes that it moves the clock must not pass without */
	if (mapped == MAP_FAILED)
		abort();
	offset = mapped;
}

static int true_time(clockid_t clock, struct timespec *out)
{
	static int (*real)(clockid_t, struct timespec *);

	/* through a cast of the place: ISO C has none from an object to a function */
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	return real(clock, out);
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): libc's names are reserved ones */
int clock_gettime(clockid_t clock, struct timespec *out)
{
	const int r = true_time(clock, out);
	int64_t ns;

	if (r || !offset || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
		return r;
	ns = out->tv_sec * NS_PER_S + out->tv_nsec + *offset;
	out->tv_sec = ns / NS_PER_S - (ns % NS_PER_S < 0);
	out->tv_nsec = ns % NS_PER_S + (ns % NS_PER_S < 0 ? NS_PER_S : 0);
	return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;
	const int r = clock_gettime(CLOCK_REALTIME, &now);

	(void)zone;
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return r;
}

time_t time(time_t *out)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
