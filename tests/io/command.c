/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <criterion/criterion.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 16

void command_run(const char *command)
{
	char line[128], *words[WORDS_MAX + 1] = {NULL}, *rest = line;
	pid_t child;
	int status;

	snprintf(line, sizeof(line), "%s", command);
	for (size_t n = 0; n < WORDS_MAX && rest; n++)
		words[n] = strsep(&rest, " ");
	cr_assert_eq(posix_spawnp(&child, words[0], NULL, NULL, words, environ), 0, "%s", command);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0, "%s", command);
}
