/* SPDX-License-Identifier: MIT */
#include "io/listen_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/log.h"

struct remedy {
	int error;
	const char *text;
};

static const struct remedy tcp_remedies[] = {
	{-EADDRINUSE, "already in use: choose another listen_port or stop the other program"},
	{-EADDRNOTAVAIL, "no interface has this address: choose another listen_address or bring the interface up"},
	{-EACCES, "not allowed: ports below 1024 need root or CAP_NET_BIND_SERVICE; or choose another listen_port"},
	{-EINVAL, "not an IPv4 or IPv6 address: correct listen_address"},
	{-EAFNOSUPPORT, "the kernel has no such address family: choose another listen_address"},
};

static const struct remedy unix_remedies[] = {
	{-EADDRINUSE, "another program answers there: stop it or choose another socket_path"},
	{-EEXIST, "exists and is no socket: move it away or choose another socket_path"},
	{-ENOENT, "its directory does not exist: create it or choose another socket_path"},
	{-EACCES, "not allowed: run as root or choose another socket_path"},
	{-EROFS, "the file system is read-only: choose another socket_path"},
	{-ENAMETOOLONG, "too long for a Unix socket (107 characters): choose another socket_path"},
};

static const char *remedy_text(const struct remedy *remedies, size_t n, int error)
{
	for (size_t i = 0; i < n; i++)
		if (remedies[i].error == error)
			return remedies[i].text;
	return strerror(-error);
}

static int listen_fd(int fd)
{
	return listen(fd, SOMAXCONN) == 0 ? 0 : -errno;
}

static int open_tcp(const struct sockaddr_storage *address, socklen_t length, int *fd_out)
{
	CLEANUP_CLOSE int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;
	const int off = 0;

	if (fd < 0)
		return -errno;
	/* a restart must not wait for the connections of the run before to leave TIME_WAIT */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return -errno;
	if (address->ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)address, length) != 0)
		return -errno;

	int error = listen_fd(fd);
	if (error)
		return error;
	*fd_out = TAKE_FD(fd);
	return 0;
}

static int parse_address(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *length)
{
	memset(out, 0, sizeof(*out));
	if (uv_ip4_addr(text, port, (struct sockaddr_in *)out) == 0) {
		*length = sizeof(struct sockaddr_in);
		return 0;
	}
	*length = sizeof(struct sockaddr_in6);
	return uv_ip6_addr(text, port, (struct sockaddr_in6 *)out) == 0 ? 0 : -EINVAL;
}

static int bound_port(int fd, uint16_t *port_out)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	memset(&address, 0, sizeof(address));
	if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		return -errno;
	*port_out = ntohs(address.ss_family == AF_INET ? ((const struct sockaddr_in *)&address)->sin_port
						       : ((const struct sockaddr_in6 *)&address)->sin6_port);
	return 0;
}

int listen_socket_tcp(const char *address, uint16_t port, int *fd_out, uint16_t *port_out)
{
	CLEANUP_CLOSE int fd = -1;
	struct sockaddr_storage parsed;
	socklen_t length = 0;

	int error = parse_address(address, port, &parsed, &length);
	if (!error)
		error = open_tcp(&parsed, length, &fd);
	if (!error)
		error = bound_port(fd, port_out);
	if (error) {
		log_error("address %s port %u: %s", address, (unsigned int)port,
			  remedy_text(tcp_remedies, ARRAY_LENGTH(tcp_remedies), error));
		return error;
	}
	*fd_out = TAKE_FD(fd);
	return 0;
}

/* -ECONNREFUSED: nobody; 0: somebody, who may be too busy to accept. */
static int probe(const struct sockaddr_un *address)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return 0;
	return -errno;
}

/* Makes room at the path: 0 when there is nothing (any more). */
static int clear_path(const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;

	int error = probe(address);
	if (!error)
		return -EADDRINUSE;
	if (error != -ECONNREFUSED)
		return error;
	return unlink(address->sun_path) == 0 || errno == ENOENT ? 0 : -errno;
}

static int open_unix(const struct sockaddr_un *address, int *fd_out)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* bind() gives the file the mode of the socket's own inode (unix_bind in net/unix/af_unix.c): so it is
	 * never open to others, not for a moment, and no umask of the whole process has to change */
	if (fchmod(fd, S_IRUSR | S_IWUSR) != 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		return -errno;

	int error = listen_fd(fd);
	if (error) {
		(void)unlink(address->sun_path);
		return error;
	}
	*fd_out = TAKE_FD(fd);
	return 0;
}

static int remember_path(const char *text, struct listen_path *out)
{
	CLEANUP_FREE char *path = strdup(text);
	struct stat status;

	if (!path || lstat(path, &status) != 0) {
		const int error = path ? -errno : -ENOMEM;
		(void)unlink(text);
		return error;
	}
	*out = (struct listen_path){.device = status.st_dev, .inode = status.st_ino};
	out->path = TAKE_PTR(path);
	return 0;
}

int listen_socket_unix(const char *path, int *fd_out, struct listen_path *path_out)
{
	CLEANUP_CLOSE int fd = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);

	int error = length < sizeof(address.sun_path) ? 0 : -ENAMETOOLONG;
	if (!error) {
		memcpy(address.sun_path, path, length + 1);
		error = clear_path(&address);
	}
	if (!error)
		error = open_unix(&address, &fd);
	if (!error)
		error = remember_path(path, path_out);
	if (error) {
		log_error("socket %s: %s", path, remedy_text(unix_remedies, ARRAY_LENGTH(unix_remedies), error));
		return error;
	}
	*fd_out = TAKE_FD(fd);
	return 0;
}

void listen_path_remove(struct listen_path *path)
{
	struct stat status;

	if (!path->path)
		return;
	if (lstat(path->path, &status) == 0 && status.st_dev == path->device && status.st_ino == path->inode)
		(void)unlink(path->path);
	free(path->path);
	*path = (struct listen_path){0};
}
