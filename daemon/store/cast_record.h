/* One ballot on its way to Redis: the record, its arguments as ballot.lua wants them, and lists of
 * such. For the ledger alone. */
#ifndef TALLYD_STORE_CAST_RECORD_H
#define TALLYD_STORE_CAST_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/ledger.h"

enum {
	CAST_ARG_SPENT,
	CAST_ARG_KEY,
	CAST_ARG_BALLOT, /* its tag before it */
	CAST_ARG_REPLACES,
	CAST_ARG_COUNT,
	CAST_ARGS
};

struct cast {
	struct cast *next;
	cast_cb *cb;
	void *arg;
	enum cast_verdict verdict; /* once it lies in `done` */
	unsigned shard, bucket;
	bool parked, pooled;
	uint8_t spent[LEDGER_SPENT_SIZE];
	size_t n_args;
	struct slice *args; /* as ballot.lua wants them; CAST_ARG_KEY is set by the batch */
	_Alignas(max_align_t) char block[];
};

struct cast_list {
	struct cast *head, **tail;
	unsigned n;
};

void cast_list_init(struct cast_list *list);
void cast_list_put(struct cast_list *list, struct cast *cast);
struct cast *cast_list_take(struct cast_list *list); /* NULL: empty */

/* Copies everything. `unused` is a list of records to take from and, in cast_free(), to give back
 * to; cast_release_all() ends it. */
struct cast *cast_new(struct cast **unused, const struct ledger_ballot *ballot);
void cast_free(struct cast **unused, struct cast *cast);
void cast_release_all(struct cast **unused);

#endif
