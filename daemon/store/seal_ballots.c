/* The ballots of a shard's log, from any index on. The entry of the stream that holds the first one
 * may begin before it, so two plain commands are sent together: the last entry up to there, and
 * those behind it. No function: Lua would copy every ballot once more, on Redis' only thread. */
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/encode.h"
#include "store/seal_impl.h"

struct reading {
	struct seal *seal;
	unsigned shard;
	uint64_t first, next; /* asked for; to be found next */
	size_t count;
	int error; /* the first */
	struct seal_ballot *ballots;
	size_t n, cap;
	struct buf texts; /* of the ballots, once they are unpacked */
	char *head; /* bytes of those from the entry that holds `first`: its reply is gone by the
		       time that all are told */
	seal_ballots_cb *cb;
	void *arg;
};

/* "<first index + 1>-0" */
static int read_id(struct slice id, uint64_t *ret_first)
{
	uint64_t number = 0;

	if (id.len < 3 || id.len > 18 || id.ptr[id.len - 2] != '-' || id.ptr[id.len - 1] != '0' ||
	    id.ptr[0] == '0')
		return -EBADMSG;
	for (size_t i = 0; i < id.len - 2; i++) {
		if (id.ptr[i] < '0' || id.ptr[i] > '9')
			return -EBADMSG;
		number = 10 * number + (uint64_t)(id.ptr[i] - '0');
	}
	*ret_first = number - 1;
	return 0;
}

static int read_entry(
    const struct redis_reply *entry, uint64_t *ret_first, struct slice *ret_packed)
{
	const struct redis_reply *fields;

	if (redis_reply_count(entry) != 2)
		return -EBADMSG;
	fields = redis_reply_at(entry, 1);
	if (redis_reply_count(fields) != 2 ||
	    !slice_is(redis_reply_text(redis_reply_at(fields, 0)), "b"))
		return -EBADMSG;
	*ret_packed = redis_reply_text(redis_reply_at(fields, 1));
	return read_id(redis_reply_text(redis_reply_at(entry, 0)), ret_first);
}

static int add(struct reading *r, const struct seal_ballot *ballot)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 256;
		struct seal_ballot *grown = reallocarray(r->ballots, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		r->ballots = grown;
		r->cap = cap;
	}
	r->ballots[r->n++] = *ballot;
	return 0;
}

/* Takes one ballot off the entry: spent 16, its length in one byte or two, tag 4, packed ballot. */
static int take_packed(struct slice *packed, struct seal_ballot *ret)
{
	const uint8_t *bytes = (const uint8_t *)packed->ptr;
	size_t before = LEDGER_SPENT_SIZE + 1, len;

	if (packed->len < before + 1)
		return -EBADMSG;
	len = bytes[LEDGER_SPENT_SIZE];
	if (len >= 0x80) {
		len = get_u16be(bytes + LEDGER_SPENT_SIZE) & 0x7fff;
		before++;
	}
	if (len < LEDGER_TAG_SIZE || packed->len < before + len)
		return -EBADMSG;
	ret->spent = bytes;
	ret->tag = bytes + before;
	ret->ballot = slice_make(packed->ptr + before + LEDGER_TAG_SIZE, len - LEDGER_TAG_SIZE);
	*packed = slice_make(packed->ptr + before + len, packed->len - before - len);
	return 0;
}

/* The first of them has the index `at`; those before r->next are passed over. */
static int add_packed(struct reading *r, uint64_t at, struct slice packed)
{
	if (packed.len == 0)
		return -EBADMSG;
	for (; packed.len > 0; at++) {
		struct seal_ballot ballot = {.index = at};
		int error = take_packed(&packed, &ballot);

		if (!error && at == r->next) {
			error = add(r, &ballot);
			r->next++;
		}
		if (error)
			return error;
	}
	return 0;
}

/* The texts move while they grow, so at first only their lengths are noted. */
static int unpack_all(struct reading *r)
{
	const struct contest *contest = r->seal->options.packing;
	size_t at = 0;

	for (size_t i = 0; contest && i < r->n; i++) {
		struct slice *ballot = &r->ballots[i].ballot;
		size_t before = r->texts.len;
		int error = ballot_unpack(contest, *ballot, &r->texts);

		if (error && error != -EINVAL)
			return -ENOMEM;
		ballot->len = r->texts.len - before;
	}
	for (size_t i = 0; contest && i < r->n; i++) {
		struct slice *ballot = &r->ballots[i].ballot;

		*ballot = slice_make(ballot->len > 0 ? r->texts.data + at : "", ballot->len);
		at += ballot->len;
	}
	return 0;
}

static int reply_error(enum redis_outcome outcome, const struct redis_reply *reply)
{
	if (outcome != REDIS_OK)
		return -EIO;
	if (redis_reply_kind(reply) == REDIS_ERROR)
		return slice_starts(redis_reply_text(reply), "WRONGTYPE") ? -EBADMSG : -EIO;
	return redis_reply_kind(reply) == REDIS_ARRAY ? 0 : -EBADMSG;
}

/* The entry that holds the first one from the middle on; one that begins with it comes again with
 * the others. */
static int take_head(struct reading *r, const struct redis_reply *reply)
{
	struct slice packed;
	uint64_t first;
	int error;

	if (redis_reply_count(reply) == 0)
		return 0;
	error = read_entry(redis_reply_at(reply, 0), &first, &packed);
	if (error || first >= r->first)
		return error;
	r->head = malloc(packed.len + 1);
	if (!r->head)
		return -ENOMEM;
	if (packed.len > 0)
		memcpy(r->head, packed.ptr, packed.len);
	return add_packed(r, first, slice_make(r->head, packed.len));
}

static void on_head(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct reading *r = arg;

	r->error = reply_error(outcome, reply);
	if (!r->error)
		r->error = take_head(r, reply);
}

static int take_rest(struct reading *r, const struct redis_reply *reply)
{
	size_t n = redis_reply_count(reply), before = r->n, i;

	for (i = 0; i < n && r->n < r->count; i++) {
		struct slice packed;
		uint64_t first;
		int error = read_entry(redis_reply_at(reply, i), &first, &packed);

		if (!error && first != r->next)
			error = -EBADMSG; /* a gap, or an overlap */
		if (!error)
			error = add_packed(r, first, packed);
		if (error)
			return error;
	}
	if (i > 0)
		r->seal->shards[r->shard].per_entry = (r->n - before + i - 1) / i;
	return 0;
}

static void on_rest(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct reading *r = arg;
	int error = reply_error(outcome, reply);

	if (!error && !r->error)
		error = take_rest(r, reply);
	if (!r->error)
		r->error = error ? error : unpack_all(r);
	if (r->error == -ENOMEM)
		r->error = -EIO; /* as good as no answer: ask again */
	r->cb(r->arg, r->error, r->error ? NULL : r->ballots, r->error ? 0 : r->n);
	free(r->ballots);
	buf_release(&r->texts);
	free(r->head);
	free(r);
}

void seal_ballots(
    struct seal *seal, unsigned shard, uint64_t first, size_t count, seal_ballots_cb *cb, void *arg)
{
	const struct seal_shard *s = &seal->shards[shard];
	struct reading *r = calloc(1, sizeof(*r));
	char id[DECIMAL_SIZE + 2], entries[DECIMAL_SIZE];
	size_t len;

	if (!r)
		abort(); /* nobody could be told of the failure */
	*r = (struct reading){.seal = seal,
	    .shard = shard,
	    .first = first,
	    .next = first,
	    .count = count < SEAL_BALLOTS_MAX ? count : SEAL_BALLOTS_MAX,
	    .cb = cb,
	    .arg = arg};
	buf_init(&r->texts, (size_t)SEAL_BALLOTS_MAX * LEDGER_BALLOT_MAX);
	len = decimal_encode(first + 1, id);
	memcpy(id + len, "-0", 3);
	decimal_encode((r->count + s->per_entry - 1) / s->per_entry, entries);
	redis_call(seal->redis, on_head, r, 6,
	    (struct slice[]){slice_text("XREVRANGE"), slice_text(s->log_key), slice_text(id),
		slice_text("-"), slice_text("COUNT"), slice_text("1")});
	redis_call(seal->redis, on_rest, r, 6,
	    (struct slice[]){slice_text("XRANGE"), slice_text(s->log_key), slice_text(id),
		slice_text("+"), slice_text("COUNT"), slice_text(entries)});
}
