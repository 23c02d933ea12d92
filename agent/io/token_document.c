/* SPDX-License-Identifier: MIT */
#include "io/token_document.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "base/cleanup.h"

#define DOCUMENT_VERSION 1
#define SECRET_PREFIX "octetd_"
#define SECRET_BYTES 32
#define HASH_TEXT_SIZE (2 * TOKEN_HASH_SIZE + 1)

/* 32 octets are 43 characters and one of padding (RFC 4648, 4) */
_Static_assert(sizeof(SECRET_PREFIX) + (SECRET_BYTES * 8 + 5) / 6 == TOKEN_SECRET_SIZE, "the secret fits exactly");

static const struct {
	const char *name;
	unsigned int scope;
} scopes_by_name[] = {
	{"read", TOKEN_SCOPE_READ},
	{"write", TOKEN_SCOPE_WRITE},
	{"metrics", TOKEN_SCOPE_METRICS},
};

/* 0 for an unknown one. */
static unsigned int scope_of(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_LENGTH(scopes_by_name); i++)
		if (strlen(scopes_by_name[i].name) == length && memcmp(scopes_by_name[i].name, name, length) == 0)
			return scopes_by_name[i].scope;
	return 0;
}

char *token_scopes_format(unsigned int scopes, char text[TOKEN_SCOPES_TEXT_SIZE])
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_LENGTH(scopes_by_name); i++)
		if (scopes & scopes_by_name[i].scope)
			length += (size_t)snprintf(text + length, TOKEN_SCOPES_TEXT_SIZE - length, "%s%s",
						   length ? "," : "", scopes_by_name[i].name);
	return text;
}

int token_scopes_parse(const char *text, unsigned int *out)
{
	unsigned int scopes = 0;

	for (;;) {
		const size_t length = strcspn(text, ",");
		const unsigned int scope = scope_of(text, length);
		if (!scope)
			return -EINVAL;
		scopes |= scope;
		if (!text[length])
			break;
		text += length + 1;
	}
	*out = scopes;
	return 0;
}

bool token_name_is_valid(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const size_t length = strlen(name);

	return length > 0 && length < TOKEN_NAME_SIZE && strspn(name, allowed) == length;
}

/* The alphabet that needs no quoting in URLs and shells (RFC 4648, 5). */
static void to_url_alphabet(char *text)
{
	for (; *text; text++) {
		if (*text == '+')
			*text = '-';
		else if (*text == '/')
			*text = '_';
	}
}

int token_secret_make(char secret[TOKEN_SECRET_SIZE])
{
	uint8_t random[SECRET_BYTES];
	const gnutls_datum_t input = {random, sizeof(random)};
	gnutls_datum_t text = {NULL, 0};
	int result = gnutls_rnd(GNUTLS_RND_KEY, random, sizeof(random));

	if (result == 0)
		result = gnutls_base64_encode2(&input, &text);
	gnutls_memset(random, 0, sizeof(random));
	if (result != 0)
		return -EIO;
	snprintf(secret, TOKEN_SECRET_SIZE, SECRET_PREFIX "%.43s", (const char *)text.data);
	to_url_alphabet(secret + strlen(SECRET_PREFIX));
	gnutls_memset(text.data, 0, text.size);
	gnutls_free(text.data);
	return 0;
}

int token_secret_hash(const char *secret, uint8_t hash[TOKEN_HASH_SIZE])
{
	return gnutls_hash_fast(GNUTLS_DIG_SHA256, secret, strlen(secret), hash) == 0 ? 0 : -EIO;
}

json_t *token_document_new(void)
{
	return json_pack("{s:i, s:[]}", "version", DOCUMENT_VERSION, "tokens");
}

static bool read_hash(const json_t *token, uint8_t hash[TOKEN_HASH_SIZE])
{
	const char *text = json_string_value(json_object_get(token, "sha256"));
	size_t size = TOKEN_HASH_SIZE;

	if (!text || strlen(text) != HASH_TEXT_SIZE - 1)
		return false;
	const gnutls_datum_t hex = {(unsigned char *)text, HASH_TEXT_SIZE - 1};
	return gnutls_hex_decode(&hex, hash, &size) == 0 && size == TOKEN_HASH_SIZE;
}

static bool read_scopes(const json_t *token, unsigned int *out)
{
	const json_t *list = json_object_get(token, "scopes");

	if (!json_is_array(list))
		return false;
	*out = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *scope = json_array_get(list, i);
		if (!json_is_string(scope))
			return false;
		*out |= scope_of(json_string_value(scope), json_string_length(scope));
	}
	return true;
}

/* Returns what is wrong, or NULL. */
static const char *read_token(const json_t *json, struct token_stored *out)
{
	const json_t *name = json_object_get(json, "name");
	const json_t *created = json_object_get(json, "created_wall_s");

	if (!json_is_string(name) || !token_name_is_valid(json_string_value(name)))
		return "a token without a valid name";
	if (!read_hash(json, out->hash))
		return "a token without a valid sha256";
	if (!read_scopes(json, &out->entry.scopes))
		return "a token without a list of scopes";
	if (created && !json_is_integer(created))
		return "a created_wall_s that is no integer";
	snprintf(out->entry.name, sizeof(out->entry.name), "%s", json_string_value(name));
	out->entry.created_wall_s = json_integer_value(created);
	return NULL;
}

static bool has_name(const struct token_stored *tokens, size_t n_tokens, const char *name)
{
	for (size_t i = 0; i < n_tokens; i++)
		if (strcmp(tokens[i].entry.name, name) == 0)
			return true;
	return false;
}

int token_document_read(const json_t *document, struct token_stored **out, size_t *n_out, const char **reason)
{
	const json_t *list = json_object_get(document, "tokens");
	const size_t n_tokens = json_array_size(list);
	CLEANUP_FREE struct token_stored *tokens = calloc(n_tokens + 1, sizeof(*tokens));

	if (!tokens)
		return -ENOMEM;
	*reason = NULL;
	if (json_integer_value(json_object_get(document, "version")) != DOCUMENT_VERSION)
		*reason = "no version, or one that this program does not know";
	else if (!json_is_array(list))
		*reason = "no list of tokens";
	for (size_t i = 0; !*reason && i < n_tokens; i++) {
		*reason = read_token(json_array_get(list, i), &tokens[i]);
		if (!*reason && has_name(tokens, i, tokens[i].entry.name))
			*reason = "two tokens of one name";
	}
	if (*reason)
		return -EBADMSG;
	*out = TAKE_PTR(tokens);
	*n_out = n_tokens;
	return 0;
}

static json_t *scopes_to_json(unsigned int scopes)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < ARRAY_LENGTH(scopes_by_name); i++)
		if (scopes & scopes_by_name[i].scope &&
		    json_array_append_new(list, json_string(scopes_by_name[i].name)) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

int token_document_append(json_t *document, const struct token_stored *token)
{
	uint8_t hash[TOKEN_HASH_SIZE];
	const gnutls_datum_t binary = {hash, sizeof(hash)};
	char text[HASH_TEXT_SIZE];
	size_t text_size = sizeof(text);
	json_t *json;

	memcpy(hash, token->hash, sizeof(hash));
	if (gnutls_hex_encode(&binary, text, &text_size) != 0)
		return -EIO;
	/* "o" takes the list over, and a NULL list makes json_pack fail */
	json = json_pack("{s:s, s:o, s:s, s:I}", "name", token->entry.name, "scopes",
			 scopes_to_json(token->entry.scopes), "sha256", text, "created_wall_s",
			 (json_int_t)token->entry.created_wall_s);
	if (!json || json_array_append_new(json_object_get(document, "tokens"), json) != 0)
		return -ENOMEM;
	return 0;
}
