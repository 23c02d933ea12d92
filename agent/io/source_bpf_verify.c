/* SPDX-License-Identifier: MIT */
/*
 * Looks after what is attached. Others on this machine may do to it what they like: delete the qdisc (traffic shapers
 * do at each start), detach the link, come before it with a program that swallows frames. There is no notification
 * for links, so looking is part of the routine.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "io/now.h"
#include "io/source_bpf_private.h"

/* After an attempt that failed; doubled each time. */
#define RETRY_MIN_NS NS_PER_S
#define RETRY_MAX_NS (60 * NS_PER_S)
/* Who insists on being first as we do gets a place in between. */
#define MOVE_SPACING_NS (60 * NS_PER_S)
#define LOG_SPACING_NS (60 * NS_PER_S)

/* Loud once a minute at most. */
static enum log_level level_at(struct source_care *care, int64_t now_ns)
{
	if (care->logged_mono_ns && now_ns - care->logged_mono_ns < LOG_SPACING_NS)
		return LOG_LEVEL_DEBUG;
	care->logged_mono_ns = now_ns;
	return LOG_LEVEL_WARNING;
}

static void note_failure(struct source_care *care, int64_t now_ns)
{
	care->retry_delay_ns = care->retry_delay_ns ? care->retry_delay_ns * 2 : RETRY_MIN_NS;
	if (care->retry_delay_ns > RETRY_MAX_NS)
		care->retry_delay_ns = RETRY_MAX_NS;
	care->retry_mono_ns = now_ns + care->retry_delay_ns;
}

static void attach_again(const struct source_bpf *source, struct source_interface *interface,
			 enum octet_direction direction, int64_t now_ns)
{
	struct source_care *care = &interface->care[direction];
	int r;

	if (now_ns < care->retry_mono_ns)
		return;
	attach_release(&interface->attachments[direction]);
	r = source_interface_attach(source, interface, direction);
	/* it is about to go, and whoever follows the links will hear of it */
	if (r == -ENODEV)
		return;
	if (r) {
		note_failure(care, now_ns);
		return;
	}
	care->n_reattached++;
	care->attached_mono_ns = now_ns;
	care->retry_delay_ns = 0;
	log_line(level_at(care, now_ns),
		 "interface %s: somebody has taken the program that counts %s away; it counts again, and what passed "
		 "meanwhile is missing (happened %llu times)",
		 interface->name, attach_direction_name(direction), (unsigned long long)care->n_reattached);
}

static void note_behind(const struct source_interface *interface, struct source_care *care,
			enum octet_direction direction)
{
	if (!care->is_behind)
		log_warning(
			"interface %s: another program sees what goes %s before it is counted: what that swallows is "
			"missing",
			interface->name, attach_direction_name(direction));
	care->is_behind = true;
}

static void move_to_front(const struct source_bpf *source, struct source_interface *interface,
			  enum octet_direction direction, int64_t now_ns)
{
	struct attach_point point = source_interface_point(source, interface, direction);
	struct source_care *care = &interface->care[direction];
	int r;

	if (care->moved_mono_ns && now_ns - care->moved_mono_ns < MOVE_SPACING_NS) {
		note_behind(interface, care, direction);
		return;
	}
	r = attach_move_to_front(&point, interface->program_fds[direction], &interface->attachments[direction]);
	if (r) {
		log_debug("interface %s: cannot move to the front: %s", interface->name, strerror(-r));
		note_behind(interface, care, direction);
		return;
	}
	care->moved_mono_ns = now_ns;
	care->n_reattached++;
	care->is_behind = false;
	log_line(level_at(care, now_ns),
		 "interface %s: another program had come before the one that counts %s, which is first again",
		 interface->name, attach_direction_name(direction));
}

static void look_after(const struct source_bpf *source, struct source_interface *interface,
		       enum octet_direction direction, int64_t now_ns)
{
	const struct attach_state state = attach_look(&interface->attachments[direction]);

	if (!state.is_alive)
		attach_again(source, interface, direction, now_ns);
	else if (!state.is_first)
		move_to_front(source, interface, direction, now_ns);
	else
		interface->care[direction].is_behind = false;
}

void source_bpf_verify(struct source_bpf *source)
{
	const int64_t now_ns = now_read().mono_ns;

	for (size_t i = 0; i < source->n_interfaces; i++)
		for (int direction = 0; !source->interfaces[i].is_pending && direction < OCTET_N_DIRECTIONS;
		     direction++)
			look_after(source, &source->interfaces[i], (enum octet_direction)direction, now_ns);
}
