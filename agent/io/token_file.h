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

#define TOKEN_SECRET_SIZE 51 /* "octetd_", 43 characters of base64url (RFC 4648, 5) for 32 octets, NUL */

/* Scopes as text, separated by commas: "read,metrics". */
#define TOKEN_SCOPES_TEXT_SIZE 32
char *token_scopes_format(unsigned int scopes, char text[TOKEN_SCOPES_TEXT_SIZE]);
/* 0, or -EINVAL for what is no such list. */
int token_scopes_parse(const char *text, unsigned int *out);

struct token_entry {
	char name[TOKEN_NAME_SIZE];
	unsigned int scopes;
	int64_t created_wall_s;
};

/*
 * Makes the directory when only its last part is missing. A damaged tokens.json is no failure here: it is
 * logged, check() refuses everybody, and what would change the file fails and leaves it as it is.
 * 0 or -errno, logged.
 */
int token_file_new(const char *state_dir, struct token_file **out);
void token_file_free(struct token_file **file);
struct token_port token_file_port(struct token_file *file);

/*
 * These three log no -EEXIST, -ENOENT and -EINVAL, which are their caller's to explain, and log the rest;
 * -EBADMSG is a damaged tokens.json.
 */

/* Makes a token; the secret is shown once and not kept. -EEXIST: the name is taken; -EINVAL: a bad name. */
int token_file_add(struct token_file *file, const char *name, unsigned int scopes, int64_t now_wall_s,
		   char secret[TOKEN_SECRET_SIZE]);
int token_file_revoke(struct token_file *file, const char *name); /* -ENOENT: no such token */
/* A new array that the caller frees, in the order of their making. */
int token_file_list(struct token_file *file, struct token_entry **out, size_t *n_out);

/*
 * At the very first start: makes the token "admin" (all scopes) and writes its secret to
 * STATE_DIR/admin.token, mode 0600. 1 when it did, 0 when tokens.json exists already, or -errno, logged.
 */
int token_file_first_start(struct token_file *file, int64_t now_wall_s);

#endif
