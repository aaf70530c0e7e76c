/*
 * Sealed datagrams. Each direction has its own secret, each epoch of 2^23 counters
 * its own key: the limit that RFC 9001 (6.6) sets for AES-128-GCM. Both ends derive
 * keys from the counter alone, so there is nothing to negotiate; the receiver keeps
 * the last epoch's key for datagrams that were overtaken.
 *
 * What always holds: a counter is accepted once (RFC 6479's window), and nothing of
 * the session changes before the tag has verified.
 */
#include "overlay/session.h"

#include <assert.h>
#include <string.h>

#include "overlay/base/wire.h"

static struct aead *epoch_aead(const struct session_half *half, enum aead_kind kind,
			       uint64_t epoch)
{
	uint8_t number[8], key[HASH_LEN];
	struct aead *a;

	be64_put(number, epoch);
	crypto_hmac(key, half->secret, HASH_LEN, number, sizeof(number));
	a = aead_new(kind, key);
	crypto_wipe(key, sizeof(key));
	return a;
}

static int half_init(struct session_half *half, enum aead_kind kind,
		     const uint8_t link_key[static HASH_LEN], bool from_dialer)
{
	crypto_derive(half->secret, HASH_LEN, link_key,
		      from_dialer ? "pias-seal-from-dialer" : "pias-seal-to-dialer");
	half->epoch = 0;
	half->aead = epoch_aead(half, kind, 0);
	return half->aead ? 0 : PIAS_ENOMEM;
}

int session_init(struct session *s, enum aead_kind kind,
		 const uint8_t link_key[static HASH_LEN], bool dialed)
{
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	if (!half_init(&s->tx, kind, link_key, dialed) &&
	    !half_init(&s->rx, kind, link_key, !dialed))
		return 0;
	session_fini(s);
	return PIAS_ENOMEM;
}

void session_fini(struct session *s)
{
	aead_free(s->tx.aead);
	aead_free(s->rx.aead);
	aead_free(s->rx_old);
	crypto_wipe(s, sizeof(*s));
}

static void counter_nonce(uint8_t nonce[static AEAD_NONCE_LEN], uint64_t counter)
{
	memset(nonce, 0, AEAD_NONCE_LEN - 8);
	be64_put(nonce + AEAD_NONCE_LEN - 8, counter);
}

static int enter_tx_epoch(struct session *s, uint64_t epoch)
{
	struct aead *a;

	if (epoch == s->tx.epoch)
		return 0;
	a = epoch_aead(&s->tx, s->kind, epoch);
	if (!a)
		return PIAS_ENOMEM;
	aead_free(s->tx.aead);
	s->tx.aead = a;
	s->tx.epoch = epoch;
	return 0;
}

int session_seal(struct session *s, uint32_t index, uint8_t type, const void *body,
		 size_t len, uint8_t *out)
{
	uint8_t nonce[AEAD_NONCE_LEN], *inner = out + SEAL_HEADER_LEN;
	int err = enter_tx_epoch(s, s->tx_next >> SESSION_EPOCH_BITS);

	assert(len <= SEAL_BODY_MAX);
	if (err)
		return err;
	out[0] = SEAL_MAGIC;
	memset(out + 1, 0, 3);
	be32_put(out + 4, index);
	be64_put(out + 8, s->tx_next);
	inner[0] = type;
	if (len)
		memcpy(inner + 1, body, len);
	counter_nonce(nonce, s->tx_next);
	err = aead_seal(s->tx.aead, nonce, out, SEAL_HEADER_LEN, inner, len + 1, inner);
	if (err)
		return err;
	s->tx_next++;
	return (int)(len + SEAL_OVERHEAD);
}

int session_index(const uint8_t *data, size_t len, uint32_t *index)
{
	if (len < SEAL_OVERHEAD || len > DATAGRAM_MAX || data[0] != SEAL_MAGIC ||
	    data[1] || data[2] || data[3])
		return PIAS_EMALFORMED;
	*index = be32_get(data + 4);
	return 0;
}

static bool is_fresh(const struct session *s, uint64_t counter)
{
	if (counter >= s->rx_next)
		return true;
	if (s->rx_next - counter > SESSION_WINDOW)
		return false;
	return !(s->seen[counter / 64 % SESSION_WORDS] >> (counter % 64) & 1);
}

static void mark_seen(struct session *s, uint64_t counter)
{
	uint64_t word, last = counter / 64;

	if (counter >= s->rx_next) {
		/* Words entered since the newest begin empty; after a leap, all. */
		word = s->rx_next ? (s->rx_next - 1) / 64 + 1 : 0;
		if (last >= word && last - word >= SESSION_WORDS)
			word = last - SESSION_WORDS + 1;
		for (; word <= last; word++)
			s->seen[word % SESSION_WORDS] = 0;
		s->rx_next = counter + 1;
	}
	s->seen[last % SESSION_WORDS] |= 1ull << (counter % 64);
}

/* The new epoch's key proved right: it becomes ours, the last one stays for a while. */
static void enter_rx_epoch(struct session *s, struct aead *a, uint64_t epoch)
{
	aead_free(s->rx_old);
	s->rx_old = epoch == s->rx.epoch + 1 ? s->rx.aead : NULL;
	if (!s->rx_old)
		aead_free(s->rx.aead);
	s->rx.aead = a;
	s->rx.epoch = epoch;
}

int session_open(struct session *s, const uint8_t *data, size_t len, uint8_t *out)
{
	uint64_t counter = be64_get(data + 8), epoch = counter >> SESSION_EPOCH_BITS;
	struct aead *a = s->rx.aead, *fresh = NULL;
	uint8_t nonce[AEAD_NONCE_LEN];
	int err;

	if (counter == UINT64_MAX || !is_fresh(s, counter))
		return PIAS_EREPLAY;
	if (epoch > s->rx.epoch)
		a = fresh = epoch_aead(&s->rx, s->kind, epoch);
	else if (epoch < s->rx.epoch)
		a = s->rx_old;
	if (!a)
		return epoch > s->rx.epoch ? PIAS_ENOMEM : PIAS_EREPLAY;
	counter_nonce(nonce, counter);
	err = aead_open(a, nonce, data, SEAL_HEADER_LEN, data + SEAL_HEADER_LEN,
			len - SEAL_HEADER_LEN, out);
	if (err) {
		aead_free(fresh);
		return err;
	}
	if (fresh)
		enter_rx_epoch(s, fresh, epoch);
	mark_seen(s, counter);
	return (int)(len - SEAL_HEADER_LEN - AEAD_TAG_LEN);
}
