/* SPDX-License-Identifier: MIT */
/*
 * Who a guest is, as a portal said it. Every string is owned and may be NULL (unknown); a session keeps
 * the identity it had, so history does not change when a guest does.
 */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

#include <stdbool.h>

/* The strings in the order of struct identity. */
enum identity_field {
	IDENTITY_GUEST_ID,
	IDENTITY_USERNAME,
	IDENTITY_NAME,
	IDENTITY_EMAIL,
	IDENTITY_YAS_ID,
	IDENTITY_ACCESS_CODE,
	IDENTITY_LOGIN_TYPE_NAME,
	IDENTITY_SERVICE_PROFILE_NAME,
	IDENTITY_DEVICE_DESCRIPTION,
	IDENTITY_N_FIELDS
};

struct identity {
	char *guest_id;
	char *username;
	char *name;
	char *email;
	char *yas_id;
	char *access_code;
	char *login_type_name;
	char *service_profile_name;
	char *device_description;
};

void identity_clean(struct identity *identity);

/* Replaces *to by a deep copy of *from; 0, or -ENOMEM and *to untouched. */
int identity_copy(struct identity *to, const struct identity *from);

bool identity_is_equal(const struct identity *a, const struct identity *b);

/* "guest_id", ...: the word of API, store and configuration. */
const char *identity_field_name(enum identity_field field);
/* The string, to be read or replaced. */
char **identity_field(struct identity *identity, enum identity_field field);

/* Replaces the fields whose bit is in sets; 0, or -ENOMEM and *to untouched. */
int identity_override(struct identity *to, const struct identity *from, unsigned int sets);

#endif
