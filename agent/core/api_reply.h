/* SPDX-License-Identifier: MIT */
/* Answers of the API: always JSON, never to be cached. All fill in a zeroed response. */
#ifndef CORE_API_REPLY_H
#define CORE_API_REPLY_H

#include <jansson.h>

#include "core/api_errors.h"
#include "core/http_message.h"
#include "core/rate_limit.h"

/* Takes body; NULL (no memory for it) makes a 500. */
void api_reply_json(struct http_response *response, int status, json_t *body);
/* {"message": "..."}; text NULL: the status's own words. */
void api_reply_message(struct http_response *response, int status, const char *text);
/* 204, without a body. */
void api_reply_nothing(struct http_response *response);
/* 422, or 500 when there was no memory to say why. */
void api_reply_errors(struct http_response *response, const struct api_errors *errors);

/* Adds the X-RateLimit headers; none where no limit holds. */
void api_reply_rate(struct http_response *response, const struct rate_verdict *rate);

#endif
