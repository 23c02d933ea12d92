/* SPDX-License-Identifier: MIT */
#include "core/coverage.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/instant.h"

#define SPACING_NS (NS_PER_S / 2)
/* Two of these make the last minute. */
#define HALF_WINDOW_NS (30 * NS_PER_S)
/* What hardware may take to report what it has counted; DSA switches and offloading drivers poll it. */
#define HARDWARE_LAG_NS (3 * NS_PER_S)
/* Software counts at the end of a batch, and a queue drains. */
#define SOFTWARE_LAG_NS NS_PER_S
/* A frame check sequence, which some drivers count (IEEE 802.3, 3.2.9). */
#define FCS_BYTES 4

struct coverage_kind {
	const char *name;
	int64_t lag_ns;
	bool is_exact_up; /* see the header */
};

/* The last is for all that are not listed, hardware above all. */
static const struct coverage_kind kinds[] = {
	{"bridge", SOFTWARE_LAG_NS, true},   {"vlan", SOFTWARE_LAG_NS, true},   {"macvlan", SOFTWARE_LAG_NS, true},
	{"veth", SOFTWARE_LAG_NS, false},    {"tun", SOFTWARE_LAG_NS, false},   {"dummy", SOFTWARE_LAG_NS, false},
	{"macvtap", SOFTWARE_LAG_NS, false}, {"vxlan", SOFTWARE_LAG_NS, false}, {"ifb", SOFTWARE_LAG_NS, false},
	{"", HARDWARE_LAG_NS, false},
};

/* NULL: cannot be the cause there. */
static const char *const fact_causes[COVERAGE_N_FACTS][OCTET_N_DIRECTIONS] = {
	[COVERAGE_FACT_DETACHED] =
		{
			[OCTET_UP] = "octetd's program was not attached (sqm-scripts and `tc qdisc del` take it away); "
				     "restart octetd if it does not come back",
			[OCTET_DOWN] = "octetd's program was not attached (sqm-scripts and `tc qdisc del` take it "
				       "away); restart octetd if it does not come back",
		},
	[COVERAGE_FACT_NOT_FIRST] =
		{
			[OCTET_UP] =
				"another program stands in front of octetd's and consumes frames; `bpftool net` and "
				"`tc filter show dev ... ingress` name it, and a restart of octetd goes in front",
		},
	[COVERAGE_FACT_XDP] =
		{
			[OCTET_UP] = "an XDP program on the interface consumes frames before octetd can see them; "
				     "`ip link show` names it",
		},
	[COVERAGE_FACT_OFFLOAD] =
		{
			[OCTET_UP] = "flows offloaded to hardware are not seen; switch that off with `ethtool -K ... "
				     "hw-tc-offload off`, and `flags offload` in nftables' flowtables",
			[OCTET_DOWN] = "flows offloaded to hardware are not seen; switch that off with `ethtool -K ... "
				       "hw-tc-offload off`, and `flags offload` in nftables' flowtables",
		},
	[COVERAGE_FACT_WIRELESS] =
		{
			[OCTET_UP] =
				"the access point passes frames from guest to guest by itself; set ap_isolate=1 in "
				"hostapd's configuration",
		},
};

static const char bridge_cause[] =
	"a program in front of octetd's (`tc filter show dev ... ingress`), the bridge's own firewall (nft, family "
	"bridge; ebtables) or its VLAN filter consumes frames that the bridge has counted";
static const char front_cause[] =
	"something consumes frames in front of octetd's program: another program (`tc filter show dev ... ingress`, "
	"`bpftool net`), a full backlog (rx_dropped), or the driver";
static const char past_cause[] = "something sends frames past the queue, where octetd cannot see them: XDP_REDIRECT, "
				 "AF_XDP, PACKET_QDISC_BYPASS "
				 "or the driver";
static const char *const excess_causes[OCTET_N_DIRECTIONS] = {
	[OCTET_UP] =
		"frames are brought in by redirection (tc mirred, bpf_redirect), which the interface does not count",
	[OCTET_DOWN] = "frames were dropped after they were counted: by a filter behind octetd's, or without a carrier",
};

static const char *const verdict_names[] = {
	[COVERAGE_UNKNOWN] = "unknown",
	[COVERAGE_COMPLETE] = "complete",
	[COVERAGE_MISSING] = "missing",
	[COVERAGE_EXCESS] = "excess",
};
_Static_assert(ARRAY_LENGTH(verdict_names) == COVERAGE_N_VERDICTS, "a name for each verdict");

/* Between a mark and now; missing and excess are what cannot be explained otherwise. */
struct gap {
	struct octet_tally device;
	uint64_t missing_frames;
	uint64_t missing_bytes;
	uint64_t excess_frames;
};

static uint64_t difference(uint64_t larger, uint64_t smaller)
{
	return larger > smaller ? larger - smaller : 0;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void coverage_init(struct coverage *coverage, const char *kind, enum octet_direction direction)
{
	size_t i = 0;

	while (i < ARRAY_LENGTH(kinds) - 1 && strcmp(kind, kinds[i].name) != 0)
		i++;
	*coverage = (struct coverage){.direction = direction, .kind = &kinds[i]};
	coverage_forget(coverage);
}

struct coverage_seen coverage_seen_of(const struct octet_iface *classes)
{
	struct coverage_seen seen = {.passed = classes->passed};

	for (size_t i = 0; i < OCTET_N_CLASSES; i++) {
		seen.frames.frames += classes->classes[i].frames;
		seen.frames.wire_bytes += classes->classes[i].wire_bytes;
	}
	return seen;
}

static bool is_by_passed(const struct coverage *coverage)
{
	return coverage->direction == OCTET_UP && coverage->kind->is_exact_up;
}

/* The most that the interface may have counted of what we saw. */
static uint64_t most_frames(const struct coverage *coverage, const struct coverage_seen *seen)
{
	return is_by_passed(coverage) ? seen->passed.frames : seen->frames.frames;
}

static bool tally_went_back(const struct octet_tally *from, const struct octet_tally *to)
{
	return to->frames < from->frames || to->wire_bytes < from->wire_bytes;
}

static bool went_back(const struct coverage_reading *from, const struct coverage_reading *to)
{
	return tally_went_back(&from->device, &to->device) ||
	       tally_went_back(&from->after.frames, &to->before.frames) ||
	       tally_went_back(&from->after.passed, &to->before.passed);
}

static void set_mark(const struct coverage *coverage, struct coverage_mark *mark, int64_t now_mono_ns,
		     const struct coverage_reading *reading)
{
	*mark = (struct coverage_mark){
		.mono_ns = now_mono_ns,
		.reading = *reading,
		.is_settled = is_by_passed(coverage),
		.settled = reading->device,
	};
}

static void settle_mark(const struct coverage *coverage, struct coverage_mark *mark, int64_t now_mono_ns,
			const struct octet_tally *device)
{
	if (mark->is_settled) {
		mark->n_since_settled++;
		return;
	}
	if (now_mono_ns - mark->mono_ns < coverage->kind->lag_ns)
		return;
	mark->is_settled = true;
	mark->settled = *device;
}

/* Not before the next one can be judged, however rare observations are. */
static void rotate_windows(struct coverage *coverage, int64_t now_mono_ns, const struct coverage_reading *reading)
{
	if (now_mono_ns - coverage->next_window.mono_ns < HALF_WINDOW_NS || coverage->next_window.n_since_settled == 0)
		return;
	coverage->window = coverage->next_window;
	set_mark(coverage, &coverage->next_window, now_mono_ns, reading);
}

static void push_recent(struct coverage *coverage, int64_t now_mono_ns, uint64_t passed_frames)
{
	memmove(coverage->recent + 1, coverage->recent, (COVERAGE_N_RECENT - 1) * sizeof(coverage->recent[0]));
	coverage->recent[0] = (struct coverage_recent){now_mono_ns, passed_frames};
	if (coverage->n_recent < COVERAGE_N_RECENT)
		coverage->n_recent++;
}

/* What had passed a lag ago; 0 when there is no observation as old as that. */
static uint64_t passed_by_then(const struct coverage *coverage, int64_t now_mono_ns)
{
	for (size_t i = 0; i < coverage->n_recent; i++)
		if (now_mono_ns - coverage->recent[i].mono_ns >= HARDWARE_LAG_NS)
			return coverage->recent[i].passed_frames;
	return 0;
}

static struct gap measure(const struct coverage *coverage, const struct coverage_mark *mark, int64_t now_mono_ns,
			  const struct coverage_reading *now)
{
	const struct coverage_seen *then = &mark->reading.before;
	const uint64_t frames = now->after.frames.frames - then->frames.frames;
	const uint64_t bytes = sum(now->after.frames.wire_bytes - then->frames.wire_bytes, FCS_BYTES * frames);
	const uint64_t passed = difference(passed_by_then(coverage, now_mono_ns), mark->reading.after.passed.frames);
	const uint64_t lost = sum(now->lost - mark->reading.lost, now->queued);
	struct gap gap = {0};

	gap.excess_frames = difference(passed, sum(now->device.frames - mark->reading.device.frames, lost));
	if (!mark->is_settled)
		return gap;
	/* all that had been counted at the observation before this one */
	gap.device.frames = difference(coverage->previous.device.frames, mark->settled.frames);
	gap.device.wire_bytes = difference(coverage->previous.device.wire_bytes, mark->settled.wire_bytes);
	gap.missing_frames =
		difference(gap.device.frames, most_frames(coverage, &now->after) - most_frames(coverage, then));
	if (!gap.missing_frames && !is_by_passed(coverage))
		gap.missing_bytes = difference(gap.device.wire_bytes, bytes);
	if (gap.missing_bytes <= gap.device.wire_bytes / 8)
		gap.missing_bytes = 0;
	return gap;
}

/* Rounded down, and never up to 10000. */
static uint32_t share_hundredths(uint64_t whole, uint64_t missing)
{
	uint64_t part = difference(whole, missing);

	if (missing == 0)
		return 10000;
	while (whole > UINT64_MAX / 10000) {
		whole = whole / 2 + whole % 2;
		part /= 2;
	}
	return (uint32_t)(part * 10000 / whole);
}

static uint32_t gap_percent(const struct gap *gap)
{
	if (gap->device.frames == 0)
		return COVERAGE_NO_PERCENT;
	if (gap->missing_bytes)
		return share_hundredths(gap->device.wire_bytes, gap->missing_bytes);
	return share_hundredths(gap->device.frames, gap->missing_frames);
}

static enum coverage_verdict judge(const struct gap *gap)
{
	if (gap->missing_frames > COVERAGE_TOLERANCE_FRAMES || gap->missing_bytes)
		return COVERAGE_MISSING;
	if (gap->excess_frames > COVERAGE_TOLERANCE_FRAMES)
		return COVERAGE_EXCESS;
	return gap->device.frames ? COVERAGE_COMPLETE : COVERAGE_UNKNOWN;
}

static const char *find_cause(const struct coverage *coverage)
{
	for (size_t i = 0; i < COVERAGE_N_FACTS; i++) {
		const char *cause = fact_causes[i][coverage->direction];

		if (cause && coverage->has_fact[i] && coverage->fact_mono_ns[i] >= coverage->window.mono_ns)
			return cause;
	}
	if (coverage->direction == OCTET_DOWN)
		return past_cause;
	return strcmp(coverage->kind->name, "bridge") == 0 ? bridge_cause : front_cause;
}

static void note_facts(struct coverage *coverage, int64_t now_mono_ns, const struct coverage_reading *reading)
{
	for (size_t i = 0; i < COVERAGE_N_FACTS; i++)
		if (reading->facts[i]) {
			coverage->has_fact[i] = true;
			coverage->fact_mono_ns[i] = now_mono_ns;
		}
}

/* The totals that a person may check, from the one reading, whatever had to be known for the verdict. */
static void fill_report(struct coverage *coverage, int64_t now_mono_ns, const struct coverage_reading *now)
{
	const struct gap since = measure(coverage, &coverage->baseline, now_mono_ns, now);
	const struct gap recent = measure(coverage, &coverage->window, now_mono_ns, now);
	const struct coverage_reading *base = &coverage->baseline.reading;
	enum coverage_verdict verdict = judge(&recent);

	if (verdict == COVERAGE_MISSING)
		coverage->cause = find_cause(coverage);
	else if (verdict == COVERAGE_EXCESS)
		coverage->cause = excess_causes[coverage->direction];
	if (verdict == COVERAGE_UNKNOWN && since.device.frames)
		verdict = COVERAGE_COMPLETE;
	coverage->report = (struct coverage_report){
		.verdict = verdict,
		.percent_hundredths = gap_percent(&since),
		.last_minute_percent_hundredths = gap_percent(&recent),
		.since_s = (now_mono_ns - coverage->baseline.mono_ns) / NS_PER_S,
		.is_by_passed = is_by_passed(coverage),
		.device = {now->device.frames - base->device.frames, now->device.wire_bytes - base->device.wire_bytes},
		.seen = {{now->after.frames.frames - base->before.frames.frames,
			  now->after.frames.wire_bytes - base->before.frames.wire_bytes},
			 {now->after.passed.frames - base->before.passed.frames,
			  now->after.passed.wire_bytes - base->before.passed.wire_bytes}},
		.missing_frames = since.missing_frames,
		.excess_frames = since.excess_frames,
		.cause = since.missing_frames || since.missing_bytes || since.excess_frames ? coverage->cause : NULL,
	};
}

static void begin(struct coverage *coverage, int64_t now_mono_ns, const struct coverage_reading *reading)
{
	coverage_forget(coverage);
	coverage->has_baseline = true;
	coverage->previous_lost = reading->lost;
	coverage->previous = *reading;
	coverage->previous.lost = 0;
	set_mark(coverage, &coverage->baseline, now_mono_ns, &coverage->previous);
	coverage->window = coverage->next_window = coverage->baseline;
	note_facts(coverage, now_mono_ns, reading);
	push_recent(coverage, now_mono_ns, reading->before.passed.frames);
}

static bool is_too_soon(const struct coverage *coverage, int64_t now_mono_ns)
{
	const int64_t age_ns = now_mono_ns - coverage->recent[0].mono_ns;

	return age_ns >= 0 && age_ns < SPACING_NS;
}

void coverage_observe(struct coverage *coverage, int64_t now_mono_ns, const struct coverage_reading *reading)
{
	struct coverage_reading now = *reading;

	if (coverage->has_baseline && is_too_soon(coverage, now_mono_ns))
		return;
	if (!coverage->has_baseline || went_back(&coverage->previous, &now)) {
		begin(coverage, now_mono_ns, &now);
		return;
	}
	/* a new queue begins at 0, and what the old one lost is lost all the same */
	now.lost = coverage->previous.lost + difference(reading->lost, coverage->previous_lost);
	coverage->previous_lost = reading->lost;
	note_facts(coverage, now_mono_ns, &now);
	rotate_windows(coverage, now_mono_ns, &now);
	settle_mark(coverage, &coverage->baseline, now_mono_ns, &now.device);
	settle_mark(coverage, &coverage->window, now_mono_ns, &now.device);
	settle_mark(coverage, &coverage->next_window, now_mono_ns, &now.device);
	fill_report(coverage, now_mono_ns, &now);
	push_recent(coverage, now_mono_ns, now.before.passed.frames);
	coverage->previous = now;
}

void coverage_forget(struct coverage *coverage)
{
	*coverage = (struct coverage){
		.direction = coverage->direction,
		.kind = coverage->kind,
		.report = {.percent_hundredths = COVERAGE_NO_PERCENT,
			   .last_minute_percent_hundredths = COVERAGE_NO_PERCENT},
	};
}

const struct coverage_report *coverage_report(const struct coverage *coverage)
{
	return &coverage->report;
}

const char *coverage_verdict_name(enum coverage_verdict verdict)
{
	assert((size_t)verdict < COVERAGE_N_VERDICTS);
	return verdict_names[verdict];
}
