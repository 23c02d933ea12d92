/* SPDX-License-Identifier: MIT */
/* A terminal that is drawn on as a whole, by ncurses; one at a time. It is as before after screen_close, and when a
 * signal ends the program. */
#ifndef IO_SCREEN_H
#define IO_SCREEN_H

#include <stddef.h>
#include <stdint.h>

enum screen_key { /* other keys are their letters */
		  SCREEN_KEY_NONE = 0,
		  SCREEN_KEY_UP = 0x10000,
		  SCREEN_KEY_DOWN,
		  SCREEN_KEY_PAGE_UP,
		  SCREEN_KEY_PAGE_DOWN,
		  SCREEN_KEY_HOME,
		  SCREEN_KEY_END,
		  SCREEN_KEY_RESIZED,
};

enum screen_style { SCREEN_PLAIN, SCREEN_BOLD, SCREEN_REVERSE };

/* After terminal_text_init. 0; -ENOTTY when this is no terminal that can be drawn on. */
int screen_open(void);
void screen_close(void);

size_t screen_n_rows(void);
size_t screen_n_columns(void);

void screen_clear(void);
/* Text that terminal_text_append has made. */
void screen_print(size_t row, const char *text, enum screen_style style);
void screen_show(void);

/* Waits so long for a key; SCREEN_KEY_NONE when there was none. */
int screen_await_key(int64_t timeout_ms);

#endif
