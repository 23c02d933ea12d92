/* SPDX-License-Identifier: MIT */
#include "io/source_pcap.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/instant.h"

/* libpcap reads each record with two small fread(): a large buffer saves most of the system calls */
#define READ_BUFFER_BYTES (128 * 1024)

struct source_pcap {
	pcap_t *pcap;
	char *read_buffer; /* of the pcap's stream, so it goes after it */
	char link_type[32];
	source_pcap_handler handler;
	void *context;
};

/* Why frames of a link type cannot be accounted per MAC. */
static const struct {
	int link_type;
	const char *reason;
} refusals[] = {
	{DLT_LINUX_SLL, "has only the sender's MAC"},
	{DLT_LINUX_SLL2, "has only the sender's MAC"},
	{DLT_RAW, "has no MACs"},
	{DLT_IPV4, "has no MACs"},
	{DLT_IPV6, "has no MACs"},
	{DLT_NULL, "has no MACs"},
	{DLT_LOOP, "has no MACs"},
	{DLT_PPP, "has no MACs"},
	{DLT_PPP_SERIAL, "has no MACs"},
	{DLT_SLIP, "has no MACs"},
};

static FILE *open_stream(const char *path)
{
	if (strcmp(path, "-") != 0)
		return fopen(path, "rbe");

	/* a stream of our own: stdin itself would outlive its buffer */
	const int fd = dup(STDIN_FILENO);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "rb");
	if (!stream && fd >= 0)
		close(fd);
	return stream;
}

/* Types without a name get their number: "DLT_276". */
static void name_link_type(struct source_pcap *source)
{
	const int link_type = pcap_datalink(source->pcap);
	const char *name = pcap_datalink_val_to_name(link_type);

	if (name)
		snprintf(source->link_type, sizeof(source->link_type), "%s", name);
	else
		snprintf(source->link_type, sizeof(source->link_type), "DLT_%d", link_type);
}

int source_pcap_open(const char *path, struct source_pcap **out, char error[SOURCE_PCAP_ERROR_SIZE])
{
	CLEANUP(source_pcap_close) struct source_pcap *source = calloc(1, sizeof(*source));
	char pcap_error[PCAP_ERRBUF_SIZE] = "";

	if (!source) {
		snprintf(error, SOURCE_PCAP_ERROR_SIZE, "out of memory");
		return -ENOMEM;
	}
	/* declared after source, so it goes before its buffer */
	CLEANUP_FCLOSE FILE *stream = open_stream(path);
	if (!stream) {
		const int code = errno;
		snprintf(error, SOURCE_PCAP_ERROR_SIZE, "cannot open: %s", strerror(code));
		return -code;
	}
	/* only we read it: a lock for each fread() would be a tenth of the whole */
	__fsetlocking(stream, FSETLOCKING_BYCALLER);
	source->read_buffer = malloc(READ_BUFFER_BYTES);
	if (source->read_buffer)
		setvbuf(stream, source->read_buffer, _IOFBF, READ_BUFFER_BYTES);
	source->pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, pcap_error);
	if (!source->pcap) {
		snprintf(error, SOURCE_PCAP_ERROR_SIZE, "%s", pcap_error);
		return -EBADMSG;
	}
	(void)TAKE_PTR(stream); /* the pcap closes it */
	name_link_type(source);
	*out = TAKE_PTR(source);
	return 0;
}

void source_pcap_close(struct source_pcap **source)
{
	if (!*source)
		return;
	if ((*source)->pcap)
		pcap_close((*source)->pcap);
	free((*source)->read_buffer);
	free(*source);
	*source = NULL;
}

const char *source_pcap_link_type(const struct source_pcap *source)
{
	return source->link_type;
}

int source_pcap_check_link_type(const struct source_pcap *source, char error[SOURCE_PCAP_ERROR_SIZE])
{
	const int link_type = pcap_datalink(source->pcap);
	const char *reason = "is not Ethernet";

	if (link_type == DLT_EN10MB)
		return 0;
	for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++)
		if (refusals[i].link_type == link_type)
			reason = refusals[i].reason;
	snprintf(error, SOURCE_PCAP_ERROR_SIZE,
		 "link type %s %s, so its frames cannot be accounted per MAC: capture on the guests' Ethernet "
		 "interface itself, not on \"any\", a tunnel or loopback",
		 source->link_type, reason);
	return -ENOTSUP;
}

/* Anything a file can claim becomes a time from 0 to INT64_MAX. */
static int64_t record_time_ns(const struct timeval *stamp)
{
	int64_t seconds = stamp->tv_sec;
	const int64_t fraction_ns = stamp->tv_usec; /* nanoseconds, by the precision asked for */
	int64_t time_ns;

	/* libpcap keeps the unsigned seconds of a pcap record in a signed 32-bit field: 2038 to 2106 */
	if (seconds < 0 && seconds >= INT32_MIN)
		seconds = (uint32_t)seconds;
	/* beyond: the unsigned 64 bits of pcapng */
	if (seconds < 0 || __builtin_mul_overflow(seconds, NS_PER_S, &time_ns) ||
	    __builtin_add_overflow(time_ns, fraction_ns, &time_ns))
		return INT64_MAX;
	return time_ns < 0 ? 0 : time_ns;
}

static void take_record(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	struct source_pcap *source = (struct source_pcap *)user;
	const struct octet_input input = {
		.data = data,
		.data_end = data + header->caplen,
		.frame_length = header->len,
	};

	source->handler(source->context, &input, record_time_ns(&header->ts));
}

int source_pcap_read(struct source_pcap *source, source_pcap_handler handler, void *context,
		     char error[SOURCE_PCAP_ERROR_SIZE])
{
	source->handler = handler;
	source->context = context;
	if (pcap_loop(source->pcap, -1, take_record, (u_char *)source) == 0)
		return 0;
	snprintf(error, SOURCE_PCAP_ERROR_SIZE, "%s", pcap_geterr(source->pcap));
	return -EBADMSG;
}
