/* SPDX-License-Identifier: MIT */
#include "core/identity.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Every field is a string, so each operation is a walk over this table. */
static const size_t field_offsets[] = {
	offsetof(struct identity, guest_id),
	offsetof(struct identity, username),
	offsetof(struct identity, name),
	offsetof(struct identity, email),
	offsetof(struct identity, yas_id),
	offsetof(struct identity, access_code),
	offsetof(struct identity, login_type_name),
	offsetof(struct identity, service_profile_name),
	offsetof(struct identity, device_description),
};
_Static_assert(ARRAY_LENGTH(field_offsets) * sizeof(char *) == sizeof(struct identity), "every field is in the table");

static char **field_of(struct identity *identity, size_t index)
{
	return (char **)(void *)((char *)identity + field_offsets[index]);
}

static const char *value_of(const struct identity *identity, size_t index)
{
	return *(char *const *)(const void *)((const char *)identity + field_offsets[index]);
}

void identity_clean(struct identity *identity)
{
	for (size_t i = 0; i < ARRAY_LENGTH(field_offsets); i++) {
		free(*field_of(identity, i));
		*field_of(identity, i) = NULL;
	}
}

int identity_copy(struct identity *to, const struct identity *from)
{
	CLEANUP(identity_clean) struct identity copy = {0};

	for (size_t i = 0; i < ARRAY_LENGTH(field_offsets); i++) {
		const char *value = value_of(from, i);

		if (!value)
			continue;
		*field_of(&copy, i) = strdup(value);
		if (!*field_of(&copy, i))
			return -ENOMEM;
	}
	identity_clean(to);
	*to = copy;
	copy = (struct identity){0};
	return 0;
}
