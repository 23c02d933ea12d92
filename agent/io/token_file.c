/* SPDX-License-Identifier: MIT */
#include "io/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "io/text_file.h"
#include "io/token_document.h"

#define FILE_MAX_BYTES (1 << 20)
#define ADMIN_NAME "admin"
#define SCOPES_ALL (TOKEN_SCOPE_READ | TOKEN_SCOPE_WRITE | TOKEN_SCOPE_METRICS)

/* Tells one content of the file from another: a replacement has another inode, an edit another time or size. */
struct stamp {
	bool exists;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct token_file {
	char directory[PATH_MAX];
	char path[PATH_MAX];       /* tokens.json */
	char new_path[PATH_MAX];   /* written, then renamed; by the holder of the lock */
	char lock_path[PATH_MAX];  /* never renamed, so that everybody locks the same file */
	char admin_path[PATH_MAX]; /* admin.token */
	struct stamp stamp;        /* of what follows */
	int error;                 /* 0, or why nobody is let in */
	json_t *document;          /* NULL where there is no file */
	struct token_stored *tokens;
	size_t n_tokens;
};

static void forget(struct token_file *file)
{
	json_decref(file->document);
	file->document = NULL;
	free(file->tokens);
	file->tokens = NULL;
	file->n_tokens = 0;
}

static struct stamp stamp_of(const struct stat *status)
{
	return (struct stamp){
		.exists = true,
		.device = status->st_dev,
		.inode = status->st_ino,
		.size = status->st_size,
		.changed = status->st_mtim,
	};
}

static bool stamps_equal(const struct stamp *a, const struct stamp *b)
{
	return a->exists == b->exists && a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static int damaged(const struct token_file *file, const char *reason)
{
	log_error("%s is damaged (%s): no token is accepted; put back a copy, or remove it and restart the agent",
		  file->path, reason);
	return -EBADMSG;
}

/* The same failure is not news each time somebody asks. */
static int cannot_read(const struct token_file *file, int error)
{
	if (error != file->error)
		log_errno(error, "cannot read %s, no token is accepted; is this root", file->path);
	return error;
}

static int read_stream(struct token_file *file, FILE *stream)
{
	const char *reason = NULL;
	json_error_t where;
	json_auto_t *document = json_loadf(stream, JSON_REJECT_DUPLICATES, &where);
	int error;

	if (!document)
		return damaged(file, where.text);
	error = token_document_read(document, &file->tokens, &file->n_tokens, &reason);
	if (error == -EBADMSG)
		return damaged(file, reason);
	if (error)
		return cannot_read(file, error);
	file->document = json_incref(document);
	return 0;
}

/* The stamp is that of the very content that is read, whoever replaces the file meanwhile. */
static int load(struct token_file *file)
{
	CLEANUP_FCLOSE FILE *stream = fopen(file->path, "re");
	struct stat status;

	if (!stream)
		return cannot_read(file, -errno);
	if (fstat(fileno(stream), &status) != 0)
		return cannot_read(file, -errno);
	file->stamp = stamp_of(&status);
	if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX_BYTES)
		return damaged(file, "not a regular file of at most 1 MiB");
	return read_stream(file, stream);
}

/* Reads the file if it is not what was read before. 0 or -errno, logged when it enters. */
static int refresh(struct token_file *file)
{
	struct stamp stamp = {.exists = false};
	struct stat status;

	if (stat(file->path, &status) == 0) {
		stamp = stamp_of(&status);
	} else if (errno != ENOENT) {
		file->error = cannot_read(file, -errno);
		file->stamp = stamp;
		forget(file);
		return file->error;
	}
	/* what failed for want of memory or a descriptor is tried again */
	if (stamps_equal(&stamp, &file->stamp) && (!file->error || file->error == -EBADMSG))
		return file->error;
	forget(file);
	file->stamp = stamp;
	file->error = stamp.exists ? load(file) : 0;
	return file->error;
}

static int lock(const struct token_file *file, int *out)
{
	CLEANUP_CLOSE int fd = open(file->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int result;

	if (fd < 0)
		return log_errno(-errno, "cannot open %s; is this root, and the directory writable", file->lock_path);
	do
		result = flock(fd, LOCK_EX);
	while (result != 0 && errno == EINTR);
	if (result != 0)
		return log_errno(-errno, "cannot lock %s", file->lock_path);
	*out = TAKE_FD(fd);
	return 0;
}

/* Under the lock. */
static int replace(const struct token_file *file, const char *path, const char *text)
{
	int error = text_file_replace(path, file->new_path, text);

	if (error)
		return log_errno(error, "cannot write %s; is there space, and is the directory writable", path);
	error = text_file_sync_directory(file->directory);
	return error ? log_errno(error, "cannot sync %s", file->directory) : 0;
}

static int save(const struct token_file *file, const json_t *document)
{
	CLEANUP_FREE char *text = json_dumps(document, JSON_INDENT(2));

	return text ? replace(file, file->path, text) : log_errno(-ENOMEM, "cannot write %s", file->path);
}

/* file->tokens is what the file says, and stays so while the lock is held. */
static int begin_edit(struct token_file *file, int *lock_fd)
{
	const int error = lock(file, lock_fd);

	return error ? error : refresh(file);
}

/* The index of that name, or n_tokens. */
static size_t find(const struct token_file *file, const char *name)
{
	size_t i = 0;

	while (i < file->n_tokens && strcmp(file->tokens[i].entry.name, name) != 0)
		i++;
	return i;
}

/* Under the lock. An edit is made on a copy, so that a failure to write changes nothing. */
static int append(struct token_file *file, const struct token_entry *entry, const char *secret)
{
	json_auto_t *edited = file->document ? json_deep_copy(file->document) : token_document_new();
	struct token_stored token = {.entry = *entry};
	int error = edited ? token_secret_hash(secret, token.hash) : -ENOMEM;

	if (!error)
		error = token_document_append(edited, &token);
	return error ? log_errno(error, "cannot make a token") : save(file, edited);
}

static struct token_entry make_entry(const char *name, unsigned int scopes, int64_t now_wall_s)
{
	struct token_entry entry = {.scopes = scopes, .created_wall_s = now_wall_s};

	snprintf(entry.name, sizeof(entry.name), "%s", name);
	return entry;
}

int token_file_add(struct token_file *file, const char *name, unsigned int scopes, int64_t now_wall_s,
		   char secret[TOKEN_SECRET_SIZE])
{
	const struct token_entry entry = make_entry(name, scopes, now_wall_s);
	CLEANUP_CLOSE int lock_fd = -1;
	int error;

	if (!token_name_is_valid(name) || !scopes || scopes & ~(unsigned int)SCOPES_ALL)
		return -EINVAL;
	error = begin_edit(file, &lock_fd);
	if (error)
		return error;
	if (find(file, name) < file->n_tokens)
		return -EEXIST;
	error = token_secret_make(secret);
	if (error)
		return log_errno(error, "no random numbers for a token");
	error = append(file, &entry, secret);
	if (error)
		gnutls_memset(secret, 0, TOKEN_SECRET_SIZE);
	return error;
}

int token_file_revoke(struct token_file *file, const char *name)
{
	CLEANUP_CLOSE int lock_fd = -1;
	int error = begin_edit(file, &lock_fd);

	if (error)
		return error;
	const size_t index = find(file, name);
	if (index == file->n_tokens)
		return -ENOENT;
	json_auto_t *edited = json_deep_copy(file->document);
	if (!edited)
		return log_errno(-ENOMEM, "cannot revoke a token");
	json_array_remove(json_object_get(edited, "tokens"), index);
	error = save(file, edited);
	/* the secret in there is worth nothing any more */
	if (!error && strcmp(name, ADMIN_NAME) == 0)
		unlink(file->admin_path);
	return error;
}

int token_file_list(struct token_file *file, struct token_entry **out, size_t *n_out)
{
	const int error = refresh(file);
	struct token_entry *entries;

	if (error)
		return error;
	entries = calloc(file->n_tokens + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < file->n_tokens; i++)
		entries[i] = file->tokens[i].entry;
	*out = entries;
	*n_out = file->n_tokens;
	return 0;
}

int token_file_first_start(struct token_file *file, int64_t now_wall_s)
{
	const struct token_entry entry = make_entry(ADMIN_NAME, SCOPES_ALL, now_wall_s);
	char text[TOKEN_SECRET_SIZE + 1]; /* a line */
	CLEANUP_CLOSE int lock_fd = -1;
	int error = begin_edit(file, &lock_fd);

	if (file->stamp.exists)
		return 0;
	if (error)
		return error;
	error = token_secret_make(text);
	if (error)
		return log_errno(error, "no random numbers for a token");
	/* first the secret: an interruption before tokens.json makes another one next time */
	text[TOKEN_SECRET_SIZE - 1] = '\n';
	text[TOKEN_SECRET_SIZE] = '\0';
	error = replace(file, file->admin_path, text);
	text[TOKEN_SECRET_SIZE - 1] = '\0';
	if (!error)
		error = append(file, &entry, text);
	gnutls_memset(text, 0, sizeof(text));
	return error ? error : 1;
}

static bool check(void *context, const char *secret, struct token_grant *out)
{
	struct token_file *file = context;
	const struct token_stored *found = NULL;
	uint8_t hash[TOKEN_HASH_SIZE];

	/* a file that cannot be trusted leaves no tokens to compare with */
	(void)refresh(file);
	if (token_secret_hash(secret, hash) != 0)
		return false;
	for (size_t i = 0; i < file->n_tokens; i++) {
		const bool is_equal = gnutls_memcmp(file->tokens[i].hash, hash, sizeof(hash)) == 0;
		found = is_equal ? &file->tokens[i] : found;
	}
	if (!found)
		return false;
	memcpy(out->name, found->entry.name, sizeof(out->name));
	out->scopes = found->entry.scopes;
	return true;
}

struct token_port token_file_port(struct token_file *file)
{
	return (struct token_port){.context = file, .check = check};
}

static int set_paths(struct token_file *file, const char *state_dir)
{
	const struct {
		char *path;
		const char *name;
	} paths[] = {
		{file->path, "/tokens.json"},
		{file->new_path, "/tokens.new"},
		{file->lock_path, "/tokens.lock"},
		{file->admin_path, "/admin.token"},
	};

	if (strlen(state_dir) + sizeof("/tokens.json") > PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(file->directory, PATH_MAX, "%s", state_dir);
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++)
		snprintf(paths[i].path, PATH_MAX, "%s%s", state_dir, paths[i].name);
	return 0;
}

static int make_directory(const char *path)
{
	struct stat status;

	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &status) != 0)
		return -errno;
	return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

int token_file_new(const char *state_dir, struct token_file **out)
{
	CLEANUP(token_file_free) struct token_file *file = calloc(1, sizeof(*file));
	int error = file ? set_paths(file, state_dir) : -ENOMEM;

	if (!error)
		error = make_directory(state_dir);
	if (error)
		return log_errno(error, "cannot use the state directory %s; set state_dir to one that root can write",
				 state_dir);
	error = refresh(file);
	if (error && error != -EBADMSG)
		return error;
	*out = TAKE_PTR(file);
	return 0;
}

void token_file_free(struct token_file **file)
{
	if (!*file)
		return;
	forget(*file);
	free(*file);
	*file = NULL;
}
