/* Distinct ballots in one run of bytes, found through a table of their numbers; counters likewise.
 * A form's increments are asked for once a distinct ballot, not once a voter. */
#include "audit/ballotset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/keyedhash.h"
#include "base/encode.h"
#include "contest/form.h"

enum { BALLOT_MAX = UINT16_MAX, FIRST_CAP = 64 };

#define NONE UINT32_MAX

struct distinct {
	size_t at; /* in `texts`: u16be length, text */
	uint64_t standing;
};

/* A table of numbers, a power of two of them, at most half full. */
struct numbers {
	uint32_t *slots; /* NONE: free */
	size_t cap;
};

struct ballotset {
	const struct contest *contest;
	struct keyedhash hash;
	uint8_t *texts;
	size_t texts_len, texts_cap;
	struct distinct *ballots;
	size_t n, cap;
	struct numbers by_text;

	struct counter {
		char name[FORM_COUNTER_MAX];
		int64_t value;
	} * sums;
	size_t n_sums, cap_sums;
	struct numbers by_name;
	struct retally_counter *counters; /* those that are not 0, sorted */
	size_t n_counters;
};

/* ---- tables of numbers ---- */

static int numbers_make(struct numbers *ret, size_t cap)
{
	uint32_t *slots = reallocarray(NULL, cap, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	memset(slots, 0xFF, cap * sizeof(*slots));
	ret->slots = slots;
	ret->cap = cap;
	return 0;
}

static void numbers_put(struct numbers *numbers, uint64_t h, uint32_t number)
{
	size_t at = h & (numbers->cap - 1);

	while (numbers->slots[at] != NONE)
		at = (at + 1) & (numbers->cap - 1);
	numbers->slots[at] = number;
}

/* ---- life ---- */

struct ballotset *ballotset_new(const struct contest *contest)
{
	struct ballotset *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->contest = contest;
	if (keyedhash_init(&set->hash) == 0 && numbers_make(&set->by_text, FIRST_CAP) == 0 &&
	    numbers_make(&set->by_name, FIRST_CAP) == 0)
		return set;
	ballotset_free(set);
	return NULL;
}

void ballotset_free(struct ballotset *set)
{
	if (!set)
		return;
	free(set->texts);
	free(set->ballots);
	free(set->by_text.slots);
	free(set->sums);
	free(set->by_name.slots);
	free(set->counters);
	free(set);
}

/* ---- distinct ballots ---- */

struct slice ballotset_text(const struct ballotset *set, uint32_t id)
{
	const uint8_t *at = set->texts + set->ballots[id].at;

	return slice_make(at + 2, get_u16be(at));
}

static uint32_t find_text(const struct ballotset *set, uint64_t h, struct slice text)
{
	for (size_t at = h & (set->by_text.cap - 1);; at = (at + 1) & (set->by_text.cap - 1)) {
		uint32_t id = set->by_text.slots[at];

		if (id == NONE || slice_equal(ballotset_text(set, id), text))
			return id;
	}
}

/* Room for one more of `size` bytes each. */
static int grow(void **list, size_t *cap, size_t needed, size_t size)
{
	size_t larger = *cap > 0 ? *cap : FIRST_CAP;
	void *grown;

	if (needed <= *cap)
		return 0;
	while (larger < needed)
		larger += larger / 2;
	grown = reallocarray(*list, larger, size);
	if (!grown)
		return -ENOMEM;
	*list = grown;
	*cap = larger;
	return 0;
}

static int widen_by_text(struct ballotset *set)
{
	struct numbers wider;

	if (2 * (set->n + 1) <= set->by_text.cap)
		return 0;
	if (numbers_make(&wider, 2 * set->by_text.cap) < 0)
		return -ENOMEM;
	for (uint32_t id = 0; id < set->n; id++) {
		struct slice text = ballotset_text(set, id);
		numbers_put(&wider, keyedhash(&set->hash, text.ptr, text.len), id);
	}
	free(set->by_text.slots);
	set->by_text = wider;
	return 0;
}

static int put_new(struct ballotset *set, uint64_t h, struct slice text, uint32_t *ret_id)
{
	if (set->n == NONE ||
	    grow((void **)&set->texts, &set->texts_cap, set->texts_len + 2 + text.len, 1) < 0 ||
	    grow((void **)&set->ballots, &set->cap, set->n + 1, sizeof(*set->ballots)) < 0 ||
	    widen_by_text(set) < 0)
		return -ENOMEM;
	set->ballots[set->n] = (struct distinct){.at = set->texts_len};
	put_u16be(set->texts + set->texts_len, (uint16_t)text.len);
	memcpy(set->texts + set->texts_len + 2, text.ptr, text.len);
	set->texts_len += 2 + text.len;
	*ret_id = (uint32_t)set->n++;
	numbers_put(&set->by_text, h, *ret_id);
	return 0;
}

int ballotset_put(struct ballotset *set, struct slice ballot, uint32_t *ret_id)
{
	uint64_t h = keyedhash(&set->hash, ballot.ptr, ballot.len);
	uint32_t id = find_text(set, h, ballot);
	struct ballot read;

	if (id != NONE) {
		*ret_id = id;
		return 0;
	}
	if (ballot.len > BALLOT_MAX || ballot_read(set->contest, ballot, &read) < 0)
		return -EBADMSG;
	return put_new(set, h, ballot, ret_id);
}

void ballotset_stand(struct ballotset *set, uint32_t id)
{
	set->ballots[id].standing++;
}

void ballotset_fall(struct ballotset *set, uint32_t id)
{
	set->ballots[id].standing--;
}

/* ---- counters ---- */

static uint64_t hash_name(const struct ballotset *set, const char *name)
{
	return keyedhash(&set->hash, name, strlen(name));
}

static int widen_by_name(struct ballotset *set)
{
	struct numbers wider;

	if (2 * (set->n_sums + 1) <= set->by_name.cap)
		return 0;
	if (numbers_make(&wider, 2 * set->by_name.cap) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->n_sums; i++)
		numbers_put(&wider, hash_name(set, set->sums[i].name), i);
	free(set->by_name.slots);
	set->by_name = wider;
	return 0;
}

static int add_new(struct ballotset *set, uint64_t h, const char *name, int64_t value)
{
	if (grow((void **)&set->sums, &set->cap_sums, set->n_sums + 1, sizeof(*set->sums)) < 0 ||
	    widen_by_name(set) < 0)
		return -ENOMEM;
	struct counter *sum = &set->sums[set->n_sums];
	memcpy(sum->name, name, strlen(name) + 1);
	sum->value = value;
	numbers_put(&set->by_name, h, (uint32_t)set->n_sums++);
	return 0;
}

static int add(struct ballotset *set, const char *name, int64_t value)
{
	uint64_t h = hash_name(set, name);

	for (size_t at = h & (set->by_name.cap - 1);; at = (at + 1) & (set->by_name.cap - 1)) {
		uint32_t i = set->by_name.slots[at];

		if (i == NONE)
			return add_new(set, h, name, value);
		if (strcmp(set->sums[i].name, name) == 0) {
			set->sums[i].value += value;
			return 0;
		}
	}
}

static int add_ballot(struct ballotset *set, uint32_t id)
{
	struct form_increment list[CONTEST_INCREMENTS_MAX];
	struct ballot ballot;
	size_t n = 0;
	int r = ballot_read(set->contest, ballotset_text(set, id), &ballot);

	if (r == 0)
		n = set->contest->form->increments(set->contest, &ballot, list);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add(set, list[i].counter, list[i].by * (int64_t)set->ballots[id].standing);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct retally_counter *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void sort(struct ballotset *set)
{
	set->n_counters = 0;
	for (size_t i = 0; i < set->n_sums; i++) {
		if (set->sums[i].value != 0)
			set->counters[set->n_counters++] =
			    (struct retally_counter){set->sums[i].name, set->sums[i].value};
	}
	if (set->n_counters > 0)
		qsort(set->counters, set->n_counters, sizeof(*set->counters), compare);
}

int ballotset_count(struct ballotset *set)
{
	struct retally_counter *counters;
	int r = 0;

	for (size_t i = 0; i < set->n_sums; i++)
		set->sums[i].value = 0;
	for (uint32_t id = 0; id < set->n && r == 0; id++)
		r = set->ballots[id].standing > 0 ? add_ballot(set, id) : 0;
	counters = r == 0 ? reallocarray(set->counters, set->n_sums + 1, sizeof(*counters)) : NULL;
	if (!counters)
		return -ENOMEM;
	set->counters = counters;
	sort(set);
	return 0;
}

const struct retally_counter *ballotset_counters(const struct ballotset *set, size_t *ret_n)
{
	*ret_n = set->n_counters;
	return set->counters;
}
