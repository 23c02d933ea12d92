/* SPDX-License-Identifier: MIT */
#include "io/local_connect.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/log.h"

/* Limits connect(), which waits while the agent's backlog is full, and which poll() cannot wait for on such sockets. */
static int limit_connect(int fd, int64_t timeout_ms)
{
	const struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) ? -errno : 0;
}

int local_connect(const char *path, int64_t timeout_ms, int *fd_out)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const size_t length = strlen(path);

	if (fd < 0)
		return -errno;
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length + 1);

	const int error = limit_connect(fd, timeout_ms);
	if (error)
		return error;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return errno == EAGAIN || errno == EINTR ? -ETIMEDOUT : -errno;
	*fd_out = TAKE_FD(fd);
	return 0;
}

bool local_parse_status(const char *line, int *status)
{
	unsigned int value = 0;

	if (strncmp(line, "HTTP/1.", 7) != 0 || !isdigit((unsigned char)line[7]) || line[8] != ' ')
		return false;
	for (int i = 9; i < 12; i++) {
		if (!isdigit((unsigned char)line[i]))
			return false;
		value = value * 10 + (unsigned int)(line[i] - '0');
	}
	*status = (int)value;
	return value >= 100;
}

#define NOBODY "no agent answers on", ": is octetd running? (--socket-path)"
#define FORBIDDEN "may not talk to the agent on", ": run as root"
#define CUT_SHORT "the agent ended the connection before its answer was whole, on", ": look into its log"

static const struct {
	int error;
	const char *before; /* the path */
	const char *after;
} complaints[] = {
	{-ENOENT, NOBODY},
	{-ENOTDIR, NOBODY},
	{-ECONNREFUSED, NOBODY},
	{-EACCES, FORBIDDEN},
	{-EPERM, FORBIDDEN},
	{-ECONNRESET, CUT_SHORT},
	{-EPIPE, CUT_SHORT},
	{-ETIMEDOUT, "the agent does not answer in time on", ": look into its log"},
	{-EBADMSG, "no HTTP is spoken on", ": is it octetd's? (--socket-path)"},
	{-EPROTOTYPE, "no stream socket is", ": is it octetd's? (--socket-path)"},
	{-ENAMETOOLONG, "too long for a Unix socket is", " (--socket-path)"},
	{-EFBIG, "more than 16 MiB is the answer on", ": ask for less"},
};

int local_complain(const char *socket_path, int error)
{
	for (size_t i = 0; i < ARRAY_LENGTH(complaints); i++) {
		if (complaints[i].error != error)
			continue;
		log_error("%s %s%s", complaints[i].before, socket_path, complaints[i].after);
		return error;
	}
	return log_errno(error, "cannot talk to the agent on %s", socket_path);
}
