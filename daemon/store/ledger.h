/* The domain in Redis: casting, issuing, reading counts. Translates contest terms into keys and
 * function calls and their answers back; knows nothing of HTTP. One ledger serves one contest
 * round.
 *
 * Keys (⚑). S = "{<contest>/<shard>}", in a rehearsal "{<contest>~rehearsal/<shard>}":
 *
 *   S:rules        hash    record (canonical JSON), hash (32 bytes), opens, closes (ms, 0 = none),
 *                          shard, shards, buckets, revote, layout (of these keys: <n> of the
 *                          library that laid them down), version (of the last act applied), phase
 *                          ("" | paused | closed | provisional | certified | corrected), size (of
 *                          the log, latched once closed)
 *   S:spent:<b>    hash    last 4 bytes of spent -> "<index>" or "<index> <replacements>"; where
 *                          tokens of one bucket share those bytes, one such item each, "," between
 *                          them: the whole token stands in the log, and only that tells which it is
 *   S:count        hash    counter -> integer; ballots -> counted tokens of the shard
 *   S:log          stream  ID "<first index + 1>-0", field b = packed ballots, each
 *                          spent (16 bytes), length of what follows (one byte below 128, else u16be
 *                          with the highest bit set), tag (4 bytes), packed ballot (contest/form.h)
 *   S:issued:<b>   string  records of identity (16 bytes) and SHA-256(blinded message) (32 bytes),
 *                          sorted, so that they do not tell in which order they came; deleted
 *                          once identities are to be forgotten (ledger_forget())
 *   S:issued       string  how many tokens were issued; where another host issues, how many it has
 *                          told of by signed notes (there are no identities then)
 *   S:codes:<b>    hash    identity of an invitation code (16 bytes) -> number of its batch, with
 *                          "-" before it where the code was revoked
 *   S:batches      hash    "<batch> made", "<batch> issued", "<batch> revoked" -> integer; "<batch>
 *                          off" -> 1: the batch was revoked
 *   S:seal         hash    what was signed last (store/seal.h)
 *   S:barrier      string  empty: written before WAIT, where replicas must have a vote
 *                          (store/redis_group.h); the desk has one of its own
 *
 *   {<contest>}:published (rehearsal: {<contest>~rehearsal}:published)   string
 *                          while `publish:` makes the public snapshot move in steps: "<epoch of
 *                          the log> <size of the log> <the snapshot>" (api/steps.h)
 *
 * Shard of a token  = u32be(spent[0..4])  mod shards.
 * Bucket of a token = u32be(spent[8..12]) mod buckets.  Identities likewise.
 * Every write is one call of a function of the library tallyd_<n>, embedded from ballot.lua, on one
 * shard, with all its keys declared; but for forgetting, which only takes keys away that nothing
 * writes any more. */
#ifndef TALLYD_STORE_LEDGER_H
#define TALLYD_STORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "contest/form.h"

struct event_base;
struct redis;
struct ledger;

#define LEDGER_SPENT_SIZE       16
#define LEDGER_FIELD_SIZE       4 /* of a spent bucket: a token's last bytes */
#define LEDGER_TAG_SIZE         4
#define LEDGER_IDENTITY_SIZE    16
#define LEDGER_BALLOT_MAX       4096 /* bytes of a canonical ballot */
#define LEDGER_BATCH_MAX        64
#define LEDGER_REPLACEMENTS_MAX 10

/* What of a contest the ledger must know. Text is borrowed for the life of the ledger. */
struct ledger_options {
	const char *contest; /* id */
	/* As whose ballots they are packed in Redis; NULL: they are kept as they come. */
	const struct contest *packing;
	bool rehearsal;
	unsigned shards;
	unsigned buckets;
	bool replaceable; /* revote: replace */
	bool by_code;     /* admission: codes */
	/* A server's start: other rules in Redis that nobody has voted under are replaced by these,
	 * once. Else, and later, they are respected, or two servers would replace each other's. */
	bool may_replace;
	/* The rules have stood in Redis: gone, they are not laid down anew, since ballots are gone
	 * with them. Known by itself once the ledger has been ready. */
	bool known;
	int64_t opens_ms, closes_ms; /* 0: none */
	struct slice rules;          /* canonical rules record */
	uint8_t rules_hash[32];      /* SHA-256 of it */
	unsigned in_flight_max; /* ballots gathered and sent, not answered; above it CAST_BUSY */
	/* Where how much was acknowledged is shared with others, borrowed; NULL: with nobody. */
	struct marks *marks;
	/* Told whenever readiness changes; may be NULL. */
	void (*on_ready)(void *arg, bool ready, const char *why);
	void *arg;
};

/* Loads the function library and lays down or compares the rules record in every shard, again after
 * each reconnection, retrying until it is done. Where one shard refuses, none is replaced. `redis`
 * is borrowed. NULL: memory. */
struct ledger *ledger_new(
    struct event_base *base, struct redis *redis, const struct ledger_options *options);
/* After redis_free(), which completes what is under way (CAST_UNKNOWN, -EIO); what was gathered and
 * not sent completes here (CAST_BUSY). */
void ledger_free(struct ledger *ledger);

bool ledger_is_ready(const struct ledger *ledger);
/* Why not: "redis is not connected", "rules-differ: …"; NULL when ready. */
const char *ledger_why(const struct ledger *ledger);
/* True when it will not become ready by waiting: the shard has other rules, or Redis
 * holds another program's function library. */
bool ledger_is_refused(const struct ledger *ledger);
/* Call from redis_options.on_state, or later where that Redis is looked at first. */
void ledger_on_redis(struct ledger *ledger, bool connected, const char *why);
/* Connected, but not to be used, for that reason: until ledger_on_redis(). */
void ledger_hold(struct ledger *ledger, const char *why);

/* Each call says how many ballots and voting rights were acknowledged, by this ledger or by others
 * that share its marks, and a shard that has fewer takes nothing: it lies on a replica that was
 * promoted too early, or in an old copy. The log is in this epoch, as the contest's record says: in
 * a later one than known the organisers go on with what there is. */
void ledger_in_epoch(struct ledger *ledger, uint64_t epoch);

/* Sends what was gathered: one call a shard with at most LEDGER_BATCH_MAX ballots. While a shard
 * has two calls that are not answered, only full ones; what comes meanwhile goes out together
 * once one is. Call once a turn, before server_flush(). */
void ledger_flush(struct ledger *ledger);

/* ---- casting ---- */

enum cast_verdict {
	CAST_COUNTED,  /* counted now, at `index` */
	CAST_REPLACED, /* counted now in place of the ballot at `replaces` */
	CAST_SAME,     /* this very ballot stands at `index` since an earlier call */
	CAST_SPENT,    /* another ballot stands at `index`: it is `ballot` */
	CAST_NEVER,    /* `replaces` was given, but this token has no ballot */
	CAST_REPLACED_TOO_OFTEN,
	CAST_NOT_OPEN, /* before opens_ms */
	CAST_CLOSED,   /* at or after closes_ms, or closed by an act */
	CAST_PAUSED,
	CAST_RULES_DIFFER, /* this worker's rules are not the shard's */
	CAST_FAULT,        /* this ballot's data in Redis are damaged: not counted */
	CAST_BUSY,    /* not sent, or refused by Redis as it stands (LOADING, OOM, READONLY…): not
			 counted */
	CAST_UNKNOWN, /* no answer: ask again */
};

struct cast_result {
	enum cast_verdict verdict;
	unsigned shard;
	uint64_t index; /* for COUNTED, REPLACED, SAME, SPENT */
	unsigned
	    replacements; /* of this token up to now; > 0 makes a receipt's status "replaced" */
	struct slice
	    ballot; /* the canonical ballot at `index` for SPENT; borrowed for the callback */
	int64_t server_ms; /* Redis' clock for NOT_OPEN, CLOSED, PAUSED; else 0 */
};

typedef void cast_cb(void *arg, const struct cast_result *result);

#define LEDGER_NOT_REPLACING (-1)

struct ledger_ballot {
	const uint8_t *spent; /* LEDGER_SPENT_SIZE bytes */
	/* LEDGER_TAG_SIZE bytes, kept beside the ballot and never looked at: with a key that Redis
	 * does not have, whoever counts anew can tell that this is what was cast
	 * (contest/commitment.h).
	 */
	const uint8_t *tag;
	struct slice text; /* canonical */
	/* The index of the ballot to be replaced, or LEDGER_NOT_REPLACING. */
	int64_t replaces;
	/* What the ballot adds to which counter, less what the replaced one had added. */
	const struct form_increment *increments;
	size_t n_increments;
};
/* Everything is copied. The callback comes exactly once, in a later turn of the loop. */
void ledger_cast(struct ledger *ledger, const struct ledger_ballot *ballot, cast_cb *cb, void *arg);

/* The ballot that stands for this token: CAST_SPENT with index and ballot, CAST_NEVER, CAST_FAULT,
 * CAST_BUSY or CAST_UNKNOWN. Reads only. */
void ledger_find(
    struct ledger *ledger, const uint8_t spent[LEDGER_SPENT_SIZE], cast_cb *cb, void *arg);

/* ---- issuing ---- */

enum issue_verdict {
	ISSUE_NEW,      /* recorded now: sign */
	ISSUE_SAME,     /* the same blinded message as before: sign again, the answer is the same */
	ISSUE_OTHER,    /* this identity already has a token for another blinded message */
	ISSUE_NOT_OPEN, /* before the hours, or paused */
	ISSUE_CLOSED,
	ISSUE_NO_CODE, /* no invitation code has this identity */
	ISSUE_REVOKED, /* the code was revoked */
	ISSUE_FAULT,
	ISSUE_BUSY,    /* certainly not recorded */
	ISSUE_UNKNOWN, /* ask again */
};

typedef void issue_cb(void *arg, enum issue_verdict verdict);

void ledger_issue(struct ledger *ledger, const uint8_t identity[LEDGER_IDENTITY_SIZE],
    const uint8_t blinded_hash[32], issue_cb *cb, void *arg);

/* Where another host issues: how many tokens it says it has issued, of those that this shard
 * records there (FORMAT.md section 3.4). Nobody else writes S:issued here. `error`: 0, -EIO. */
typedef void taken_cb(void *arg, int error);
void ledger_take_issued(
    struct ledger *ledger, unsigned shard, uint64_t issued, taken_cb *cb, void *arg);

/* ---- invitation codes ---- */

#define LEDGER_ENTER_MAX 4096 /* identities in one call */

/* Enters codes into a batch (1 to LEDGER_BATCHES_MAX); those that are there already stay as they
 * are, so a call whose outcome is not known is made again. `error`: 0 with how many are new, -EIO,
 * -EBADMSG. 1 to LEDGER_ENTER_MAX identities; they are copied. */
#define LEDGER_BATCHES_MAX 999999999
typedef void enter_cb(void *arg, int error, uint64_t entered);
void ledger_enter(struct ledger *ledger, unsigned batch,
    const uint8_t (*identities)[LEDGER_IDENTITY_SIZE], size_t n, enter_cb *cb, void *arg);

enum revoke_verdict {
	REVOKE_DONE,
	REVOKE_SAME,    /* it was */
	REVOKE_USED,    /* a token was issued for it: that one stays good */
	REVOKE_NO_CODE, /* there is no such code */
	REVOKE_FAULT,   /* the data are damaged */
	REVOKE_UNKNOWN, /* Redis did not answer or refuses: ask again */
};
typedef void revoke_cb(void *arg, enum revoke_verdict verdict);
void ledger_revoke(
    struct ledger *ledger, const uint8_t identity[LEDGER_IDENTITY_SIZE], revoke_cb *cb, void *arg);
/* A whole batch, in every shard: REVOKE_DONE, REVOKE_SAME (it was, everywhere), FAULT, UNKNOWN. */
void ledger_revoke_batch(struct ledger *ledger, unsigned batch, revoke_cb *cb, void *arg);

struct ledger_batch {
	unsigned batch;
	uint64_t made, issued, revoked; /* codes entered; tokens issued; codes revoked one by one */
	bool off;                       /* revoked as a whole */
};
struct ledger_batch_list {            /* all 0: empty; `batches` is freed by its owner */
	struct ledger_batch *batches; /* by rising numbers */
	size_t n;
};
/* Its place in the list, made if it was not there; until the next call. NULL: memory. */
struct ledger_batch *ledger_batch_at(struct ledger_batch_list *list, unsigned number);
/* Of one shard, by rising numbers. `error`: 0, -EIO, -EBADMSG, -ENOMEM. Borrowed for the callback.
 */
typedef void batches_cb(void *arg, int error, const struct ledger_batch *batches, size_t n);
void ledger_shard_batches(struct ledger *ledger, unsigned shard, batches_cb *cb, void *arg);

/* ---- reading ---- */

struct ledger_counter {
	struct slice name;
	int64_t value;
};

/* The sum over all shards at one moment (each shard is read by one call; shards one after another).
 */
struct ledger_totals {
	uint64_t log_size; /* entries of all logs: ballots accepted, superseded ones included */
	uint64_t ballots;  /* tokens that are counted */
	uint64_t version;  /* sum of the shards' phase versions */
	int64_t now_ms;    /* the earliest shard's clock */
	const char *phase; /* least advanced: announced, open, paused, closed, provisional… */
	uint64_t least_version;      /* the shard's that is furthest behind */
	int64_t opens_ms, closes_ms; /* as amended, of that shard */
	uint64_t issued;
	bool lacks_issued; /* a shard has fewer of them than were acknowledged, and issues none */
	const struct ledger_counter *counters; /* sorted by name, each name once */
	size_t n_counters;
};

/* `totals` is borrowed for the callback and NULL when `error` is -EIO (Redis) or -EBADMSG
 * (damaged). */
typedef void totals_cb(void *arg, int error, const struct ledger_totals *totals);
void ledger_totals(struct ledger *ledger, totals_cb *cb, void *arg);
/* Likewise, but a shard that lacks what was acknowledged to this process is no error. */
void ledger_totals_as_they_are(struct ledger *ledger, totals_cb *cb, void *arg);

/* ---- one shard, for whoever counts anew ---- */

/* The same of one shard. -EBADMSG also where the shard is closed and its log has changed since. */
void ledger_shard_totals(struct ledger *ledger, unsigned shard, totals_cb *cb, void *arg);
/* Of the totals only the counters and `ballots`: as they stand, whatever else is wrong. */
void ledger_shard_counters(struct ledger *ledger, unsigned shard, totals_cb *cb, void *arg);

struct ledger_spent { /* one token; which, the log says at that index */
	struct slice field;
	bool readable; /* with a field of LEDGER_FIELD_SIZE; else the rest means nothing */
	uint64_t index;
	unsigned replacements;
};
/* Whether what this field of a bucket says can be of this token. */
bool ledger_is_field_of(const struct ledger *ledger, unsigned shard, unsigned bucket,
    struct slice field, const uint8_t spent[LEDGER_SPENT_SIZE]);
struct ledger_recorded { /* identities that had a token */
	uint64_t n;
	uint64_t uncoded; /* of them, those that are no invitation code, where codes admit */
	struct ledger_batch_list codes; /* of the bucket, where codes admit; `off` is not here */
};
/* The tokens of one bucket, and what its twin of S:issued records. `error` as for totals; -EBADMSG
 * also for identities that are not in order, twice, or in a place that is not theirs, and for codes
 * of no batch. Borrowed for the callback. */
typedef void bucket_cb(void *arg, unsigned bucket, int error, const struct ledger_spent *tokens,
    size_t n_tokens, struct ledger_recorded recorded);
void ledger_bucket(
    struct ledger *ledger, unsigned shard, unsigned bucket, bucket_cb *cb, void *arg);

/* ---- acts ---- */

/* Carries the contest's record over to every shard: phase ("" or one of those above from paused on)
 * and hours. A shard that has this version or a newer one is left alone; from "closed" on it
 * latches the size of its log, and neither takes ballots nor goes back. `error`: 0 when all shards
 * have it; -EIO, -EBADMSG, or -EPERM (a shard is further). */
typedef void applied_cb(void *arg, int error);
void ledger_apply(struct ledger *ledger, uint64_t version, const char *phase, int64_t opens_ms,
    int64_t closes_ms, applied_cb *cb, void *arg);

/* Deletes every S:issued:<b>, a few at a time; S:issued, how many tokens were issued, stays. Only
 * once every shard is closed for good (ledger_apply()): then none is written again. What is gone
 * already is passed over, so whoever was interrupted begins anew. `error`: 0, -EIO, -EBADMSG;
 * `buckets` that were there. */
typedef void forget_cb(void *arg, int error, uint64_t buckets);
void ledger_forget(struct ledger *ledger, forget_cb *cb, void *arg);

/* The published snapshot, one for all workers and hosts, of which the ledger reads nothing. `text`
 * empty: none yet. */
typedef void published_cb(void *arg, int error, struct slice text);
void ledger_published(struct ledger *ledger, published_cb *cb, void *arg);
/* Stores `text` in place of `seen`, or of none; answers with what stands then, which is another's
 * where that one was quicker. */
void ledger_publish(
    struct ledger *ledger, struct slice text, struct slice seen, published_cb *cb, void *arg);

#endif
