/* What people see: golden text for each answer, and no trouble with half an answer. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ctl_print.h"
#include "tests/fixture/suite.h"

#define ID "00112233445566778899aabbccddeeff00112233"
#define AP "{\"id\":\"" ID "\",\"addresses\":[\"192.0.2.1:7427\",\"[2001:db8::1]:7427\"]}"

static char *print(enum ctl_command command, const char *json, bool all)
{
	cJSON *reply = cJSON_Parse(json);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(reply);
	ctl_print(f, command, reply, all);
	fclose(f);
	cJSON_Delete(reply);
	return text;
}

static const struct {
	enum ctl_command command;
	const char *json, *text;
} golden[] = {
	{CTL_peers,
	 "{\"peers\":[{\"id\":\"" ID "\",\"addresses\":[\"192.0.2.1:7427\"],"
	 "\"status\":\"alive\",\"link\":true,\"roles\":[\"successor\",\"finger\"],"
	 "\"rtt_us\":1500,\"heard_ms_ago\":250}]}",
	 "ID        ADDRESSES       STATUS  LINK       RTT  PREDICTED  HEARD  ROLES\n"
	 "00112233  192.0.2.1:7427  alive   yes   1.500 ms          -  0.2 s  "
	 "successor,finger\n"},
	{CTL_peers, "{\"peers\":[]}", "no other APs are known\n"},
	{CTL_groups,
	 "{\"groups\":[{\"group\":\"198.18.0.1:53/udp\",\"roles\":[\"owner\",\"cache\"],"
	 "\"members\":2,\"subscribers\":1},{\"group\":\"198.18.0.9\",\"roles\":[\"cache\"],"
	 "\"negative\":true}],\"truncated\":7}",
	 "GROUP                    MEMBERS  SUBSCRIBERS  ROLES OF THIS AP\n"
	 "198.18.0.1:53/udp              2            1  owner,cache\n"
	 "198.18.0.9         no such group            0  cache\n"
	 "... and 7 more\n"},
	{CTL_members,
	 "{\"group\":\"198.18.0.1\",\"known\":true,\"members\":[{\"server\":\"" ID "\","
	 "\"name\":\"web\",\"unicast\":\"192.0.2.9:6080\",\"encap\":\"gue\",\"join_ap\":" AP
	 ",\"up\":true,\"draining\":false,\"rtt_us\":1000,\"cost_us\":2500,"
	 "\"expires_in_ms\":29000}]}",
	 "SERVER    NAME  UNICAST         ENCAP  JOIN AP   STATE       RTT      COST   "
	 "LEASE\n"
	 "00112233  web   192.0.2.9:6080  gue    00112233  up     1.000 ms  2.500 ms  29.0 "
	 "s\n"},
	{CTL_members, "{\"group\":\"198.18.0.1\",\"known\":false}",
	 "this AP knows nothing of 198.18.0.1: it neither owns, copies nor caches it "
	 "(piasctl trace tells who owns it)\n"},
	{CTL_flows,
	 "{\"flows\":[{\"client\":\"10.0.0.1:99\",\"group\":\"198.18.0.1:53\","
	 "\"protocol\":\"udp\",\"server\":\"" ID "\",\"packets\":3,\"bytes\":300,"
	 "\"idle_ms\":1500}]}",
	 "CLIENT       GROUP          PROTOCOL  SERVER    PACKETS  BYTES   IDLE\n"
	 "10.0.0.1:99  198.18.0.1:53  udp       00112233        3    300  1.5 s\n"},
	{CTL_counters, "{\"counters\":{\"joins\":3,\"leaves\":0}}",
	 "COUNTER  VALUE  \njoins        3  servers accepted\n"},
	{CTL_counters, "{\"counters\":{\"leaves\":0}}", "nothing has happened yet\n"},
	{CTL_drain, "{\"already\":false,\"drain_left_s\":30}",
	 "draining: the prefixes are withdrawn; forwarding goes on for 30 s, then piasd "
	 "exits\n"},
	{CTL_ring,
	 "{\"self\":" AP ",\"joined\":true,\"successors\":[{\"id\":\"" ID "\"}]}",
	 "PLACE        ID        ADDRESSES\n"
	 "self         00112233  192.0.2.1:7427 [2001:db8::1]:7427\n"
	 "successor 1  00112233  (nobody known there)\n"},
};

START_TEST(test_golden)
{
	char *text = print(golden[_i].command, golden[_i].json, false);

	ck_assert_str_eq(text, golden[_i].text);
	free(text);
}
END_TEST

START_TEST(test_all_counters)
{
	char *text =
		print(CTL_counters, "{\"counters\":{\"joins\":3,\"leaves\":0}}", true);

	ck_assert_ptr_nonnull(strstr(text, "\nleaves "));
	free(text);
}
END_TEST

/* The sentences of each way a packet can go. */
static const struct {
	const char *json, *says;
} trace[] = {
	{"{\"step\":\"cached\",\"rendezvous\":" AP ",\"server\":{\"id\":\"" ID "\","
	 "\"unicast\":\"192.0.2.9:6080\",\"encap\":\"gue\",\"cost_us\":2500},"
	 "\"members\":[{\"server\":\"" ID "\",\"up\":true,\"cost_us\":2500},"
	 "{\"server\":\"ff\",\"up\":true,\"cost_us\":9000}]}",
	 "->  00112233"},
	{"{\"step\":\"cached\",\"rendezvous_is_here\":true,\"server\":{},\"by_flow\":true}",
	 "established flow"},
	{"{\"step\":\"local\",\"server\":{}}", "holds a copy"},
	{"{\"step\":\"local\",\"sender_skipped\":true}",
	 "none is up but the client itself"},
	{"{\"step\":\"rendezvous\",\"rendezvous\":" AP "}", "three hops"},
	{"{\"step\":\"no-group\",\"rendezvous\":" AP "}", "no such group"},
	{"{\"step\":\"no-prefix\"}", "none of its prefixes"},
	{"{\"step\":\"unknown\",\"trouble\":\"not ready\"}", "not ready"},
};

START_TEST(test_trace)
{
	char *text = print(CTL_trace, trace[_i].json, false);

	ck_assert_msg(strstr(text, trace[_i].says), "%s", text);
	free(text);
}
END_TEST

/* A daemon of another version: nothing expected is there, or all of it is odd. */
START_TEST(test_odd_replies)
{
	static const char *const odd[] = {
		"{}",
		"[]",
		"{\"peers\":5,\"groups\":\"x\",\"members\":null,\"flows\":{},\"counters\":[],"
		"\"known\":true}",
		"{\"peers\":[5,{}],\"groups\":[[],{}],\"members\":[{}],\"known\":true,"
		"\"flows\":[\"x\"],\"counters\":{\"a\":\"b\"},\"step\":7,\"self\":[],"
		"\"successors\":[1],\"addresses\":[1]}",
	};
	int command;

	for (command = 0; command < N_CTL_COMMANDS; command++) {
		char *text = print((enum ctl_command)command, odd[_i], true);

		ck_assert_uint_gt(strlen(text), 0);
		free(text);
	}
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_golden, 0, (int)(sizeof(golden) / sizeof(golden[0])));
	tcase_add_test(c, test_all_counters);
	tcase_add_loop_test(c, test_trace, 0, (int)(sizeof(trace) / sizeof(trace[0])));
	tcase_add_loop_test(c, test_odd_replies, 0, 4);
}

int main(void)
{
	return suite_main("ctl_print", fill);
}
