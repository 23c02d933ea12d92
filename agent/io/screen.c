/* SPDX-License-Identifier: MIT */
#define NCURSES_WIDECHAR 1
#include "io/screen.h"

#include <errno.h>
#include <limits.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static SCREEN *terminal;

int screen_open(void)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	/* initscr() would end the program where newterm() only fails */
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return -ENOTTY;
	cbreak();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	return 0;
}

void screen_close(void)
{
	endwin();
	delscreen(terminal);
	terminal = NULL;
}

size_t screen_n_rows(void)
{
	return (size_t)LINES;
}

size_t screen_n_columns(void)
{
	return (size_t)COLS;
}

void screen_clear(void)
{
	erase();
}

void screen_print(size_t row, const char *text, enum screen_style style)
{
	static const attr_t attributes[] = {
		[SCREEN_PLAIN] = A_NORMAL, [SCREEN_BOLD] = A_BOLD, [SCREEN_REVERSE] = A_REVERSE};

	attrset(attributes[style]);
	mvaddstr((int)row, 0, text);
	attrset(A_NORMAL);
}

void screen_show(void)
{
	refresh();
}

int screen_await_key(int64_t timeout_ms)
{
	static const struct {
		int code;
		enum screen_key key;
	} keys[] = {
		{ERR, SCREEN_KEY_NONE},          {KEY_UP, SCREEN_KEY_UP},           {KEY_DOWN, SCREEN_KEY_DOWN},
		{KEY_PPAGE, SCREEN_KEY_PAGE_UP}, {KEY_NPAGE, SCREEN_KEY_PAGE_DOWN}, {KEY_HOME, SCREEN_KEY_HOME},
		{KEY_END, SCREEN_KEY_END},       {KEY_RESIZE, SCREEN_KEY_RESIZED},
	};

	timeout(timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);
	const int code = getch();
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].code == code)
			return keys[i].key;
	return code;
}
