/* SPDX-License-Identifier: MIT */
/*
 * What is inside tokens.json:
 *   {"version": 1, "tokens": [{"name", "scopes": ["read", ...], "sha256": 64 hex digits, "created_wall_s"}]}
 * Fields and scopes that this version does not know are ignored, and kept when the file is written again.
 */
#ifndef IO_TOKEN_DOCUMENT_H
#define IO_TOKEN_DOCUMENT_H

#include <jansson.h>

#include "io/token_file.h"

#define TOKEN_HASH_SIZE 32 /* SHA-256 */

struct token_stored {
	struct token_entry entry;
	uint8_t hash[TOKEN_HASH_SIZE];
};

bool token_name_is_valid(const char *name);

/* A new secret from the system's random numbers. 0 or -EIO. */
int token_secret_make(char secret[TOKEN_SECRET_SIZE]);
/* 0 or -EIO. */
int token_secret_hash(const char *secret, uint8_t hash[TOKEN_HASH_SIZE]);

/* NULL when out of memory. The caller's reference. */
json_t *token_document_new(void);

/*
 * A new array that the caller frees, in the document's order. 0; -ENOMEM; or -EBADMSG, and *reason says what
 * is wrong with the document.
 */
int token_document_read(const json_t *document, struct token_stored **out, size_t *n_out, const char **reason);

/* 0 or -ENOMEM. */
int token_document_append(json_t *document, const struct token_stored *token);

#endif
