/* SPDX-License-Identifier: MIT */
/* What the write calls have in common (api_login.c, api_bindings.c, api_change.c, api_end.c). */
#ifndef CORE_API_WRITE_H
#define CORE_API_WRITE_H

#include "core/api_body.h"
#include "core/api_call.h"

/* The parameters and the body of a request, understood. */
struct api_write {
	struct api_view view;
	struct api_body body;
};

/* False, and the response says all that is wrong; *out is to be cleaned in any case. */
bool api_write_read(const struct api_request *request, enum api_body_use use, struct api_write *out,
		    struct http_response *response);
void api_write_clean(struct api_write *write);

/* How much of the session the answer is to show; 0, or -EINVAL and errors says what is wrong, or -ENOMEM. */
int api_view_read(const struct api_request *request, struct api_view *out, struct api_errors *errors);

/* What memory has of a session's number. */
struct api_subject {
	uint64_t seq;
	const struct session_record *record; /* borrowed, as below */
	const struct login *waiting;         /* of a number without a session */
};
struct api_subject api_subject_find(const struct api *api, uint64_t seq);
/* The session on line of a device, else its login that waits or is kept; else empty. */
struct api_subject api_subject_of_device(const struct api *api, const struct mac_addr *mac);
/* Of one that is not empty. */
struct mac_addr api_subject_mac(const struct api_subject *subject);
/* It is on line, or waits. */
bool api_subject_is_live(const struct api_subject *subject);
/* The session that the path names. False, and the response is a 404, when no number has this id. */
bool api_subject_of_path(const struct api_request *request, struct api_subject *out, struct http_response *response);
/*
 * The same, if that session is on line or waits. False, and *step is the way on: the response is filled in, or the
 * store is to say whether the session has ended or there was none.
 */
bool api_subject_live(const struct api_request *request, struct api_subject *out, enum api_step *step,
		      struct api_call *call, struct http_response *response);
/* JSON null when memory has nothing of it. */
json_t *api_json_subject(const struct api *api, struct instant now, struct api_view view,
			 const struct api_subject *subject);

/*
 * Memory does not know the session of this number: has it ended, or was there none? API_NEEDS_HISTORY, or
 * API_ANSWERED without memory to ask.
 */
enum api_step api_ask_store(uint64_t seq, bool is_forget, struct api_call *call, struct http_response *response);
void api_reply_unknown_session(struct http_response *response);
void api_reply_ended_session(struct http_response *response);

/*
 * Forgets what is known of a guest beside its sessions: the guest, and the login that is kept for its return with that
 * device. guest_id may be NULL.
 */
void api_forget_guest(const struct api *api, struct instant now, const struct mac_addr *mac, const char *guest_id);

/* The limits of a login: those of the profile that it names, overridden by its own. */
struct login_limits api_limits_of(const struct api *api, const char *profile_name, const struct api_body *body);

/*
 * Carries out a login (POST /sessions); moves texts out of the body. The status of its answer: 201, 200 when it was
 * known, 409 when it is over, 503 when too many wait, 500; *subject is its session after the first two, and that of a
 * login that is over as far as it is known: seq 0 when it had none, record NULL when memory has forgotten it.
 */
int api_log_in(const struct api *api, struct instant now, struct api_body *body, struct api_subject *subject);
extern const char api_too_many_logins[]; /* says a 503 */
extern const char api_login_over[];      /* says a 409 */

#endif
