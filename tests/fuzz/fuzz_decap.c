/*
 * A server's end of the tunnel: {how}, then what came behind the outer header. What is
 * let in is whole, and for one of the groups, whoever sent it.
 */
#include "forwarder/checksum.h"
#include "forwarder/decap.h"
#include "tests/fuzz/fuzz.h"

static struct decap_config config;

static void set_up(void)
{
	static const char *const group[] = {"198.18.0.1:53/udp", "198.18.0.2",
					    "[2001:db8:a::1]:80/tcp", "2001:db8:a::2"};
	unsigned i;

	for (i = 0; i < 4; i++) {
		must(!group_name_parse(group[i], &config.group[i]));
		config.probe_port[i] = (uint16_t)(50000 + i);
	}
	config.n_groups = 4;
	must(!addr_parse("203.0.113.2:6080", 0, &config.unicast));
	config.cookie = 0x4242424242424242;
}

static void put_ip_sum(uint8_t *data, size_t len)
{
	size_t header;

	if (len < IPV4_HEADER_LEN || data[0] >> 4 != 4)
		return;
	header = 4u * (data[0] & 15);
	if (header < IPV4_HEADER_LEN || header > len)
		return;
	be16_put(data + 10, 0);
	checksum_put(data + 10, checksum_add(0, data, header));
}

static bool is_ours(const struct addr *a)
{
	unsigned i;

	for (i = 0; i < config.n_groups; i++) {
		struct addr host = group_name_addr(&config.group[i]);

		if (addr_host_eq(&host, a))
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum decap_verdict v;
	struct packet p;
	uint8_t *copy;
	size_t inner;

	if (!len)
		return 0;
	if (!config.n_groups)
		set_up();
	inner = data[0] & 1 ? 12 : 0;
	copy = malloc(len - 1 + (len == 1));
	memcpy(copy, data + 1, len - 1);
	if (data[0] & 4 && len - 1 > inner)
		put_ip_sum(copy + inner, len - 1 - inner);
	if (data[0] & 1)
		v = decap_gue(&config, copy, len - 1, &p);
	else
		v = decap_ipip(&config, data[0] & 2 ? 4 : 6, copy, len - 1, &p);
	must(decap_verdict_text(v));
	if (v == DECAP_OK) {
		must(p.data == copy + inner && p.len <= len - 1 - inner);
		must(p.l4 <= p.payload && p.payload <= p.len);
		must(is_ours(&p.dst) && !is_ours(&p.src) && addr_is_unicast(&p.src));
	}
	free(copy);
	return 0;
}
