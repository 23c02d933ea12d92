/* SPDX-License-Identifier: MIT */
#include "core/identity.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Every field is a string, so each operation is a walk over this table. */
static const struct {
	const char *name;
	size_t offset;
} fields[] = {
	[IDENTITY_GUEST_ID] = {"guest_id", offsetof(struct identity, guest_id)},
	[IDENTITY_USERNAME] = {"username", offsetof(struct identity, username)},
	[IDENTITY_NAME] = {"name", offsetof(struct identity, name)},
	[IDENTITY_EMAIL] = {"email", offsetof(struct identity, email)},
	[IDENTITY_YAS_ID] = {"yas_id", offsetof(struct identity, yas_id)},
	[IDENTITY_ACCESS_CODE] = {"access_code", offsetof(struct identity, access_code)},
	[IDENTITY_LOGIN_TYPE_NAME] = {"login_type_name", offsetof(struct identity, login_type_name)},
	[IDENTITY_SERVICE_PROFILE_NAME] = {"service_profile_name", offsetof(struct identity, service_profile_name)},
	[IDENTITY_DEVICE_DESCRIPTION] = {"device_description", offsetof(struct identity, device_description)},
};
_Static_assert(ARRAY_LENGTH(fields) == IDENTITY_N_FIELDS, "a name for each field");
_Static_assert(ARRAY_LENGTH(fields) * sizeof(char *) == sizeof(struct identity), "every field is in the table");

const char *identity_field_name(enum identity_field field)
{
	return fields[field].name;
}

char **identity_field(struct identity *identity, enum identity_field field)
{
	return (char **)(void *)((char *)identity + fields[field].offset);
}

static const char *value_of(const struct identity *identity, size_t index)
{
	return *(char *const *)(const void *)((const char *)identity + fields[index].offset);
}

void identity_clean(struct identity *identity)
{
	for (enum identity_field i = 0; i < IDENTITY_N_FIELDS; i++) {
		free(*identity_field(identity, i));
		*identity_field(identity, i) = NULL;
	}
}

int identity_copy(struct identity *to, const struct identity *from)
{
	return identity_override(to, from, (1u << IDENTITY_N_FIELDS) - 1);
}

bool identity_is_equal(const struct identity *a, const struct identity *b)
{
	for (size_t i = 0; i < IDENTITY_N_FIELDS; i++) {
		const char *left = value_of(a, i);
		const char *right = value_of(b, i);

		if (!text_is_equal(left, right))
			return false;
	}
	return true;
}

int identity_override(struct identity *to, const struct identity *from, unsigned int sets)
{
	CLEANUP(identity_clean) struct identity copy = {0};

	for (enum identity_field i = 0; i < IDENTITY_N_FIELDS; i++) {
		const char *value = value_of(from, i);

		if (!(sets & 1u << i) || !value)
			continue;
		*identity_field(&copy, i) = strdup(value);
		if (!*identity_field(&copy, i))
			return -ENOMEM;
	}
	for (enum identity_field i = 0; i < IDENTITY_N_FIELDS; i++) {
		if (!(sets & 1u << i))
			continue;
		free(*identity_field(to, i));
		*identity_field(to, i) = *identity_field(&copy, i);
		*identity_field(&copy, i) = NULL;
	}
	return 0;
}
