/* SPDX-License-Identifier: MIT */
/* Leaks on purpose. Were it ever to pass, no other test's leak would be seen either. */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(canary, leak)
{
	char *volatile lost = malloc(7);

	cr_assert(lost != NULL);
	lost = NULL;
}
