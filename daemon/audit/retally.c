/* Tokens in one table with open places: token, index and number of its last ballot. What the
 * ballots say is kept in audit/ballotset. */
#include "audit/retally.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/ballotset.h"
#include "audit/keyedhash.h"
#include "base/encode.h"
#include "contest/form.h"
#include "contest/tally.h"

#define FIRST_CAP 1024

/* 28 bytes, and at most four of five are taken: 35 to 53 bytes a token. */
struct token {
	uint8_t spent[SPENT_SIZE];
	uint32_t ballot; /* in the set */
	uint32_t index_low;
	uint16_t index_high;
	uint8_t times; /* ballots of this token; 0: the place is free */
	bool marked;
};

_Static_assert(sizeof(struct token) == 28, "tokens are many");

struct retally {
	const struct contest *contest;
	struct keyedhash hash;
	struct token *tokens;
	size_t n, cap;
	struct ballotset *ballots;
	uint64_t *sizes; /* of the shards' logs */
	uint64_t superseded;
};

/* ---- tokens ---- */

static struct token *place_of(
    const struct retally *retally, struct token *tokens, size_t cap, const uint8_t *spent)
{
	size_t at = keyedhash_place(keyedhash(&retally->hash, spent, SPENT_SIZE), cap);

	while (tokens[at].times > 0 && memcmp(tokens[at].spent, spent, SPENT_SIZE) != 0)
		at = at + 1 < cap ? at + 1 : 0;
	return &tokens[at];
}

static struct token *find(const struct retally *retally, const uint8_t *spent)
{
	return place_of(retally, retally->tokens, retally->cap, spent);
}

static int widen(struct retally *retally, size_t cap)
{
	struct token *wider = calloc(cap, sizeof(*wider));

	if (!wider)
		return -ENOMEM;
	for (size_t i = 0; i < retally->cap; i++) {
		const struct token *token = &retally->tokens[i];
		if (token->times > 0)
			*place_of(retally, wider, cap, token->spent) = *token;
	}
	free(retally->tokens);
	retally->tokens = wider;
	retally->cap = cap;
	return 0;
}

static uint64_t index_of(const struct token *token)
{
	return (uint64_t)token->index_high << 32 | token->index_low;
}

static void describe(
    const struct retally *retally, const struct token *token, struct retally_token *ret)
{
	*ret = (struct retally_token){.index = index_of(token),
	    .replacements = token->times - 1U,
	    .marked = token->marked,
	    .ballot = ballotset_text(retally->ballots, token->ballot)};
}

unsigned retally_shard_of(const struct retally *retally, const uint8_t spent[SPENT_SIZE])
{
	return contest_shard_of(retally->contest, spent);
}

int retally_find(
    const struct retally *retally, const uint8_t spent[SPENT_SIZE], struct retally_token *ret_token)
{
	const struct token *token = find(retally, spent);

	if (token->times == 0)
		return -ENOENT;
	describe(retally, token, ret_token);
	return 0;
}

void retally_mark(struct retally *retally, const uint8_t spent[SPENT_SIZE])
{
	struct token *token = find(retally, spent);

	if (token->times > 0)
		token->marked = true;
}

int retally_each(const struct retally *retally, retally_each_cb *each, void *arg)
{
	int r = 0;

	for (size_t i = 0; i < retally->cap && r == 0; i++) {
		const struct token *token = &retally->tokens[i];
		struct retally_token told;

		if (token->times == 0)
			continue;
		describe(retally, token, &told);
		r = each(arg, token->spent, &told);
	}
	return r;
}

/* ---- ballots ---- */

__attribute__((format(printf, 4, 5))) static int refuse(
    char *why, unsigned shard, uint64_t index, const char *format, ...)
{
	int len = snprintf(why, RETALLY_WHY_MAX, "shard %u, index %" PRIu64 ": ", shard, index);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why + len, RETALLY_WHY_MAX - (size_t)len, format, args);
	va_end(args);
	return -EBADMSG;
}

/* Whether a ballot can stand at this place of the shard's log; the log goes on behind it. */
static int take_place(
    struct retally *retally, unsigned shard, uint64_t index, char ret_why[RETALLY_WHY_MAX])
{
	if (shard >= retally->contest->shards)
		return refuse(ret_why, shard, index, "there are shards 0 to %u only",
		    retally->contest->shards - 1);

	uint64_t next = retally->sizes[shard];
	if (index < next || index >> 48 != 0)
		return refuse(
		    ret_why, shard, index, "it stands behind index %" PRIu64, next ? next - 1 : 0);
	retally->sizes[shard] = index + 1;
	if (index > next)
		return refuse(ret_why, shard, index,
		    "index %" PRIu64 " was to come next: ballots are missing", next);
	return 0;
}

/* Whether the token, which has cast before, may cast again. */
static int may_replace(const struct retally *retally, const struct token *token, unsigned shard,
    uint64_t index, char ret_why[RETALLY_WHY_MAX])
{
	if (retally->contest->revote != REVOTE_REPLACE)
		return refuse(ret_why, shard, index,
		    "this token's ballot stands at index %" PRIu64
		    ", and ballots are not replaced here",
		    index_of(token));
	if (token->times > RETALLY_REPLACEMENTS)
		return refuse(ret_why, shard, index,
		    "this token has replaced its ballot %d times before, and once more is too "
		    "often",
		    RETALLY_REPLACEMENTS);
	return 0;
}

static int put(struct retally *retally, const uint8_t *spent, uint64_t index, uint32_t ballot)
{
	struct token *token = find(retally, spent);

	if (token->times == 0 && 5 * (retally->n + 1) > 4 * retally->cap) {
		if (widen(retally, retally->cap + retally->cap / 2) < 0)
			return -ENOMEM;
		token = find(retally, spent);
	}
	if (token->times == 0) {
		memcpy(token->spent, spent, SPENT_SIZE);
		retally->n++;
	} else {
		ballotset_fall(retally->ballots, token->ballot);
		retally->superseded++;
	}
	ballotset_stand(retally->ballots, ballot);
	token->ballot = ballot;
	token->index_low = (uint32_t)index;
	token->index_high = (uint16_t)(index >> 32);
	token->times++;
	return 0;
}

int retally_add(struct retally *retally, unsigned shard, uint64_t index,
    const uint8_t spent[SPENT_SIZE], struct slice ballot, char ret_why[RETALLY_WHY_MAX])
{
	uint32_t id;
	int r = take_place(retally, shard, index, ret_why);

	if (r == 0 && retally_shard_of(retally, spent) != shard)
		r = refuse(ret_why, shard, index, "this token belongs to shard %u",
		    retally_shard_of(retally, spent));
	if (r < 0)
		return r;

	const struct token *token = find(retally, spent);
	if (token->times > 0)
		r = may_replace(retally, token, shard, index, ret_why);
	if (r < 0)
		return r;
	r = ballotset_put(retally->ballots, ballot, &id);
	if (r == -EBADMSG)
		return refuse(ret_why, shard, index, "it is no ballot of the form %s",
		    retally->contest->form->name);
	return r == 0 ? put(retally, spent, index, id) : r;
}

/* ---- the count ---- */

uint64_t retally_ballots(const struct retally *retally)
{
	return retally->n;
}

uint64_t retally_superseded(const struct retally *retally)
{
	return retally->superseded;
}

uint64_t retally_size(const struct retally *retally, unsigned shard)
{
	return retally->sizes[shard];
}

uint64_t retally_log_size(const struct retally *retally)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < retally->contest->shards; i++)
		sum += retally->sizes[i];
	return sum;
}

int retally_count(struct retally *retally)
{
	return ballotset_count(retally->ballots);
}

const struct retally_counter *retally_counters(const struct retally *retally, size_t *ret_n)
{
	return ballotset_counters(retally->ballots, ret_n);
}

static int compare(const void *name, const void *counter)
{
	return strcmp(name, ((const struct retally_counter *)counter)->name);
}

int64_t retally_counter(void *arg, const char *name)
{
	size_t n;
	const struct retally_counter *list = retally_counters(arg, &n), *found = NULL;

	if (n > 0)
		found = bsearch(name, list, n, sizeof(*list), compare);
	return found ? found->value : 0;
}

json_t *retally_rows(struct retally *retally)
{
	const struct tally_input input = {.counter = retally_counter,
	    .arg = retally,
	    .ballots = retally->n,
	    .log_size = retally_log_size(retally)};

	return tally_rows(retally->contest, &input);
}

/* ---- life ---- */

struct retally *retally_new(const struct contest *contest, size_t expected)
{
	struct retally *retally = calloc(1, sizeof(*retally));

	if (!retally)
		return NULL;
	retally->contest = contest;
	retally->sizes = calloc(contest->shards, sizeof(*retally->sizes));
	retally->ballots = ballotset_new(contest);
	if (retally->sizes && retally->ballots && keyedhash_init(&retally->hash) == 0 &&
	    widen(retally, expected > FIRST_CAP ? expected + expected / 3 : FIRST_CAP) == 0)
		return retally;
	retally_free(retally);
	return NULL;
}

void retally_free(struct retally *retally)
{
	if (!retally)
		return;
	free(retally->tokens);
	free(retally->sizes);
	ballotset_free(retally->ballots);
	free(retally);
}
