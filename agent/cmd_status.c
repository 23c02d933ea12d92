/* SPDX-License-Identifier: MIT */
/* octetd status: what GET /healthz over the agent's Unix socket says, as a table for people. */
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "commands.h"
#include "core/format.h"
#include "io/local_client.h"
#include "options.h"

#define PERCENT_TEXT_SIZE 32

enum { EXIT_COMPLETE = 0, EXIT_CANNOT_ASK = 1, EXIT_DEGRADED = 2 };

static void print_help(FILE *file)
{
	fprintf(file, "usage: octetd status [--json] [--socket-path=PATH]\n\n"
		      "Asks the running agent whether it counts everything. Exit status: 0 when counting is complete\n"
		      "and all is well, 2 when not (the reasons are printed), 1 when the agent cannot be asked.\n\n"
		      "  --json                         the document of GET /healthz as it is\n");
	options_print_help(file);
}

/* A document of another version may lack a field: it reads as nothing. */
static uint64_t number(const json_t *object, const char *key)
{
	const json_int_t value = json_integer_value(json_object_get(object, key));

	return value < 0 ? 0 : (uint64_t)value;
}

static const char *text(const json_t *object, const char *key, const char *otherwise)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : otherwise;
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static bool is_well(const json_t *health)
{
	return is_true(health, "complete") && strcmp(text(health, "status", ""), "ok") == 0;
}

static void print_verdict(const json_t *health)
{
	char uptime[DURATION_TEXT_SIZE];
	const json_t *reason;
	size_t i;
	const char *verdict = is_well(health)               ? "counting is complete"
			      : is_true(health, "complete") ? "counting is complete, but not all is well"
							    : "counting is NOT complete";

	printf("octetd %s: %s (running for %s)\n", text(health, "version", "?"), verdict,
	       format_duration((int64_t)number(health, "uptime_s"), uptime));
	json_array_foreach(json_object_get(health, "reasons"), i, reason)
	{
		printf("  ! %s\n", json_is_string(reason) ? json_string_value(reason) : "?");
	}
}

static void print_traffic(const char *label, const json_t *traffic)
{
	char down[SIZE_TEXT_SIZE];
	char up[SIZE_TEXT_SIZE];

	printf("%-11s down %s in %" PRIu64 " packets, up %s in %" PRIu64 " packets\n", label,
	       format_size(number(traffic, "down_bytes"), down), number(traffic, "down_packets"),
	       format_size(number(traffic, "up_bytes"), up), number(traffic, "up_packets"));
}

static void print_collector(const json_t *collector)
{
	const json_t *age = json_object_get(collector, "collected_ms_ago");
	const char *error = text(collector, "error", NULL);

	if (error)
		printf("collector   FAILS: %s", error);
	else if (json_is_integer(age))
		printf("collector   read %" PRIu64 " ms ago", number(collector, "collected_ms_ago"));
	else
		printf("collector   nothing was read yet");
	printf(", %" PRIu64 " of %" PRIu64 " table entries are used\n", number(collector, "keys"),
	       number(collector, "max_keys"));
}

static void print_store(const json_t *store)
{
	if (is_true(store, "ok"))
		printf("store       ok");
	else
		printf("store       FAILS: %s", text(store, "error", "unknown error"));
	if (number(store, "unsaved"))
		printf(", %" PRIu64 " changes wait for %" PRIu64 " s to be saved\n", number(store, "unsaved"),
		       number(store, "unsaved_s"));
	else
		printf(", everything is saved\n");
}

/* The share of frames that found their place: all but those for which the table had none. Never rounded up. */
static char *format_accounted(const json_t *classes, uint64_t frames, char percent[PERCENT_TEXT_SIZE])
{
	const uint64_t lost = number(json_object_get(classes, "table_full"), "frames");
	const uint64_t found = lost < frames ? frames - lost : 0;
	/* in two parts, so that it stays inside 64 bits */
	const uint64_t share = frames ? found / frames * 10000 + found % frames * 10000 / frames : 10000;

	snprintf(percent, PERCENT_TEXT_SIZE, "%" PRIu64 ".%02" PRIu64 " %%", share / 100, share % 100);
	return percent;
}

/* Rounded down where it was made. */
static char *format_percent(const json_t *value, char percent[PERCENT_TEXT_SIZE])
{
	if (json_is_number(value))
		snprintf(percent, PERCENT_TEXT_SIZE, "%.2f %%", json_number_value(value));
	else
		snprintf(percent, PERCENT_TEXT_SIZE, "-");
	return percent;
}

/* What was seen of what the interface itself has counted. */
static void print_coverage(const char *label, const json_t *interface, const char *key)
{
	char percents[2][PERCENT_TEXT_SIZE];
	const json_t *up = json_object_get(json_object_get(interface, "up"), "coverage");
	const json_t *down = json_object_get(json_object_get(interface, "down"), "coverage");

	printf("  %-12s %16s %18s %16s\n", label, format_percent(json_object_get(up, key), percents[0]), "",
	       format_percent(json_object_get(down, key), percents[1]));
}

static void print_cause(const json_t *interface, const char *direction)
{
	const json_t *coverage = json_object_get(json_object_get(interface, direction), "coverage");
	const uint64_t missing = number(coverage, "missing_frames"), excess = number(coverage, "excess_frames");

	if (missing)
		printf("  %s: %" PRIu64 " frames were not seen in the %" PRIu64 " s that were compared: %s\n",
		       direction, missing, number(coverage, "since_s"),
		       text(coverage, "cause", "too few to look for a cause"));
	else if (excess)
		printf("  %s: %" PRIu64 " frames too many in the %" PRIu64 " s that were compared: %s\n", direction,
		       excess, number(coverage, "since_s"), text(coverage, "cause", "too few to look for a cause"));
}

static void print_tally(const json_t *tally)
{
	printf(" %16" PRIu64 " %18" PRIu64, number(tally, "frames"), number(tally, "wire_bytes"));
}

/* One line per class that has frames, both directions side by side; the classes are those of the document. */
static void print_interface(const json_t *interface)
{
	static const char *const directions[] = {"up", "down"};
	const json_t *classes[ARRAY_LENGTH(directions)];
	uint64_t frames[ARRAY_LENGTH(directions)] = {0};
	char percents[ARRAY_LENGTH(directions)][PERCENT_TEXT_SIZE];
	const char *name;
	json_t *unused;

	printf("\ninterface %s (%s):", text(interface, "name", "?"), text(interface, "attach", "?"));
	for (size_t i = 0; i < ARRAY_LENGTH(directions); i++) {
		const json_t *direction = json_object_get(interface, directions[i]);

		classes[i] = json_object_get(direction, "classes");
		printf(" %s %s", directions[i], is_true(direction, "attached") ? "is counted" : "is NOT COUNTED");
		if (number(direction, "reattached"))
			printf(" (attached again %" PRIu64 " times)", number(direction, "reattached"));
		printf("%s", i == 0 ? "," : "\n");
	}
	printf("  %-12s %16s %18s %16s %18s\n", "class", "up frames", "up wire bytes", "down frames",
	       "down wire bytes");
	json_object_foreach((json_t *)classes[0], name, unused)
	{
		const json_t *up = json_object_get(classes[0], name);
		const json_t *down = json_object_get(classes[1], name);

		frames[0] += number(up, "frames");
		frames[1] += number(down, "frames");
		if (number(up, "frames") + number(down, "frames") == 0)
			continue;
		printf("  %-12s", name);
		print_tally(up);
		print_tally(down);
		putchar('\n');
	}
	printf("  %-12s %16s %18s %16s\n", "accounted", format_accounted(classes[0], frames[0], percents[0]), "",
	       format_accounted(classes[1], frames[1], percents[1]));
	print_coverage("coverage", interface, "percent");
	print_coverage("last minute", interface, "last_minute_percent");
	print_cause(interface, "up");
	print_cause(interface, "down");
}

/* An older agent does not say. */
static void print_clock(const json_t *health)
{
	if (strcmp(text(health, "clock", "trusted"), "trusted") != 0)
		printf("clock       NOT SET: times are estimates until it is (ntp?), and are put right then\n");
}

static void print_health(const json_t *health)
{
	const json_t *interface;
	size_t i;

	print_verdict(health);
	printf("\nonline      %" PRIu64 " guests\n", number(json_object_get(health, "sessions"), "online"));
	print_traffic("total", json_object_get(health, "totals"));
	print_traffic("unclaimed", json_object_get(health, "unclaimed"));
	print_collector(json_object_get(health, "collector"));
	print_store(json_object_get(health, "store"));
	print_clock(health);
	json_array_foreach(json_object_get(health, "interfaces"), i, interface)
	{
		print_interface(interface);
	}
}

static int ask(const char *socket_path, bool is_json)
{
	CLEANUP_FREE char *body = NULL;
	json_error_t error;
	int status = 0;

	if (local_client_get(socket_path, "/healthz", &status, &body) != 0)
		return EXIT_CANNOT_ASK;

	json_auto_t *health = json_loads(body, JSON_REJECT_DUPLICATES, &error);
	/* 503 is the agent's way to say in HTTP that counting is not complete */
	if ((status != 200 && status != 503) || !json_is_object(health)) {
		log_error("what answers on %s does not know /healthz (HTTP status %d): is it octetd's? (--socket-path)",
			  socket_path, status);
		return EXIT_CANNOT_ASK;
	}
	if (is_json)
		printf("%s\n", body);
	else
		print_health(health);
	if (fflush(stdout) != 0)
		return EXIT_CANNOT_ASK;
	return is_well(health) ? EXIT_COMPLETE : EXIT_DEGRADED;
}

int cmd_status(int argc, char **argv)
{
	CLEANUP(options_clean) struct options options = {0};
	struct options_extra json = {.name = "json"};

	if (options_load_extra(argc, argv, &json, 1, &options) != 0)
		return EXIT_CANNOT_ASK;
	if (options.wants_help) {
		print_help(stdout);
		return EXIT_COMPLETE;
	}
	if (options.n_positional > 0) {
		log_error("status takes no argument '%s'; `octetd status --help` tells more", options.positional[0]);
		return EXIT_CANNOT_ASK;
	}
	return ask(options.config.socket_path, json.value != NULL);
}
