/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "io/token_file.h"

#define NOW_S 1700000000
#define ALL (TOKEN_SCOPE_READ | TOKEN_SCOPE_WRITE | TOKEN_SCOPE_METRICS)

/* A state directory of its own, and the file in it. */
struct lab {
	char directory[32];
	char path[64];
	struct token_file *file;
};

static void lab_clean(struct lab *lab)
{
	static const char *const names[] = {"tokens.json", "tokens.lock", "tokens.new", "admin.token"};
	char path[64];

	token_file_free(&lab->file);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", lab->directory, names[i]);
		unlink(path);
	}
	cr_expect_eq(rmdir(lab->directory), 0, "nothing else is left in there");
}

static void lab_init(struct lab *lab)
{
	snprintf(lab->directory, sizeof(lab->directory), "/tmp/octetd-token-XXXXXX");
	cr_assert_not_null(mkdtemp(lab->directory));
	snprintf(lab->path, sizeof(lab->path), "%s/tokens.json", lab->directory);
	lab->file = NULL;
	cr_assert_eq(token_file_new(lab->directory, &lab->file), 0);
}

static bool check(struct token_file *file, const char *secret, struct token_grant *grant)
{
	const struct token_port port = token_file_port(file);

	return port.check(port.context, secret, grant);
}

static void write_text(const char *path, const char *text)
{
	CLEANUP_FCLOSE FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	cr_assert_geq(fputs(text, file), 0);
}

static void read_text(const char *path, char *text, size_t size)
{
	CLEANUP_FCLOSE FILE *file = fopen(path, "r");

	cr_assert_not_null(file);
	text[fread(text, 1, size - 1, file)] = '\0';
}

Test(token_file, a_secret_opens_with_the_scopes_of_its_token)
{
	CLEANUP(lab_clean) struct lab lab;
	char reader[TOKEN_SECRET_SIZE];
	char writer[TOKEN_SECRET_SIZE];
	struct token_grant grant;

	lab_init(&lab);
	cr_expect_not(check(lab.file, "octetd_x", &grant), "there is no file yet");
	cr_assert_eq(token_file_add(lab.file, "reader", TOKEN_SCOPE_READ, NOW_S, reader), 0);
	cr_assert_eq(token_file_add(lab.file, "writer", TOKEN_SCOPE_WRITE | TOKEN_SCOPE_METRICS, NOW_S, writer), 0);
	cr_expect_str_neq(reader, writer);
	cr_assert(check(lab.file, reader, &grant));
	cr_expect_str_eq(grant.name, "reader");
	cr_expect_eq(grant.scopes, TOKEN_SCOPE_READ);
	cr_assert(check(lab.file, writer, &grant));
	cr_expect_str_eq(grant.name, "writer");
	cr_expect_eq(grant.scopes, TOKEN_SCOPE_WRITE | TOKEN_SCOPE_METRICS);

	cr_expect_not(check(lab.file, "", &grant));
	cr_expect_not(check(lab.file, reader + 1, &grant));
	reader[TOKEN_SECRET_SIZE - 2] ^= 1;
	cr_expect_not(check(lab.file, reader, &grant));
}

Test(token_file, secrets_have_the_stated_form)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	CLEANUP(lab_clean) struct lab lab;
	char secret[TOKEN_SECRET_SIZE];
	char name[16];

	lab_init(&lab);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		cr_assert_eq(token_file_add(lab.file, name, TOKEN_SCOPE_READ, NOW_S, secret), 0);
		cr_expect_eq(strlen(secret), 50);
		cr_expect_eq(strncmp(secret, "octetd_", 7), 0);
		cr_expect_eq(strspn(secret + 7, alphabet), 43, "%s", secret);
	}
}

Test(token_file, the_file_is_private_and_holds_no_secret)
{
	CLEANUP(lab_clean) struct lab lab;
	char secret[TOKEN_SECRET_SIZE];
	char text[4096];
	struct stat status;

	lab_init(&lab);
	umask(0);
	cr_assert_eq(token_file_add(lab.file, "a", ALL, NOW_S, secret), 0);
	cr_assert_eq(stat(lab.path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0600);
	read_text(lab.path, text, sizeof(text));
	cr_expect_null(strstr(text, secret));
	cr_expect_null(strstr(text, secret + 7));
}

/* The hash of "abc" is in FIPS 180-2, B.1. */
static const char known_file[] =
	"{\"version\": 1, \"comment\": \"kept\", \"tokens\": [{\"name\": \"abc\", \"scopes\": [\"metrics\", \"later\"],"
	" \"sha256\": \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\", \"expires_wall_s\": 5}]}";

Test(token_file, hashes_are_sha256)
{
	CLEANUP(lab_clean) struct lab lab;
	struct token_grant grant;

	lab_init(&lab);
	write_text(lab.path, known_file);
	cr_assert(check(lab.file, "abc", &grant));
	cr_expect_str_eq(grant.name, "abc");
	cr_expect_eq(grant.scopes, TOKEN_SCOPE_METRICS);
}

Test(token_file, unknown_fields_survive_a_change)
{
	CLEANUP(lab_clean) struct lab lab;
	char secret[TOKEN_SECRET_SIZE];

	lab_init(&lab);
	write_text(lab.path, known_file);
	cr_assert_eq(token_file_add(lab.file, "b", TOKEN_SCOPE_READ, NOW_S, secret), 0);
	json_auto_t *document = json_load_file(lab.path, 0, NULL);
	cr_assert_not_null(document);
	cr_expect_str_eq(json_string_value(json_object_get(document, "comment")), "kept");
	const json_t *tokens = json_object_get(document, "tokens");
	cr_assert_eq(json_array_size(tokens), 2);
	const json_t *first = json_array_get(tokens, 0);
	cr_expect_eq(json_integer_value(json_object_get(first, "expires_wall_s")), 5);
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(first, "scopes"), 1)), "later");
	const json_t *second = json_array_get(tokens, 1);
	cr_expect_eq(json_integer_value(json_object_get(second, "created_wall_s")), NOW_S);
}

Test(token_file, names_are_bounded_and_unique)
{
	CLEANUP(lab_clean) struct lab lab;
	char secret[TOKEN_SECRET_SIZE];
	char name[TOKEN_NAME_SIZE + 1];
	static const char *const bad[] = {"", "a b", "a/b", "a\n", "\xc3\xa9", "a,b"};

	lab_init(&lab);
	memset(name, 'n', sizeof(name));
	name[TOKEN_NAME_SIZE] = '\0';
	cr_expect_eq(token_file_add(lab.file, name, ALL, NOW_S, secret), -EINVAL);
	name[TOKEN_NAME_SIZE - 1] = '\0';
	cr_expect_eq(token_file_add(lab.file, name, ALL, NOW_S, secret), 0);
	cr_expect_eq(token_file_add(lab.file, name, ALL, NOW_S, secret), -EEXIST);
	cr_expect_eq(token_file_add(lab.file, "Az09._-", ALL, NOW_S, secret), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_expect_eq(token_file_add(lab.file, bad[i], ALL, NOW_S, secret), -EINVAL, "%s", bad[i]);
	cr_expect_eq(token_file_add(lab.file, "none", 0, NOW_S, secret), -EINVAL);
	cr_expect_eq(token_file_add(lab.file, "more", 8, NOW_S, secret), -EINVAL);
}

Test(token_file, a_revoked_token_is_refused_and_the_others_go_on)
{
	CLEANUP(lab_clean) struct lab lab;
	CLEANUP_FREE struct token_entry *entries = NULL;
	char secrets[3][TOKEN_SECRET_SIZE];
	struct token_grant grant;
	size_t n_entries;

	lab_init(&lab);
	cr_assert_eq(token_file_add(lab.file, "a", TOKEN_SCOPE_READ, NOW_S, secrets[0]), 0);
	cr_assert_eq(token_file_add(lab.file, "b", TOKEN_SCOPE_WRITE, NOW_S + 1, secrets[1]), 0);
	cr_assert_eq(token_file_add(lab.file, "c", ALL, NOW_S + 2, secrets[2]), 0);
	cr_expect_eq(token_file_revoke(lab.file, "x"), -ENOENT);
	cr_expect_eq(token_file_revoke(lab.file, "b"), 0);
	cr_expect_eq(token_file_revoke(lab.file, "b"), -ENOENT);
	cr_expect(check(lab.file, secrets[0], &grant));
	cr_expect_not(check(lab.file, secrets[1], &grant));
	cr_expect(check(lab.file, secrets[2], &grant));
	cr_assert_eq(token_file_list(lab.file, &entries, &n_entries), 0);
	cr_assert_eq(n_entries, 2);
	cr_expect_str_eq(entries[0].name, "a");
	cr_expect_eq(entries[0].scopes, TOKEN_SCOPE_READ);
	cr_expect_eq(entries[0].created_wall_s, NOW_S);
	cr_expect_str_eq(entries[1].name, "c");
}

/* As the agent and `octetd token`: two objects on one file. */
Test(token_file, another_writer_is_noticed)
{
	CLEANUP(lab_clean) struct lab lab;
	CLEANUP(token_file_free) struct token_file *other = NULL;
	char secret[TOKEN_SECRET_SIZE];
	struct token_grant grant;

	lab_init(&lab);
	cr_assert_eq(token_file_new(lab.directory, &other), 0);
	cr_assert_eq(token_file_add(other, "a", ALL, NOW_S, secret), 0);
	cr_expect(check(lab.file, secret, &grant));
	cr_assert_eq(token_file_revoke(other, "a"), 0);
	cr_expect_not(check(lab.file, secret, &grant));
	cr_assert_eq(token_file_add(other, "b", ALL, NOW_S, secret), 0);
	cr_expect(check(lab.file, secret, &grant));
	cr_assert_eq(unlink(lab.path), 0);
	cr_expect_not(check(lab.file, secret, &grant));
}

static void add_from_child(const char *directory, int child)
{
	CLEANUP(token_file_free) struct token_file *file = NULL;
	char secret[TOKEN_SECRET_SIZE];
	char name[32];
	int error = token_file_new(directory, &file);

	for (int i = 0; !error && i < 10; i++) {
		snprintf(name, sizeof(name), "t%d.%d", child, i);
		error = token_file_add(file, name, TOKEN_SCOPE_READ, NOW_S, secret);
	}
	token_file_free(&file);
	_exit(error ? 1 : 0);
}

Test(token_file, writers_at_the_same_time_lose_nothing)
{
	CLEANUP(lab_clean) struct lab lab;
	CLEANUP_FREE struct token_entry *entries = NULL;
	pid_t children[4];
	size_t n_entries;
	int status;

	lab_init(&lab);
	for (int i = 0; i < 4; i++) {
		children[i] = fork();
		cr_assert_geq(children[i], 0);
		if (!children[i])
			add_from_child(lab.directory, i);
	}
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	cr_assert_eq(token_file_list(lab.file, &entries, &n_entries), 0);
	cr_expect_eq(n_entries, 40);
}

static const char *const damaged_files[] = {
	"",
	"{",
	"[]",
	"null",
	"{\"version\": 2, \"tokens\": []}",
	"{\"tokens\": []}",
	"{\"version\": 1}",
	"{\"version\": 1, \"tokens\": {}}",
	"{\"version\": 1, \"tokens\": [1]}",
	"{\"version\": 1, \"tokens\": [{\"name\": \"a\", \"scopes\": []}]}",
	"{\"version\": 1, \"tokens\": [{\"name\": \"a\", \"scopes\": [], \"sha256\": \"ba78\"}]}",
	"{\"version\": 1, \"tokens\": [{\"name\": \"a\", \"scopes\": [],"
	" \"sha256\": \"zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]}",
	"{\"version\": 1, \"tokens\": [{\"name\": \"a b\", \"scopes\": [],"
	" \"sha256\": \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]}",
	"{\"version\": 1, \"tokens\": [{\"name\": \"a\", \"scopes\": [7],"
	" \"sha256\": \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]}",
	"{\"version\": 1, \"tokens\": [{\"name\": \"a\","
	" \"sha256\": \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]}",
};

Test(token_file, a_damaged_file_lets_nobody_in_and_is_not_overwritten)
{
	char secret[TOKEN_SECRET_SIZE];
	char text[512];
	struct token_grant grant;

	for (size_t i = 0; i < ARRAY_LENGTH(damaged_files); i++) {
		CLEANUP(lab_clean) struct lab lab;
		CLEANUP_FREE struct token_entry *entries = NULL;
		size_t n_entries;
		lab_init(&lab);
		write_text(lab.path, known_file);
		cr_assert(check(lab.file, "abc", &grant));
		write_text(lab.path, damaged_files[i]);
		cr_expect_not(check(lab.file, "abc", &grant), "%s", damaged_files[i]);
		cr_expect_eq(token_file_add(lab.file, "b", ALL, NOW_S, secret), -EBADMSG, "%s", damaged_files[i]);
		cr_expect_eq(token_file_revoke(lab.file, "abc"), -EBADMSG);
		cr_expect_eq(token_file_list(lab.file, &entries, &n_entries), -EBADMSG);
		cr_expect_eq(token_file_first_start(lab.file, NOW_S), 0);
		read_text(lab.path, text, sizeof(text));
		cr_expect_str_eq(text, damaged_files[i]);
		write_text(lab.path, known_file);
		cr_expect(check(lab.file, "abc", &grant), "mended while running");
	}
}

Test(token_file, two_tokens_of_one_name_are_damage)
{
	CLEANUP(lab_clean) struct lab lab;
	struct token_grant grant;
	json_auto_t *document = json_loads(known_file, 0, NULL);
	json_t *tokens = json_object_get(document, "tokens");

	lab_init(&lab);
	cr_assert_eq(json_array_append_new(tokens, json_deep_copy(json_array_get(tokens, 0))), 0);
	cr_assert_eq(json_dump_file(document, lab.path, 0), 0);
	cr_expect_not(check(lab.file, "abc", &grant));
}

Test(token_file, the_first_start_makes_an_admin_once)
{
	CLEANUP(lab_clean) struct lab lab;
	char path[64];
	char secret[TOKEN_SECRET_SIZE + 2];
	struct token_grant grant;
	struct stat status;

	lab_init(&lab);
	snprintf(path, sizeof(path), "%s/admin.token", lab.directory);
	cr_assert_eq(token_file_first_start(lab.file, NOW_S), 1);
	cr_assert_eq(stat(path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0600);
	read_text(path, secret, sizeof(secret));
	cr_assert_eq(strlen(secret), TOKEN_SECRET_SIZE);
	cr_expect_eq(secret[TOKEN_SECRET_SIZE - 1], '\n');
	secret[TOKEN_SECRET_SIZE - 1] = '\0';
	cr_assert(check(lab.file, secret, &grant));
	cr_expect_str_eq(grant.name, "admin");
	cr_expect_eq(grant.scopes, ALL);
	cr_expect_eq(token_file_first_start(lab.file, NOW_S), 0);
	cr_expect_eq(token_file_revoke(lab.file, "admin"), 0);
	cr_expect_eq(access(path, F_OK), -1, "a worthless secret is not kept");
	cr_expect_eq(token_file_first_start(lab.file, NOW_S), 0, "what was revoked does not come back");
}

Test(token_file, a_missing_directory_is_made_and_a_wrong_one_refused)
{
	char top[] = "/tmp/octetd-token-XXXXXX";
	char path[64];
	struct token_file *file = NULL;
	struct stat status;

	cr_assert_not_null(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/state", top);
	cr_assert_eq(token_file_new(path, &file), 0);
	token_file_free(&file);
	cr_assert_eq(stat(path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0700);
	cr_expect_eq(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/no/state", top);
	cr_expect_eq(token_file_new(path, &file), -ENOENT);
	snprintf(path, sizeof(path), "%s/file", top);
	write_text(path, "");
	cr_expect_eq(token_file_new(path, &file), -ENOTDIR);
	cr_expect_null(file);
	cr_expect_eq(unlink(path), 0);
	cr_expect_eq(rmdir(top), 0);
	token_file_free(&file);
}

Test(token_file, scopes_are_read_and_written_as_lists)
{
	char text[TOKEN_SCOPES_TEXT_SIZE];
	unsigned int scopes = 0;
	static const char *const bad[] = {"", "reading", "read,", ",read", "read, write", "READ", "rea"};

	cr_assert_eq(token_scopes_parse("metrics,read,read", &scopes), 0);
	cr_expect_eq(scopes, TOKEN_SCOPE_METRICS | TOKEN_SCOPE_READ);
	cr_expect_str_eq(token_scopes_format(scopes, text), "read,metrics");
	cr_expect_str_eq(token_scopes_format(ALL, text), "read,write,metrics");
	cr_expect_str_eq(token_scopes_format(0, text), "");
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_expect_eq(token_scopes_parse(bad[i], &scopes), -EINVAL, "%s", bad[i]);
}
