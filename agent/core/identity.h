/* SPDX-License-Identifier: MIT */
/*
 * Who a guest is, as a portal said it. Every string is owned and may be NULL (unknown); a session keeps
 * the identity it had, so history does not change when a guest does.
 */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

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

#endif
