/* SPDX-License-Identifier: MIT */
#include "support/guarded.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void guarded_init(struct guarded *guarded)
{
	guarded->page_size = (size_t)sysconf(_SC_PAGESIZE);
	guarded->page = mmap(NULL, 2 * guarded->page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(guarded->page, MAP_FAILED);
	guarded->end = guarded->page + guarded->page_size;
	cr_assert_eq(mprotect(guarded->end, guarded->page_size, PROT_NONE), 0);
}

void guarded_clean(struct guarded *guarded)
{
	munmap(guarded->page, 2 * guarded->page_size);
}

struct octet_input guarded_input(struct guarded *guarded, const struct raw_frame *frame, size_t length)
{
	uint8_t *start = guarded->end - length;

	memcpy(start, frame->octets, length);
	return (struct octet_input){.data = start, .data_end = guarded->end, .frame_length = (uint32_t)length};
}
