/* What the parts of the recount share: recount.c goes from shard to shard, recount_shard.c reads
 * one, recount_tree.c makes its entries again, recount_tokens.c looks into its buckets,
 * recount_codes.c sums up their invitation codes. For no one else. */
#ifndef TALLYD_AUDIT_RECOUNT_IMPL_H
#define TALLYD_AUDIT_RECOUNT_IMPL_H

#include "audit/await.h"
#include "audit/frontier.h"
#include "audit/recount.h"
#include "audit/retally.h"
#include "office/count.h"
#include "store/seal.h"
#include "tlog/files.h"

struct recounting {
	const struct recount_options *options;
	struct recount *recount;
	struct seal *seal;
	struct hmac_key *salt;
	struct await await;
	json_t *counters;               /* {name: value}, of all shards */
	struct ledger_batch_list codes; /* as recorded, of all shards */
	bool untold;                    /* a shard whose phase and clock are not known */
};

/* A tree head to be compared once the recount has come to its size. */
struct awaited_head {
	bool any;
	struct checkpoint checkpoint;
	bool reached, same;
};

struct remaking {                  /* recount_tree.c */
	char identity[ORIGIN_MAX]; /* of the log, in every epoch */
	struct frontier frontier;
	struct awaited_head sealed; /* in Redis */
	struct awaited_head kept;   /* on this host's disk */
	int dir;                    /* the log's directory; -1: none */
	uint64_t bundle;            /* number of the one that is in `entries` */
	unsigned width;             /* entries of it; 0: none is */
	bool unreadable;
	uint8_t entries[TLOG_WIDTH][TLOG_ENTRY_SIZE];
};

struct late { /* what a bucket says of a ballot that came after the recount's size */
	uint8_t field[LEDGER_FIELD_SIZE];
	unsigned bucket;
	uint64_t index;
};

struct shard_recount {
	struct recounting *all;
	struct findings *findings;
	unsigned number;
	struct recount_shard *told;
	struct count *count; /* what Redis says; NULL: that it cannot say */
	struct retally *retally;
	struct remaking tree;
	bool unsized;  /* nothing says how many ballots the log has: it is read as far as it goes */
	bool tree_too; /* entries are made again of what is fed now */
	uint64_t next; /* index to be fed */
	size_t at_once;
	uint64_t end; /* up to which */

	uint8_t (*spent)[LEDGER_SPENT_SIZE]; /* index -> token: a bucket tells of indexes only */
	size_t n_spent, cap_spent;
	unsigned bucket, in_flight; /* recount_tokens.c */
	uint64_t recorded, uncoded; /* identities; those that are no invitation code */
	struct ledger_batch_list codes, codes_before; /* as recorded; as counted before that */
	bool codes_damaged;
	bool marked_all;
	struct late *late;
	size_t n_late, cap_late;
};

/* recount_shard.c. 0, -EIO, -ENOMEM. */
int recount_shard(struct recounting *all, unsigned number);
/* Feeds ballots up to shard->end. Likewise. */
int recount_feed(struct shard_recount *shard);

/* recount_tree.c */
void tree_begin(struct shard_recount *shard, const struct seal_view *view);
void tree_take(struct shard_recount *shard, const struct seal_ballot *ballot);
/* Compares roots, and sizes with the log's. */
void tree_end(struct shard_recount *shard);
void tree_release(struct shard_recount *shard);
/* What the signed note says that the issuer has given out. 0 or -EBADMSG. */
int tree_issued(const struct seal_view *view, const char *origin, const uint8_t log_key[32],
    uint64_t *ret_issued);

/* recount_codes.c: before the buckets are read, with each of them, and behind them; at last, with
 * what the acts say. Each 0, -EIO or -ENOMEM. */
int codes_begin(struct shard_recount *shard);
int codes_take(struct shard_recount *shard, const struct ledger_batch_list *codes);
int codes_end(struct shard_recount *shard);
int codes_compare_acts(struct recounting *all);
void codes_release(struct shard_recount *shard);

/* recount_tokens.c. 0, -EIO, -ENOMEM. */
int tokens_compare(struct shard_recount *shard);

#endif
