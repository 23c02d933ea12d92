/* SPDX-License-Identifier: MIT */
#include "hook_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/hook_answer.h"
#include "io/host.h"
#include "io/local_client.h"
#include "io/now.h"
#include "io/spool.h"

#define HOOK_TIMEOUT_MS 2000
#define RETRY_MS 1000

int hook_message_send(const struct config *config, const struct hook_message *message, int *status, char **body)
{
	const struct local_request request = {
		.method = "POST", .target = message->target, .body = message->body, .timeout_ms = HOOK_TIMEOUT_MS};

	return local_client_ask(config->socket_path, &request, status, body);
}

bool hook_spool_is_busy(const struct config *config)
{
	return !spool_is_empty(config->state_dir);
}

/* ---- in the child: standard error is gone, syslog is what there is ---- */

static enum spool_result deliver_one(void *context, const struct spool_entry *entry)
{
	const struct config *config = context;
	const struct hook_message message = {entry->command, entry->subject, entry->target, entry->body};
	CLEANUP(strbuf_clean) struct strbuf reason = STRBUF_INIT;
	CLEANUP_FREE char *body = NULL;
	int status = 0;
	const int error = hook_message_send(config, &message, &status, &body);

	if (error)
		return SPOOL_TRY_LATER;
	switch (hook_answer_judge(entry->command, status, body)) {
	case HOOK_LATER:
		return SPOOL_PASS_OVER;
	case HOOK_REFUSED:
		hook_answer_explain(status, body, &reason);
		syslog(LOG_ERR, "%s of %s was refused: %s", entry->command, entry->subject,
		       reason.text ? reason.text : "out of memory");
		break;
	case HOOK_NOBODY:
	case HOOK_DONE:
		break;
	}
	return SPOOL_SENT;
}

static void drop_one(void *context, const struct spool_entry *entry, const char *reason)
{
	(void)context;
	if (entry)
		syslog(LOG_ERR, "%s of %s is lost: %s", entry->command, entry->subject, reason);
	else
		syslog(LOG_ERR, "a request of a hook is lost: %s cannot be read", reason);
}

static void close_all(void)
{
	long failed = -1;

	/* Linux 5.9; older headers lack it */
#ifdef SYS_close_range
	failed = syscall(SYS_close_range, 0U, ~0U, 0U);
#endif
	for (int fd = 0; failed && fd < 1024; fd++)
		close(fd);
	/* what a library prints must not go into a file that happens to get number 2 */
	if (open("/dev/null", O_RDWR) == 0 && dup(0) == 1)
		(void)!dup(0);
}

static _Noreturn void deliver_detached(const struct config *config, const char *boot_id)
{
	const struct spool_port port = {(void *)config, deliver_one, drop_one, RETRY_MS};

	setsid();
	close_all();
	signal(SIGHUP, SIG_IGN);
	(void)!chdir("/");
	openlog("octetd", LOG_PID, LOG_DAEMON);

	const int error = spool_deliver(config->state_dir, boot_id, &port);
	if (error)
		syslog(LOG_ERR, "the spool in %s fails, and hooks wait in it: %s", config->state_dir, strerror(-error));
	_exit(0);
}

static int start_deliverer(const struct config *config, const char *boot_id)
{
	switch (fork()) {
	case -1:
		return log_errno(-errno, "cannot start what delivers the spool in %s", config->state_dir);
	case 0:
		deliver_detached(config, boot_id);
	default:
		return 0;
	}
}

static int complain(const struct config *config, const struct hook_message *message, int error)
{
	static const struct {
		int error;
		const char *reason;
	} reasons[] = {
		{-ENOBUFS, "as many wait as may"},
		{-EMSGSIZE, "it is too long"},
		{-ETIMEDOUT, "others keep it locked"},
	};
	const char *reason = strerror(-error);

	for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
		if (reasons[i].error == error)
			reason = reasons[i].reason;
	log_error("%s of %s is lost: no agent answers on %s, and it cannot be kept in %s/spool: %s", message->command,
		  message->subject, config->socket_path, config->state_dir, reason);
	return error;
}

int hook_spool(const struct config *config, const struct hook_message *message, int64_t spool_s)
{
	char boot_id[HOST_BOOT_ID_SIZE];
	const int64_t now_ns = now_read().mono_ns;
	int error = host_boot_id(boot_id);

	if (error)
		return error;

	const struct spool_entry entry = {
		.command = (char *)message->command,
		.subject = (char *)message->subject,
		.target = (char *)message->target,
		.body = (char *)message->body,
		.boot_id = boot_id,
		.made_mono_ns = now_ns,
		.until_mono_ns = now_ns + spool_s * NS_PER_S,
	};
	error = spool_append(config->state_dir, &entry);
	return error ? complain(config, message, error) : start_deliverer(config, boot_id);
}
