/* SPDX-License-Identifier: MIT */
/*
 * The subcommands. argv[0] is the subcommand's name; what follows are its options and arguments. Each returns
 * the exit code of the process: 0, or 1 after one clear line per mistake on standard error.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

int cmd_run(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_sessions(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_check_config(int argc, char **argv);

/* For portals' hooks; these exit with 2 when the agent cannot be asked and the request cannot be kept (hook.h). */
int cmd_login(int argc, char **argv);
int cmd_logout(int argc, char **argv);
int cmd_lost(int argc, char **argv);
int cmd_disconnect(int argc, char **argv);
int cmd_device(int argc, char **argv);

#endif
