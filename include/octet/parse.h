/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef OCTET_PARSE_H
#define OCTET_PARSE_H
#endif
