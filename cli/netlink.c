/*
 * One request at a time per socket: it is sent, and what comes back is read until the
 * acknowledgement, the end of the dump or an error. Notifications never share a socket
 * with requests, so that an answer can't get lost among them.
 */
#include "cli/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct visit {
	netlink_fn *fn;
	void *ctx;
};

int netlink_open(struct netlink *n, uint32_t groups)
{
	int flags = SOCK_CLOEXEC | (groups ? SOCK_NONBLOCK : 0);

	n->seq = 0;
	n->socket = mnl_socket_open2(NETLINK_ROUTE, flags);
	if (!n->socket)
		return -errno;
	if (mnl_socket_bind(n->socket, groups, MNL_SOCKET_AUTOPID) == 0)
		return 0;
	netlink_close(n);
	return -errno;
}

void netlink_close(struct netlink *n)
{
	int saved = errno;

	if (n->socket)
		mnl_socket_close(n->socket);
	n->socket = NULL;
	errno = saved;
}

int netlink_fd(const struct netlink *n)
{
	return mnl_socket_get_fd(n->socket);
}

struct nlmsghdr *netlink_begin(void *buf, uint16_t type, uint16_t flags, void **body,
			       size_t body_len)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	*body = mnl_nlmsg_put_extra_header(h, body_len);
	return h;
}

static int visit_one(const struct nlmsghdr *h, void *data)
{
	struct visit *v = data;

	if (v->fn)
		v->fn(v->ctx, h);
	return MNL_CB_OK;
}

/* Until the acknowledgement or the end of the dump. */
static int read_answer(struct netlink *n, struct visit *v)
{
	unsigned port = mnl_socket_get_portid(n->socket);
	char buf[32768] __attribute__((aligned(8)));
	ssize_t len;
	int r;

	do {
		len = mnl_socket_recvfrom(n->socket, buf, sizeof(buf));
		if (len < 0)
			return -errno;
		r = mnl_cb_run(buf, (size_t)len, n->seq, port, visit_one, v);
	} while (r > MNL_CB_STOP);
	return r < 0 ? -errno : 0;
}

static int talk(struct netlink *n, struct nlmsghdr *h, struct visit *v)
{
	h->nlmsg_seq = ++n->seq;
	if (mnl_socket_sendto(n->socket, h, h->nlmsg_len) < 0)
		return -errno;
	return read_answer(n, v);
}

int netlink_ask(struct netlink *n, struct nlmsghdr *request)
{
	struct visit v = {NULL, NULL};

	return talk(n, request, &v);
}

int netlink_dump(struct netlink *n, uint16_t type, uint8_t family, netlink_fn *fn,
		 void *ctx)
{
	char buf[64] __attribute__((aligned(8)));
	struct visit v = {fn, ctx};
	struct nlmsghdr *h;
	void *body;

	/* rtmsg, ifaddrmsg and fib_rule_hdr all begin with the family. */
	h = netlink_begin(buf, type, NLM_F_DUMP, &body, sizeof(struct rtmsg));
	h->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	*(uint8_t *)body = family;
	return talk(n, h, &v);
}

int netlink_events(struct netlink *n, netlink_fn *fn, void *ctx)
{
	char buf[32768] __attribute__((aligned(8)));
	struct visit v = {fn, ctx};
	ssize_t len;

	for (;;) {
		len = mnl_socket_recvfrom(n->socket, buf, sizeof(buf));
		if (len < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (mnl_cb_run(buf, (size_t)len, 0, 0, visit_one, &v) < 0)
			return -errno;
	}
}

uint8_t netlink_family(const struct addr *a)
{
	return a->family == ADDR_V4 ? AF_INET : AF_INET6;
}

void netlink_put_addr(struct nlmsghdr *h, uint16_t type, const struct addr *a)
{
	mnl_attr_put(h, type, addr_ip_len(a), a->ip);
}

bool netlink_get_addr(const struct nlattr *attr, uint8_t family, struct addr *out)
{
	size_t want = family == AF_INET ? 4 : 16;

	if (!attr || mnl_attr_get_payload_len(attr) != want)
		return false;
	memset(out, 0, sizeof(*out));
	out->family = family == AF_INET ? ADDR_V4 : ADDR_V6;
	memcpy(out->ip, mnl_attr_get_payload(attr), want);
	return true;
}
