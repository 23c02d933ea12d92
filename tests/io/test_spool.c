/* SPDX-License-Identifier: MIT */
/* The spool on a real file system, with a port that stands for the agent. */
#include "io/spool.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "io/now.h"
#include "io/text_file.h"

#define BOOT "a-boot"

struct lab {
	char root[64];
	char state_dir[96];
	char spool[128];
	/* the agent: what it says next, and what was said to it, "subject " for each */
	enum spool_result (*answer)(struct lab *lab, const struct spool_entry *entry);
	size_t n_sent;
	struct strbuf sent;
	struct strbuf dropped;
};

static struct lab lab;

static enum spool_result take(struct lab *now, const struct spool_entry *entry)
{
	strbuf_append_format(&now->sent, "%s ", entry->subject);
	return SPOOL_SENT;
}

static enum spool_result send_one(void *context, const struct spool_entry *entry)
{
	struct lab *now = context;

	now->n_sent++;
	return now->answer(now, entry);
}

static void drop_one(void *context, const struct spool_entry *entry, const char *reason)
{
	struct lab *now = context;

	strbuf_append_format(&now->dropped, "%s: %s\n", entry ? entry->subject : "?", reason);
}

static const struct spool_port port = {&lab, send_one, drop_one, 5};

static void lab_open(void)
{
	lab = (struct lab){.root = "/tmp/octetd-spool-XXXXXX", .answer = take};
	cr_assert_not_null(mkdtemp(lab.root));
	snprintf(lab.state_dir, sizeof(lab.state_dir), "%s/state", lab.root);
	snprintf(lab.spool, sizeof(lab.spool), "%s/spool", lab.state_dir);
}

static void lab_close(void)
{
	char path[sizeof(lab.spool) + 256];
	DIR *directory = opendir(lab.spool);
	const struct dirent *file;

	while (directory && (file = readdir(directory))) {
		snprintf(path, sizeof(path), "%s/%s", lab.spool, file->d_name);
		if (*file->d_name != '.')
			unlink(path);
	}
	if (directory)
		closedir(directory);
	rmdir(lab.spool);
	rmdir(lab.state_dir);
	cr_assert_eq(rmdir(lab.root), 0);
	strbuf_clean(&lab.sent);
	strbuf_clean(&lab.dropped);
}

TestSuite(spool, .init = lab_open, .fini = lab_close);

static int append_for(const char *subject, const char *boot_id, int64_t for_ms)
{
	const int64_t now_ns = now_read().mono_ns;
	const struct spool_entry entry = {
		.command = (char *)"login",
		.subject = (char *)subject,
		.target = (char *)"/sessions",
		.body = (char *)"{}",
		.boot_id = (char *)boot_id,
		.made_mono_ns = now_ns,
		.until_mono_ns = now_ns + for_ms * NS_PER_MS,
	};

	return spool_append(lab.state_dir, &entry);
}

static int append(const char *subject)
{
	return append_for(subject, BOOT, 60000);
}

static int deliver(void)
{
	return spool_deliver(lab.state_dir, BOOT, &port);
}

Test(spool, delivers_in_order_and_is_empty)
{
	cr_assert(spool_is_empty(lab.state_dir));
	cr_assert_eq(append("a"), 0);
	cr_assert_not(spool_is_empty(lab.state_dir));
	cr_assert_eq(append("b"), 0);
	cr_assert_eq(append("a"), 0);
	cr_assert_eq(deliver(), 0);
	cr_assert_str_eq(lab.sent.text, "a b a ");
	cr_assert_null(lab.dropped.text);
	cr_assert(spool_is_empty(lab.state_dir));
}

Test(spool, is_for_its_owner_only)
{
	struct stat status;

	cr_assert_eq(append("a"), 0);
	cr_assert_eq(stat(lab.spool, &status), 0);
	cr_assert_eq(status.st_mode & 0777, 0700);
	cr_assert_eq(stat(lab.state_dir, &status), 0);
	cr_assert_eq(status.st_mode & 0777, 0700);
}

/* away three times, and meanwhile another request comes */
static enum spool_result come_back(struct lab *now, const struct spool_entry *entry)
{
	if (now->n_sent == 2)
		cr_assert_eq(append("c"), 0);
	return now->n_sent <= 3 ? SPOOL_TRY_LATER : take(now, entry);
}

Test(spool, tries_until_the_agent_is_back_and_keeps_the_order)
{
	lab.answer = come_back;
	cr_assert_eq(append("a"), 0);
	cr_assert_eq(append("b"), 0);
	cr_assert_eq(deliver(), 0);
	cr_assert_str_eq(lab.sent.text, "a b c ");
	cr_assert_eq(lab.n_sent, 6);
}

/* no place for a, until b has gone */
static enum spool_result make_place(struct lab *now, const struct spool_entry *entry)
{
	const bool has_place = now->sent.text && strchr(now->sent.text, 'b');

	return *entry->subject == 'a' && !has_place ? SPOOL_PASS_OVER : take(now, entry);
}

Test(spool, what_finds_no_place_holds_up_only_its_own_subject)
{
	lab.answer = make_place;
	cr_assert_eq(append("a"), 0);
	cr_assert_eq(append("a"), 0);
	cr_assert_eq(append("b"), 0);
	cr_assert_eq(append("a"), 0);
	cr_assert_eq(deliver(), 0);
	cr_assert_str_eq(lab.sent.text, "b a a a ");
}

static enum spool_result stay_away(struct lab *now, const struct spool_entry *entry)
{
	(void)now;
	(void)entry;
	return SPOOL_TRY_LATER;
}

Test(spool, what_nobody_takes_in_time_is_dropped_and_said)
{
	lab.answer = stay_away;
	cr_assert_eq(append_for("a", BOOT, 50), 0);
	cr_assert_eq(append_for("b", "an earlier boot", 60000), 0);
	cr_assert_eq(deliver(), 0);
	cr_assert_not_null(strstr(lab.dropped.text, "a: the agent did not take it in time\n"), "%s", lab.dropped.text);
	cr_assert_not_null(strstr(lab.dropped.text, "b: the machine has been restarted since\n"), "%s",
			   lab.dropped.text);
	cr_assert(spool_is_empty(lab.state_dir));
}

Test(spool, what_cannot_be_read_is_dropped_and_said)
{
	char path[sizeof(lab.spool) + 64], new_path[sizeof(lab.spool) + 64];

	cr_assert_eq(append("a"), 0);
	snprintf(path, sizeof(path), "%s/000000000000000002.json", lab.spool);
	snprintf(new_path, sizeof(new_path), "%s/new", lab.spool);
	cr_assert_eq(text_file_replace(path, new_path, "{\"command\":"), 0);
	cr_assert_eq(append("c"), 0);
	cr_assert_eq(deliver(), 0);
	cr_assert_str_eq(lab.sent.text, "a c ");
	cr_assert_not_null(strstr(lab.dropped.text, "000000000000000002.json"), "%s", lab.dropped.text);
}

/* The files of a deliverer that was killed, and its half-written one */
Test(spool, the_next_deliverer_takes_over)
{
	char new_path[sizeof(lab.spool) + 64];

	cr_assert_eq(append("a"), 0);
	snprintf(new_path, sizeof(new_path), "%s/new", lab.spool);
	CLEANUP_CLOSE const int half = open(new_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_geq(half, 0);

	const pid_t child = fork();
	if (child == 0) {
		lab.answer = stay_away;
		deliver();
		_exit(0);
	}
	usleep(50000);
	cr_assert_eq(kill(child, SIGKILL), 0);
	cr_assert_eq(waitpid(child, NULL, 0), child);

	cr_assert_eq(append("b"), 0);
	cr_assert_eq(deliver(), 0);
	cr_assert_str_eq(lab.sent.text, "a b ");
}

static int hold_lock(const char *name)
{
	char path[sizeof(lab.spool) + 64];

	snprintf(path, sizeof(path), "%s/%s", lab.spool, name);
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	return fd;
}

Test(spool, one_deliverer_at_a_time)
{
	cr_assert_eq(append("a"), 0);

	const int lock = hold_lock("deliver.lock");
	cr_assert_eq(deliver(), 0);
	cr_assert_eq(lab.n_sent, 0);
	close(lock);
	cr_assert_eq(deliver(), 0);
	cr_assert_eq(lab.n_sent, 1);
}

/* Three processes append and deliver at once: each request once, none is left */
Test(spool, none_is_lost_between_who_appends_and_who_delivers)
{
	enum { N_PROCESSES = 3, N_REQUESTS = 40 };
	pid_t children[N_PROCESSES];
	char log_path[sizeof(lab.root) + 16];

	snprintf(log_path, sizeof(log_path), "%s/log", lab.root);
	for (size_t i = 0; i < N_PROCESSES; i++) {
		children[i] = fork();
		if (children[i] != 0)
			continue;
		for (int k = 0; k < N_REQUESTS; k++) {
			char subject[32];

			int error;

			snprintf(subject, sizeof(subject), "%zu-%d", i, k);
			/* a machine that is busy may let one wait for longer than a hook would */
			do
				error = append(subject);
			while (error == -ETIMEDOUT);
			if (error || deliver() != 0)
				_exit(1);
		}
		FILE *log = fopen(log_path, "a");
		fputs(lab.sent.text ? lab.sent.text : "", log);
		_exit(fclose(log) == 0 ? 0 : 1);
	}
	for (size_t i = 0; i < N_PROCESSES; i++) {
		int status;

		cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	cr_assert(spool_is_empty(lab.state_dir));

	CLEANUP_FREE char *log = NULL;
	size_t n_delivered = 0;
	cr_assert_eq(text_file_read(log_path, 65536, &log), 0);
	for (const char *c = log; *c; c++)
		n_delivered += *c == ' ';
	cr_assert_eq(n_delivered, (size_t)N_PROCESSES * N_REQUESTS);
	unlink(log_path);
}

Test(spool, is_bounded)
{
	char path[sizeof(lab.spool) + 64];
	static char body[SPOOL_MAX_BYTES];
	const struct spool_entry big = {(char *)"login", (char *)"a", (char *)"/x", body, (char *)BOOT, 0, INT64_MAX};

	memset(body, 'x', sizeof(body) - 1);
	cr_assert_eq(spool_append(lab.state_dir, &big), -EMSGSIZE);
	cr_assert_eq(append("a"), 0);
	for (int i = 2; i <= SPOOL_MAX_FILES; i++) {
		snprintf(path, sizeof(path), "%s/%018d.json", lab.spool, i);
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	cr_assert_eq(append("b"), -ENOBUFS);
}

Test(spool, fails_in_time_and_clearly)
{
	cr_assert_eq(append("a"), 0);

	const int lock = hold_lock("append.lock");
	cr_assert_eq(append("b"), -ETIMEDOUT);
	close(lock);

	cr_assert_eq(spool_append("/proc/nowhere", &(struct spool_entry){(char *)"c", (char *)"s", (char *)"/t",
									 (char *)"{}", (char *)BOOT, 0, 1}),
		     -ENOENT);
	if (geteuid() != 0)
		return;
	cr_assert_eq(seteuid(65534), 0);
	cr_assert_eq(append("b"), -EACCES);
	cr_assert(spool_is_empty(lab.state_dir));
	cr_assert_eq(seteuid(0), 0);
}
