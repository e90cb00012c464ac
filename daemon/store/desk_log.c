/* What of the desk is read in order: the audit log, revisions of sheets, turnout; and the hashes
 * that chain the log. */
#include "store/desk_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "crypto/digest.h"
#include "store/library.h"

enum { COUNT_MAX = 1000 };

/* ---- hashes ---- */

#define MINUTE_MAX 1000000000 /* far beyond any clock, and far from an overflow in ms */
#define AUDIT_MARK "tallyd audit v1\n"
#define SHEET_MARK "tallyd sheet v1\n"

void desk_entry_hash(struct slice json, uint8_t ret_hash[32])
{
	sha256_parts((struct slice[]){slice_text(AUDIT_MARK), json}, 2, ret_hash);
}

void desk_genesis(const char *round, uint8_t ret_hash[32])
{
	desk_entry_hash(slice_text(round), ret_hash);
}

void desk_commitment(const uint8_t salt[32], struct slice sheet, uint8_t ret_hash[32])
{
	sha256_parts(
	    (struct slice[]){slice_text(SHEET_MARK), slice_make(salt, 32), sheet}, 3, ret_hash);
}

/* ---- streams ---- */

struct listing {
	struct desk *desk;
	union {
		desk_audit_cb *audit;
		desk_revisions_cb *revisions;
		desk_turnout_cb *turnout;
	} cb;
	void *arg;
	uint64_t first; /* of the audit log's entries: the number of the first; 0: any, then down */
};

static struct listing *listing_new(struct desk *desk, void *arg)
{
	struct listing *listing = calloc(1, sizeof(*listing));

	if (!listing)
		abort(); /* nobody could be told of the failure */
	listing->desk = desk;
	listing->arg = arg;
	return listing;
}

/* 0, -EIO, or -EBADMSG. */
static int listing_error(
    struct desk *desk, enum redis_outcome outcome, const struct redis_reply *reply)
{
	if (outcome != REDIS_OK)
		return -EIO;
	if (redis_reply_kind(reply) == REDIS_ARRAY || redis_reply_kind(reply) == REDIS_NIL)
		return 0;
	if (redis_reply_kind(reply) == REDIS_ERROR && library_refusal(reply) != REFUSED_DAMAGED)
		return -EIO;
	desk_log_damage(desk, "cannot be listed", redis_reply_text(reply));
	return -EBADMSG;
}

/* The number in an ID "<n>-0", and the values of the fields with these names, in this order. */
static int read_entry(const struct redis_reply *entry, const char *const *names, size_t n_names,
    uint64_t *ret_n, struct slice *ret_values)
{
	const struct redis_reply *fields;
	struct slice id;

	if (redis_reply_count(entry) != 2)
		return -EBADMSG;
	id = redis_reply_text(redis_reply_at(entry, 0));
	fields = redis_reply_at(entry, 1);
	if (redis_reply_count(fields) != 2 * n_names || id.len < 3 ||
	    memcmp(id.ptr + id.len - 2, "-0", 2) != 0)
		return -EBADMSG;
	for (size_t i = 0; i < n_names; i++) {
		if (!slice_is(redis_reply_text(redis_reply_at(fields, 2 * i)), names[i]))
			return -EBADMSG;
		ret_values[i] = redis_reply_text(redis_reply_at(fields, 2 * i + 1));
	}
	return desk_number(slice_make(id.ptr, id.len - 2), ret_n);
}

static void range_call(struct listing *listing, redis_cb *cb, const char *command, const char *key,
    const char *from, const char *to, size_t count)
{
	char number[DECIMAL_SIZE];

	decimal_encode(count < COUNT_MAX ? count : COUNT_MAX, number);
	redis_call(listing->desk->redis, cb, listing, 6,
	    (struct slice[]){slice_text(command), slice_text(key), slice_text(from), slice_text(to),
		slice_text("COUNT"), slice_text(number)});
}

static void range_after(
    struct listing *listing, redis_cb *cb, const char *key, uint64_t after, size_t count)
{
	char from[DECIMAL_SIZE + 2];

	snprintf(from, sizeof(from), "%llu-0", (unsigned long long)after + 1);
	range_call(listing, cb, "XRANGE", key, from, "+", count);
}

/* ---- the audit log ---- */

/* Entries follow one another without a gap. */
static int read_audit(
    const struct listing *listing, const struct redis_reply *reply, struct desk_entry *ret_entries)
{
	static const char *const names[] = {"j"};

	for (size_t i = 0; i < redis_reply_count(reply); i++) {
		struct desk_entry *e = &ret_entries[i];
		int r = read_entry(redis_reply_at(reply, i), names, 1, &e->n, &e->json);

		if (r < 0)
			return r;
		if (listing->first ? e->n != listing->first + i : e->n != ret_entries->n - i)
			return -EBADMSG;
	}
	return 0;
}

static void on_audit(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct listing *listing = arg;
	struct desk_entry *entries = NULL;
	size_t n = 0;
	int r = listing_error(listing->desk, outcome, reply);

	if (r == 0) {
		n = redis_reply_count(reply);
		entries = calloc(n + 1, sizeof(*entries));
		r = entries ? read_audit(listing, reply, entries) : -EIO;
	}
	listing->cb.audit(listing->arg, r, r < 0 ? NULL : entries, r < 0 ? 0 : n);
	free(entries);
	free(listing);
}

void desk_audit(struct desk *desk, uint64_t after, size_t count, desk_audit_cb *cb, void *arg)
{
	struct listing *listing = listing_new(desk, arg);

	listing->cb.audit = cb;
	listing->first = after + 1;
	range_after(listing, on_audit, desk->audit_key, after, count);
}

void desk_audit_last(struct desk *desk, size_t count, desk_audit_cb *cb, void *arg)
{
	struct listing *listing = listing_new(desk, arg);

	listing->cb.audit = cb;
	range_call(listing, on_audit, "XREVRANGE", desk->audit_key, "+", "-", count);
}

/* ---- revisions ---- */

static int read_revisions(const struct redis_reply *reply, struct desk_revision *ret_revisions)
{
	static const char *const names[] = {"e", "s", "k"};

	for (size_t i = 0; i < redis_reply_count(reply); i++) {
		struct desk_revision *revision = &ret_revisions[i];
		struct slice values[3];
		int r = read_entry(redis_reply_at(reply, i), names, 3, &revision->n, values);

		if (r < 0)
			return r;
		revision->person = values[0];
		revision->sheet = values[1];
		revision->salt = values[2];
		if (revision->salt.len != DESK_HASH_LEN)
			return -EBADMSG;
	}
	return 0;
}

static void on_revisions(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct listing *listing = arg;
	struct desk_revision *revisions = NULL;
	size_t n = 0;
	int r = listing_error(listing->desk, outcome, reply);

	if (r == 0) {
		n = redis_reply_count(reply);
		revisions = calloc(n + 1, sizeof(*revisions));
		r = revisions ? read_revisions(reply, revisions) : -EIO;
	}
	listing->cb.revisions(listing->arg, r, r < 0 ? NULL : revisions, r < 0 ? 0 : n);
	free(revisions);
	free(listing);
}

void desk_revisions(
    struct desk *desk, uint64_t after, size_t count, desk_revisions_cb *cb, void *arg)
{
	struct listing *listing = listing_new(desk, arg);

	listing->cb.revisions = cb;
	range_after(listing, on_revisions, desk->revisions_key, after, count);
}

/* ---- turnout ---- */

/* A sample that was lost is taken again by the next worker, or the minute after. */
static void on_sampled(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct desk *desk = arg;

	if (outcome != REDIS_OK || redis_reply_kind(reply) != REDIS_ERROR)
		return;
	if (library_refusal(reply) == REFUSED_MISSING)
		desk_library_gone(desk);
	else if (library_refusal(reply) == REFUSED_DAMAGED)
		desk_log_damage(desk, "turnout cannot be written", redis_reply_text(reply));
}

void desk_sample(struct desk *desk, int64_t minute, struct slice counters)
{
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)minute);
	redis_call(desk->redis, on_sampled, desk, 6,
	    (struct slice[]){slice_text("FCALL"), slice_text("desk_sample_1"), slice_text("1"),
		slice_text(desk->turnout_key), slice_text(number), counters});
}

static int compare_minutes(const void *a, const void *b)
{
	const struct desk_minute *x = a, *y = b;

	return (x->minute > y->minute) - (x->minute < y->minute);
}

static int read_turnout(const struct redis_reply *reply, struct desk_minute *ret_minutes)
{
	size_t n = redis_reply_count(reply) / 2;

	for (size_t i = 0; i < n; i++) {
		uint64_t minute;
		int r = desk_number(redis_reply_text(redis_reply_at(reply, 2 * i)), &minute);

		if (r < 0)
			return r;
		if (minute > MINUTE_MAX)
			return -EBADMSG;
		ret_minutes[i].minute = (int64_t)minute;
		ret_minutes[i].counters = redis_reply_text(redis_reply_at(reply, 2 * i + 1));
	}
	if (n > 0)
		qsort(ret_minutes, n, sizeof(*ret_minutes), compare_minutes);
	return 0;
}

static void on_turnout(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct listing *listing = arg;
	struct desk_minute *minutes = NULL;
	size_t n = 0;
	int r = listing_error(listing->desk, outcome, reply);

	if (r == 0) {
		n = redis_reply_count(reply) / 2;
		minutes = calloc(n + 1, sizeof(*minutes));
		r = minutes ? read_turnout(reply, minutes) : -EIO;
	}
	listing->cb.turnout(listing->arg, r, r < 0 ? NULL : minutes, r < 0 ? 0 : n);
	free(minutes);
	free(listing);
}

void desk_turnout(struct desk *desk, desk_turnout_cb *cb, void *arg)
{
	struct listing *listing = listing_new(desk, arg);

	listing->cb.turnout = cb;
	redis_call(desk->redis, on_turnout, listing, 2,
	    (struct slice[]){slice_text("HGETALL"), slice_text(desk->turnout_key)});
}
