/* SPDX-License-Identifier: MIT */
/* Against the values of the paper (appendix A) and of its authors' reference code: key 00 .. 0f, data 00 .. */
#include <criterion/criterion.h>

#include "base/siphash.h"

Test(siphash, has_the_reference_values)
{
	static const struct {
		size_t length;
		uint64_t value;
	} references[] = {
		{0, UINT64_C(0x726fdb47dd0e0e31)}, {1, UINT64_C(0x74f839c593dc67fd)},
		{2, UINT64_C(0x0d6c8009d9a94f5a)}, {7, UINT64_C(0xab0200f58b01d137)},
		{8, UINT64_C(0x93f5f5799a932462)}, {15, UINT64_C(0xa129ca6149be45e5)},
	};
	static const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	unsigned char data[16];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)i;
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++)
		cr_expect_eq(siphash(key, data, references[i].length), references[i].value, "of %zu octets",
			     references[i].length);
}
