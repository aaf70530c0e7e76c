/*
 * The groups that this AP owns or copies, with all their members: the records at
 * rest, their limits and their ends. Who may change them, and who is told, is the
 * business of owner.c, replica.c and push.c.
 */
#ifndef PIAS_RENDEZVOUS_GROUP_H
#define PIAS_RENDEZVOUS_GROUP_H

#include <sys/queue.h>

#include "rendezvous/intern.h"
#include "rendezvous/keytree.h"
#include "rendezvous/lease.h"
#include "rendezvous/member.h"
#include "rendezvous/name.h"

#define TOMBSTONE_TIME (60 * SEC)
#define GROUP_GRACE    (60 * SEC) /* a group without members is remembered so long */
#define DIGEST_BUCKETS 16
#define VERSION_EPOCH  ((uint64_t)1 << 32) /* one per change of owner */

/*
 * The next version after @v that is a multiple of @step (1 or VERSION_EPOCH). Versions
 * come from other APs: the last one stays, rather than that all begins anew.
 */
static inline uint64_t version_after(uint64_t v, uint64_t step)
{
	return v > UINT64_MAX - step ? UINT64_MAX : (v / step + 1) * step;
}

struct group;

struct member {
	struct lease lease;
	struct group *group;
	struct ap *join_ap;
	struct label *name;
	uint64_t cookie;
	uint64_t seq;
	struct id server;
	struct addr unicast;
	uint32_t stamp;
	uint32_t rtt_us;
	uint16_t mtu;
	uint8_t encap;
	uint8_t flags;
	bool is_copy_due; /* replicas do not know this state yet */
};

_Static_assert(sizeof(struct member) + sizeof(void *) + 16 <= 200, "TARGETS P8");

/* An ingress AP that caches the group and is told of changes until @ends. */
struct subscriber {
	struct ap *ap;
	pias_time ends;
	uint32_t worst_us; /* cost of the dearest member it was told of */
	uint8_t n_told;
	bool is_due; /* what it was told is no longer right */
};

struct group {
	struct keynode node; /* first: the key on the ring */
	struct group_name name;
	struct id creator; /* the server that created it */
	uint64_t version;  /* grows with every change that ingress APs see */
	uint64_t hash;
	struct member **member; /* by server id; tombstones included */
	uint32_t n_members, members_cap;
	uint32_t n_live; /* without tombstones */
	uint32_t n_subscribers, subscribers_cap;
	struct subscriber *subscriber; /* by AP id */
	struct lease grace;	       /* runs while n_live is 0 */
	TAILQ_ENTRY(group) copy_entry; /* replica.c: members due to be copied */
	TAILQ_ENTRY(group) push_entry; /* push.c: subscribers due to be told */
	pias_time pushed_at;
	uint8_t policy;
	bool is_copy_queued, is_push_queued;
};

_Static_assert(sizeof(struct group) + 2 * sizeof(struct htab_slot) + 16 <= 512,
	       "TARGETS P8");

struct groups_limits {
	uint32_t max_groups, max_members, max_group_members;
};

struct groups_ops {
	/* A lease ended and a tombstone took its place. */
	void (*expired)(void *ctx, struct group *g, struct member *m);
	/* No live member for GROUP_GRACE: the receiver shall delete it. */
	void (*abandoned)(void *ctx, struct group *g);
};

struct groups {
	struct env *env;
	const struct groups_ops *ops;
	void *ctx;
	struct groups_limits limits;
	struct interns interns;
	struct leases leases;
	struct htab by_name;
	struct keytree by_key;
	struct siphash_key hash_key;
	uint32_t n_members;
};

void groups_init(struct groups *gs, struct env *env, const struct groups_limits *limits,
		 const struct groups_ops *ops, void *ctx);
void groups_fini(struct groups *gs);

struct group *group_find(const struct groups *gs, const struct group_name *name);
/* It must not exist. NULL, with PIAS_EFULL or PIAS_ENOMEM in *err: refused, counted. */
struct group *group_add(struct groups *gs, const struct group_name *name,
			const struct id *creator, uint8_t policy, uint64_t version,
			int *err);
/* Queues and subscribers must have been emptied before. */
void group_del(struct groups *gs, struct group *g);

/* The first group clockwise after @key within (key, to]; NULL: none. */
struct group *group_after(const struct groups *gs, const struct id *key,
			  const struct id *to);
/* Of the live members of all groups with keys in (from, to], by group_bucket. */
void groups_digest(const struct groups *gs, const struct id *from, const struct id *to,
		   uint64_t digest[static DIGEST_BUCKETS], uint32_t *n_groups);
unsigned group_bucket(const struct group *g);
/* We speak for it now, and others may have gone as far as @version: a new epoch. */
void group_enter_epoch(struct group *g, uint64_t version);

struct member *member_find(const struct group *g, const struct id *server);
/* May it be chosen for packets? */
bool member_is_eligible(const struct member *m);
void member_tell(const struct groups *gs, const struct member *m,
		 struct member_record *out);

enum merge_kind {
	MERGE_OLD,     /* later or the same is known: nothing happened */
	MERGE_RENEWED, /* only seq and lease moved on */
	MERGE_CHANGED, /* ingress APs want to know */
};

struct merge {
	enum merge_kind kind;
	struct member *member; /* as it is now; with MERGE_OLD, as it was */
	bool is_new;	       /* not known before, or only as a tombstone */
	bool has_moved;	       /* to another join AP: the one before is @was */
	struct contact was;
	uint32_t old_rtt_us;
};

/*
 * Enters @r into the group if it is the latest told of its server (PROTOCOL 7.2).
 * PIAS_EFULL or PIAS_ENOMEM: refused, counted.
 */
must_check int group_merge(struct groups *gs, struct group *g,
			   const struct member_record *r, struct merge *out);

#endif
