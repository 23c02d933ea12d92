/* SPDX-License-Identifier: MIT */
#include "io/pcap_capture.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/instant.h"
#include "base/log.h"

/*
 * Some 12,000 frames of up to OCTET_PARSE_DEPTH octets (TPACKET_V2, a slot of fixed size for each), whatever the time
 * between them: a tenth of a second at 100,000 packets per second.
 */
#define RING_BYTES (4 * 1024 * 1024)

struct pcap_capture {
	pcap_t *pcap;
	pcap_capture_handler handler;
	void *context;
	struct pcap_stat seen; /* the counters wrap at 32 bits */
	struct pcap_loss loss;
};

/* What libpcap says, as errno; 0: warnings, which are no obstacle. */
static int error_of(int status)
{
	static const struct {
		int status;
		int error;
	} errors[] = {
		{PCAP_ERROR_NO_SUCH_DEVICE, -ENODEV},   {PCAP_ERROR_PERM_DENIED, -EPERM},
		{PCAP_ERROR_IFACE_NOT_UP, -ENETDOWN},   {PCAP_ERROR_PROMISC_PERM_DENIED, -EPERM},
		{PCAP_ERROR_RFMON_NOTSUP, -EOPNOTSUPP},
	};

	if (status >= 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LENGTH(errors); i++)
		if (errors[i].status == status)
			return errors[i].error;
	return -EIO;
}

static int explain(const char *interface, int error, const char *words)
{
	switch (error) {
	case -ENODEV:
		log_error("interface %s: there is no such interface here: see `ip link`, then set interfaces",
			  interface);
		break;
	case -EPERM:
		log_error("interface %s: the kernel refuses captures: run as root, or with CAP_NET_RAW", interface);
		break;
	case -ENETDOWN:
		log_error("interface %s: it is down: `ip link set %s up`, then start again", interface, interface);
		break;
	case -EPROTONOSUPPORT:
		log_error("interface %s: it has no Ethernet headers, so its guests have no MACs to be told apart by",
			  interface);
		break;
	default:
		log_error("interface %s: cannot capture: %s", interface, words);
	}
	return error;
}

/*
 * The kernel sorts by direction, so that each ring has its own frames, and copies no more than the parser reads.
 * (Offsets from SKF_AD_OFF are facts about the frame, not octets of it: linux/filter.h.)
 */
static int filter_direction(pcap_t *pcap, enum octet_direction direction)
{
	const __u8 if_outgoing = direction == OCTET_DOWN ? 0 : 1;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, if_outgoing, (__u8)(1 - if_outgoing)),
		BPF_STMT(BPF_RET | BPF_K, OCTET_PARSE_DEPTH),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {.len = ARRAY_LENGTH(code), .filter = code};

	if (setsockopt(pcap_fileno(pcap), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		return -errno;
	/* of the frames before the filter, too, only those of this direction */
	return pcap_setdirection(pcap, direction == OCTET_UP ? PCAP_D_IN : PCAP_D_OUT) ? -EIO : 0;
}

static int configure(pcap_t *pcap)
{
	int r = 0;

	r |= pcap_set_snaplen(pcap, OCTET_PARSE_DEPTH);
	/* what is for others is not ours, and a bridge must not become promiscuous through us */
	r |= pcap_set_promisc(pcap, 0);
	/* without it the kernel hands over whole blocks (TPACKET_V3), a time-out late, and few frames fill the ring */
	r |= pcap_set_immediate_mode(pcap, 1);
	r |= pcap_set_buffer_size(pcap, RING_BYTES);
	/* of the precisions on offer microseconds are always there */
	return r ? -EINVAL : 0;
}

int pcap_capture_open(const char *interface, enum octet_direction direction, bool is_quiet, struct pcap_capture **out)
{
	CLEANUP(pcap_capture_close) struct pcap_capture *capture = calloc(1, sizeof(*capture));
	char words[PCAP_ERRBUF_SIZE] = "out of memory";
	int r = -ENOMEM;

	if (capture)
		capture->pcap = pcap_create(interface, words);
	if (capture && capture->pcap) {
		r = configure(capture->pcap);
		if (!r)
			r = error_of(pcap_activate(capture->pcap));
		if (!r && pcap_datalink(capture->pcap) != DLT_EN10MB)
			r = -EPROTONOSUPPORT;
		if (!r)
			r = pcap_setnonblock(capture->pcap, 1, words) ? -EIO : 0;
		if (!r)
			r = filter_direction(capture->pcap, direction);
		snprintf(words, sizeof(words), "%s", pcap_geterr(capture->pcap));
	}
	if (r)
		return is_quiet ? r : explain(interface, r, *words ? words : strerror(-r));
	*out = TAKE_PTR(capture);
	return 0;
}

void pcap_capture_close(struct pcap_capture **capture)
{
	if (!*capture)
		return;
	if ((*capture)->pcap)
		pcap_close((*capture)->pcap);
	free(*capture);
	*capture = NULL;
}

int pcap_capture_fd(const struct pcap_capture *capture)
{
	return pcap_get_selectable_fd(capture->pcap);
}

static void take_frame(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	struct pcap_capture *capture = (struct pcap_capture *)user;
	const struct octet_input input = {
		.data = data,
		.data_end = data + header->caplen,
		/* the tag that the kernel keeps beside the frame is in it again: libpcap has put it there */
		.frame_length = header->len,
	};

	capture->handler(capture->context, &input, header->ts.tv_sec * NS_PER_S + header->ts.tv_usec * 1000);
}

int pcap_capture_read(struct pcap_capture *capture, int n_max, pcap_capture_handler handler, void *context)
{
	capture->handler = handler;
	capture->context = context;
	int n = pcap_dispatch(capture->pcap, n_max, take_frame, (u_char *)capture);
	if (n >= 0)
		return n;
	log_debug("capture: %s", pcap_geterr(capture->pcap));
	return -ENODEV;
}

struct pcap_loss pcap_capture_loss(struct pcap_capture *capture)
{
	struct pcap_stat now;

	if (pcap_stats(capture->pcap, &now) == 0) {
		capture->loss.ring += now.ps_drop - capture->seen.ps_drop;
		capture->loss.interface += now.ps_ifdrop - capture->seen.ps_ifdrop;
		capture->seen = now;
	}
	return capture->loss;
}
