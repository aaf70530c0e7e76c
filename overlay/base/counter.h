/*
 * Every counter of an AP, in one list: its name as `piasctl counters` prints it and
 * one line of help. Names that start with drop_ count something that was refused or
 * thrown away, one counter for each reason; nothing is ever dropped uncounted.
 */
#ifndef PIAS_OVERLAY_BASE_COUNTER_H
#define PIAS_OVERLAY_BASE_COUNTER_H

#include <stdint.h>

/* clang-format off */
#define PIAS_COUNTERS(X)                                                        \
	/* overlay: sealed datagrams and links */                               \
	X(datagrams_in,          "sealed datagrams received and accepted")      \
	X(datagrams_out,         "sealed datagrams sent")                       \
	X(messages_in,           "control messages received on links")          \
	X(messages_out,          "control messages sent on links")              \
	X(links_up,              "links established, either way")               \
	X(links_failed,          "links that could not be established")         \
	X(drop_seal_unknown,     "datagrams for no session of ours")            \
	X(drop_seal_forged,      "datagrams whose tag did not verify")          \
	X(drop_seal_replay,      "datagrams replayed or too old")               \
	X(drop_message_malformed, "malformed control messages")                 \
	X(drop_message_unknown,  "control messages of unknown type")            \
	X(drop_message_state,    "control messages not expected in that state") \
	X(drop_datagram_malformed, "malformed datagrams")                       \
	X(drop_peer_duplicate,   "peers refused: their key is in use elsewhere") \
	X(drop_peer_version,     "peers refused: protocol version")             \
	X(drop_peer_ring,        "peers refused: another ring")                 \
	X(drop_peer_identity,    "peers refused: another id than the certified one") \
	X(drop_peer_full,        "links or sessions refused: table full")       \
	X(drop_send_full,        "messages not sent: the queue to the peer is full") \
	X(drop_send_unreach,     "messages not sent: no way to the peer")       \
	X(drop_send_big,         "messages not sent: too long")                 \
	X(drop_no_memory,        "messages lost for lack of memory")            \
	X(drop_hops,             "messages or packets that exceeded their hops") \
	X(drop_datagram_send,    "datagrams the system refused to send")        \
	X(drop_link_certificate, "links refused, either way: a certificate")    \
	X(drop_link_handshake,   "connections that never became links")         \
	X(drop_link_busy,        "connections refused: too many handshakes under way") \
	X(links_stalled,         "links closed: the other end stopped reading") \
	/* overlay: ring, membership, failure detection */                      \
	X(probes_out,            "probes sent")                                 \
	X(probes_lost,           "probes that were not answered in time")       \
	X(drop_probe_stray,      "answers to no probe of ours, or far too late")  \
	X(drop_probe_full,       "probes not sent: too many in flight")          \
	X(probes_indirect,       "indirect probes asked for")                   \
	X(peers_suspected,       "peers that came under suspicion")             \
	X(peers_refuted,         "suspicions refuted by their subject")         \
	X(peers_dead,            "peers declared dead")                         \
	X(ring_changes,          "changes of a successor or the predecessor")   \
	X(gossip_events_in,      "membership events received")                  \
	X(gossip_events_new,     "membership events that were news")            \
	X(drop_gossip_full,      "membership events not passed on: queue full")  \
	X(lookups,               "lookups started")                             \
	X(lookups_redirected,    "requests passed on to a better owner")        \
	X(drop_table_full,       "peers not learnt: membership table full")     \
	X(drop_suspects_full,    "suspicions not timed: too many at once")       \
	/* rendezvous */                                                        \
	X(joins,                 "servers accepted")                            \
	X(joins_refused,         "joins refused, any reason")                   \
	X(refreshes,             "leases refreshed")                            \
	X(leaves,                "servers that left by themselves")             \
	X(leases_expired,        "leases that ran out")                         \
	X(servers_dead,          "servers declared dead by their join AP")      \
	X(resolves,              "resolves answered")                           \
	X(pushes,                "group updates pushed to ingress APs")         \
	X(surveys,               "servers' distances measured as ingress AP")   \
	X(surveys_failed,        "servers' distances that could not be measured") \
	X(surveys_full,          "servers' distances not measured: table full") \
	X(handovers,             "groups handed over to another owner")         \
	X(drop_group_full,       "groups refused: table full")                  \
	X(drop_member_full,      "members refused: group or table full")        \
	X(drop_subscriber_full,  "subscriptions refused: table full")           \
	X(drop_cache_full,       "groups not resolved: cache full")             \
	X(drop_resolve_limit,    "groups not resolved: rate limit")              \
	X(drop_hello_mark,       "join requests without the ring's mark")       \
	X(drop_hello_cookie,     "join requests with a bad or old cookie")      \
	X(drop_ticket,           "refreshes with a bad ticket or tag")          \
	X(drop_refresh_old,      "refreshes or leaves older than what is known") \
	X(drop_server_datagram,  "malformed datagrams from servers")            \
	X(drop_echo,             "echoes of probes forged, repeated or late")    \
	X(drop_join_limit,       "joins refused: too many links, joins or failures") \
	X(drop_server_full,      "joins refused: this AP watches as many servers as it may") \
	X(servers_revived,       "servers that answered again after they were declared dead") \
	X(servers_adopted,       "servers taken over from another join AP")      \
	X(challenges_failed,     "challenges through the tunnel without an answer") \
	X(drop_adoption,         "refreshes of servers that this AP could not take over") \
	X(refreshes_relayed,     "refreshes and leaves passed on to the join AP") \
	/* forwarder */                                                         \
	X(packets_in,            "client packets received")                     \
	X(bytes_in,              "bytes of client packets received")            \
	X(packets_two_hops,      "packets delivered by their ingress AP")       \
	X(packets_three_hops,    "packets delivered by the rendezvous AP")      \
	X(packets_four_hops,     "packets delivered after a redirect between APs") \
	X(packets_wrapped,       "packets handed on to a rendezvous AP")        \
	X(packets_out,           "packets encapsulated to a server")            \
	X(bytes_out,             "bytes of inner packets encapsulated to a server") \
	X(packet_too_big,        "packet-too-big messages sent to clients")     \
	X(drop_packet_malformed, "packets that could not be parsed")            \
	X(drop_packet_prefix,    "packets to an address outside our prefixes")  \
	X(drop_packet_source,    "packets from an impossible source")           \
	X(drop_packet_ttl,       "packets whose TTL or hop limit ran out")      \
	X(drop_no_group,         "packets to a group that does not exist")      \
	X(drop_no_member,        "packets to a group without a live member")    \
	X(drop_no_rendezvous,    "packets without a known rendezvous AP")       \
	X(drop_no_family,        "packets to a server of a family we have no address in") \
	X(drop_too_big,          "packets larger than the tunnel's MTU")        \
	X(drop_fragment,         "fragments that could not be matched to a flow") \
	X(drop_icmp_limit,       "ICMP errors not sent: rate limit")            \
	X(drop_tunnel_send,      "tunnel packets the system refused to send")   \
	X(drop_emit,             "packets that our interface did not take")     \
	X(flows_new,             "flows entered into the flow table")           \
	X(flows_evicted,         "flows evicted from a full flow table")        \
	X(flows_refused,         "flows not entered: no room beside those in use")
/* clang-format on */

enum counter {
#define X(name, help) COUNTER_##name,
	PIAS_COUNTERS(X)
#undef X
		N_COUNTERS
};

struct counters {
	uint64_t v[N_COUNTERS];
};

const char *counter_name(enum counter c);
const char *counter_help(enum counter c);

/* count(env, joins): `env` is anything with a `counters` member. */
#define count(env, name)      ((void)(env)->counters.v[COUNTER_##name]++)
#define count_n(env, name, n) ((void)((env)->counters.v[COUNTER_##name] += (n)))

#endif
