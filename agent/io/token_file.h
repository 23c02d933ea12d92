/* SPDX-License-Identifier: MIT */
/*
 * Bearer tokens: STATE_DIR/tokens.json, mode 0600, holds names, scopes and SHA-256 hashes, never secrets.
 * A secret has 256 random bits, so one hash without salt or stretching is enough. The file is replaced
 * atomically and read again when it has changed, so `octetd token` works while the agent runs.
 */
#ifndef IO_TOKEN_FILE_H
#define IO_TOKEN_FILE_H

#include "core/ports.h"

struct token_file;

#define TOKEN_SECRET_SIZE 48 /* "octetd_" and 40 base62-like characters; see token_file.c */

struct token_entry {
	char name[TOKEN_NAME_SIZE];
	unsigned int scopes;
	int64_t created_wall_s;
};

int token_file_new(const char *state_dir, struct token_file **out); /* 0 or -errno, logged */
void token_file_free(struct token_file **file);
struct token_port token_file_port(struct token_file *file);

/* Makes a token; the secret is shown once and not kept. -EEXIST: the name is taken; -EINVAL: a bad name. */
int token_file_add(struct token_file *file, const char *name, unsigned int scopes, int64_t now_wall_s,
		   char secret[TOKEN_SECRET_SIZE]);
int token_file_revoke(struct token_file *file, const char *name); /* -ENOENT: no such token */
/* A new array that the caller frees. */
int token_file_list(struct token_file *file, struct token_entry **out, size_t *n_out);

/*
 * At the very first start: makes the token "admin" (all scopes) and writes its secret to
 * STATE_DIR/admin.token, mode 0600. 1 when it did, 0 when tokens.json exists already, or -errno, logged.
 */
int token_file_first_start(struct token_file *file, int64_t now_wall_s);

#endif
