/* What the parts of the ledger share: ledger.c (life, single questions), ledger_setup.c
 * (readiness), ledger_cast.c (batches), ledger_issue.c, ledger_codes.c, ledger_totals.c (reading),
 * ledger_apply.c (acts), ledger_forget.c. For no one else. */
#ifndef TALLYD_STORE_LEDGER_IMPL_H
#define TALLYD_STORE_LEDGER_IMPL_H

#include <event2/event_struct.h>

#include "base/buf.h"
#include "base/encode.h"
#include "store/cast_record.h"
#include "store/library.h"
#include "store/ledger.h"
#include "store/marks.h"
#include "store/redis.h"

#define LEDGER_PREFIX_MAX 160 /* "{<contest>~rehearsal/<shard>}" */
#define LEDGER_KEY_MAX    (LEDGER_PREFIX_MAX + 32)

struct batch;

/* What a call says of how much was acknowledged (ballot.lua answers BEHIND where the shard has
 * less). */
struct mark {
	_Atomic uint64_t *known; /* by all workers: in struct marks_shard */
	uint64_t n;              /* as it was when `text` was made */
	char text[DECIMAL_SIZE];
	size_t len;
};

struct shard {
	struct ledger *ledger;
	char prefix[LEDGER_PREFIX_MAX];
	char rules_key[LEDGER_KEY_MAX], log_key[LEDGER_KEY_MAX];
	char count_key[LEDGER_KEY_MAX], issued_key[LEDGER_KEY_MAX];
	char batches_key[LEDGER_KEY_MAX];
	bool ready;                     /* nothing was wrong there when it was asked last */
	struct cast_list gathered;      /* not sent yet, in order */
	unsigned in_flight;             /* batches that are not answered */
	struct marks_shard *known, own; /* `own` where nothing is shared */
	struct mark log, issued;
	uint64_t own_size; /* of the log, with the last ballot that this ledger acknowledged, */
	uint8_t last_spent[LEDGER_SPENT_SIZE]; /* whose token is this */
};

enum setup_step { SETUP_IDLE, SETUP_LIBRARIES, SETUP_RULES, SETUP_REPLACING };

struct ledger {
	struct event_base *base;
	struct redis *redis;
	struct ledger_options options;
	char published_key[LEDGER_KEY_MAX];
	struct shard *shards;

	bool ready;   /* in a cluster: some shard is */
	bool held;    /* from the loss of a connection until somebody lets the next one be used */
	bool refused; /* not ready, and waiting will not help */
	char why[400];
	char theirs[68]; /* hash of the rules in Redis, where they are others */
	enum setup_step step;
	unsigned setup_pending; /* shards that have not answered yet */
	bool known; /* the rules have stood there before: gone, they are not laid down again */
	bool setup_failed;
	bool setup_again; /* as soon as the one under way has ended */
	bool frozen;      /* those others: somebody has voted, or the contest has opened */
	struct event setup_timer;

	uint64_t epoch;   /* of the log, as it was told last; 0: never */
	unsigned casting; /* ballots taken and not answered */
	unsigned gathered;
	struct cast_list parked; /* until the function library is loaded */
	struct cast_list done;   /* answered, to be told in the next turn */
	struct event turn;
	int64_t damage_logged_ms, behind_logged_ms;
	struct cast *free_casts;
	struct batch *free_batches;

	struct slice *argv; /* scratch for one call */
	size_t argv_cap;
	char (*keys)[LEDGER_KEY_MAX]; /* scratch: LEDGER_BATCH_MAX of them */
	struct buf ballot;            /* scratch: one in canonical text */
};

/* What an error reply means where there is only -EIO or -EBADMSG to say; a library or rules gone
 * astray is looked after. */
int ledger_error(struct ledger *ledger, const struct redis_reply *error);

/* The canonical ballot, borrowed until the next call, of what is stored: its tag and its packed
 * form. False: it is none. */
bool ledger_read_stored(struct ledger *ledger, struct slice stored, struct slice *ret_ballot);

/* Whether the reply is an index or a count as ballot.lua has them: exact up to there. */
#define LEDGER_INDEX_MAX 9000000000000000
bool ledger_is_index(const struct redis_reply *reply);

/* An issued bucket is a string of these, sorted by identity. */
#define LEDGER_ISSUED_RECORD (LEDGER_IDENTITY_SIZE + 32)

/* "S:<kind>:<b>", of the bucket that these 16 bytes belong to. Returns ret_key. */
char *ledger_bucket_key(const struct ledger *ledger, unsigned shard, const char *kind,
    const uint8_t id[16], char ret_key[LEDGER_KEY_MAX]);
/* Whether the call was refused, and in which way; a library or rules gone astray is looked after.
 */
bool ledger_refused(
    struct ledger *ledger, const struct redis_reply *reply, enum refusal *ret_refusal);

/* As much as anybody knows of; borrowed until the next one of that mark. */
struct slice mark_text(struct mark *mark);
/* Acknowledged: the ballot of this token stands at this index. */
void ledger_acknowledge(struct shard *shard, uint64_t index, const uint8_t *spent);
/* A shard answers BEHIND: a line a second is enough. */
void ledger_log_behind(struct ledger *ledger, struct slice error);

/* Whether votes go there at all. */
static inline bool ledger_takes(const struct ledger *ledger, unsigned shard)
{
	return ledger->ready && ledger->shards[shard].ready;
}
unsigned ledger_shard_of(const struct ledger *ledger, const uint8_t id[16]);
unsigned ledger_bucket_of(const struct ledger *ledger, const uint8_t id[16]);

/* ledger_setup.c */
void ledger_setup_init(struct ledger *ledger);
void ledger_setup_release(struct ledger *ledger);
/* The rules are not what they were: not ready until all is checked again. */
void ledger_recheck(struct ledger *ledger, const char *why);
/* The same where a master has not got it (yet). */
void ledger_load_library(struct ledger *ledger);

/* ledger_cast.c */
void ledger_cast_init(struct ledger *ledger);
void ledger_cast_release(struct ledger *ledger);
/* Setup has ended: casts the parked ballots, or refuses them. */
void ledger_cast_unpark(struct ledger *ledger);

#endif
