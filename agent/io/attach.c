/* SPDX-License-Identifier: MIT */
#include "io/attach.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <unistd.h>

#include "base/log.h"
#include "io/attach_private.h"

const char *attach_kind_name(enum attach_kind kind)
{
	static const char *const names[] = {[ATTACH_NONE] = "none", [ATTACH_TCX] = "tcx", [ATTACH_CLSACT] = "clsact"};

	return names[kind];
}

const char *attach_direction_name(enum octet_direction direction)
{
	static const char *const names[OCTET_N_DIRECTIONS] = {[OCTET_UP] = "up", [OCTET_DOWN] = "down"};

	return names[direction];
}

uint32_t attach_program_id(int program_fd)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(program_fd, &info, &size) ? 0 : info.id;
}

void attach_forget(const char *pin_dir, uint32_t ifindex)
{
	const bool is_gone = !if_indextoname(ifindex, (char[IF_NAMESIZE]){0});

	for (int i = 0; i < OCTET_N_DIRECTIONS; i++) {
		const struct attach_point point = {"", ifindex, (enum octet_direction)i, pin_dir};

		attach_tcx_remove(&point, -1);
		/* with the interface gone only the marker is left */
		if (is_gone || attach_clsact_is_there(&point))
			attach_clsact_remove(&point);
	}
}

static int attach_by_clsact(const struct attach_point *point, int program_fd, struct attachment *out)
{
	attach_tcx_remove(point, -1);
	return attach_clsact_add(point, program_fd, out);
}

int attach_program(const struct attach_point *point, enum config_attach mode, int program_fd, struct attachment *out)
{
	int r;

	if (mode == CONFIG_ATTACH_CLSACT)
		return attach_by_clsact(point, program_fd, out);
	r = attach_tcx_add(point, program_fd, out);
	/* of an agent that was configured otherwise: both would count */
	if (r == 0 && attach_clsact_is_there(point))
		attach_clsact_remove(point);
	if (r != -EINVAL && r != -EOPNOTSUPP)
		return r;
	if (mode == CONFIG_ATTACH_AUTO)
		return attach_by_clsact(point, program_fd, out);
	log_error("interface %s: this kernel has no TCX (6.6 and newer have): set attach = \"auto\"", point->interface);
	return r;
}

struct attach_state attach_look(const struct attachment *attachment)
{
	if (attachment->kind == ATTACH_TCX)
		return attach_tcx_look(attachment);
	if (attachment->kind == ATTACH_CLSACT)
		return attach_clsact_look(attachment);
	return (struct attach_state){false, false};
}

int attach_move_to_front(const struct attach_point *point, int program_fd, struct attachment *attachment)
{
	if (attachment->kind == ATTACH_TCX)
		return attach_tcx_move_to_front(point, program_fd, attachment);
	return attach_clsact_move_to_front(point, program_fd, attachment);
}

void attach_release(struct attachment *attachment)
{
	if (attachment->link_fd >= 0)
		close(attachment->link_fd);
	attachment->link_fd = -1;
	attachment->kind = ATTACH_NONE;
}

void attach_remove(const struct attach_point *point, struct attachment *attachment)
{
	if (attachment->kind == ATTACH_TCX)
		attach_tcx_remove(point, attachment->link_fd);
	else if (attachment->kind == ATTACH_CLSACT)
		attach_clsact_remove(point);
	attach_release(attachment);
}
