/* SPDX-License-Identifier: MIT */
/* Runs a program of the system, which must succeed, as the tests of netlink need it: ip, tc, bridge. */
#ifndef TESTS_IO_COMMAND_H
#define TESTS_IO_COMMAND_H

/* Words are separated by single spaces. */
void command_run(const char *command);

#endif
