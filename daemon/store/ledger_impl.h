/* What the parts of the ledger share: ledger.c (life, single questions), ledger_setup.c
 * (readiness), ledger_cast.c (batches), ledger_totals.c (reading), ledger_apply.c (acts). For no
 * one else. */
#ifndef TALLYD_STORE_LEDGER_IMPL_H
#define TALLYD_STORE_LEDGER_IMPL_H

#include <event2/event_struct.h>

#include "store/cast_record.h"
#include "store/library.h"
#include "store/ledger.h"
#include "store/redis.h"

#define LEDGER_PREFIX_MAX 160 /* "{<contest>~rehearsal/<shard>}" */
#define LEDGER_KEY_MAX    (LEDGER_PREFIX_MAX + 32)

struct batch;

struct shard {
	char prefix[LEDGER_PREFIX_MAX];
	char rules_key[LEDGER_KEY_MAX], log_key[LEDGER_KEY_MAX];
	char count_key[LEDGER_KEY_MAX], issued_key[LEDGER_KEY_MAX];
	struct cast_list gathered; /* in this turn, in order */
};

enum setup_step { SETUP_IDLE, SETUP_LIBRARIES, SETUP_RULES };

struct ledger {
	struct event_base *base;
	struct redis *redis;
	struct ledger_options options;
	char published_key[LEDGER_KEY_MAX];
	struct shard *shards;

	bool ready;
	bool refused; /* not ready, and waiting will not help */
	char why[256];
	enum setup_step step;
	unsigned setup_pending; /* shards that have not answered yet */
	bool setup_failed;
	struct event setup_timer;

	unsigned casting; /* ballots taken and not answered */
	unsigned gathered;
	struct cast_list parked; /* until the function library is loaded */
	struct cast_list done;   /* answered, to be told in the next turn */
	struct event turn;
	int64_t damage_logged_ms;
	struct cast *free_casts;
	struct batch *free_batches;

	struct slice *argv; /* scratch for one call */
	size_t argv_cap;
	char (*keys)[LEDGER_KEY_MAX]; /* scratch: LEDGER_BATCH_MAX of them */
};

/* What an error reply means where there is only -EIO or -EBADMSG to say; a library or rules gone
 * astray is looked after. */
int ledger_error(struct ledger *ledger, const struct redis_reply *error);

unsigned ledger_shard_of(const struct ledger *ledger, const uint8_t id[16]);
unsigned ledger_bucket_of(const struct ledger *ledger, const uint8_t id[16]);

/* ledger_setup.c */
void ledger_setup_init(struct ledger *ledger);
void ledger_setup_release(struct ledger *ledger);
/* The library or the rules are not what they were: not ready until all is checked again. */
void ledger_recheck(struct ledger *ledger, const char *why);

/* ledger_cast.c */
void ledger_cast_init(struct ledger *ledger);
void ledger_cast_release(struct ledger *ledger);
/* Setup has ended: casts the parked ballots, or refuses them. */
void ledger_cast_unpark(struct ledger *ledger);

#endif
