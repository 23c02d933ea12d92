/* SPDX-License-Identifier: MIT */
#include "core/health.h"

static bool is_interface_complete(const struct health_interface *interface)
{
	for (int direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
		if (!interface->is_attached[direction] || interface->lost_frames[direction] ||
		    interface->dropped_frames[direction] || interface->estimated_frames[direction] ||
		    interface->classes[direction].classes[OCTET_CLASS_TABLE_FULL].frames > 0 ||
		    interface->coverage[direction].verdict == COVERAGE_MISSING)
			return false;
	}
	return !interface->offload || !*interface->offload;
}

bool health_is_complete(const struct health *health)
{
	if (health->collected_ms_ago < 0 || health->collect_error || health->n_interfaces == 0 || health->has_left_out)
		return false;
	for (size_t i = 0; i < health->n_interfaces; i++) {
		if (!is_interface_complete(&health->interfaces[i]))
			return false;
	}
	return true;
}
