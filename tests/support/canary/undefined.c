/* SPDX-License-Identifier: MIT */
/* Overflows a signed integer on purpose. Were it ever to pass, no other undefined behaviour would be seen either. */
#include <criterion/criterion.h>
#include <limits.h>

Test(canary, undefined)
{
	volatile int largest = INT_MAX;

	largest = largest + 1;
	cr_assert(largest != 0);
}
