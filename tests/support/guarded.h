/* SPDX-License-Identifier: MIT */
/* Memory that ends at a page which must not be touched: who reads an octet too many dies of it. */
#ifndef SUPPORT_GUARDED_H
#define SUPPORT_GUARDED_H

#include <stddef.h>
#include <stdint.h>

#include "support/raw_frame.h"

/* Two pages, the second of which is the guard. */
struct guarded {
	uint8_t *page;
	uint8_t *end;
	size_t page_size;
};

void guarded_init(struct guarded *guarded);
void guarded_clean(struct guarded *guarded);

/* The first length octets of the frame, the last of them right before the guard. */
struct octet_input guarded_input(struct guarded *guarded, const struct raw_frame *frame, size_t length);

#endif
