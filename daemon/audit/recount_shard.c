/* One shard: its counters at one moment, its ballots up to there, its buckets.
 *
 *   recount_shard -> look -> read_counters -> feed -> compare_counters -> tokens_compare ->
 *   compare_issued */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/recount_impl.h"
#include "crypto/digest.h"

enum { BALLOTS_AT_ONCE = 4096 };

/* ---- the seal, before the counters: what is sealed is in the log by then ---- */

struct looking {
	struct shard_recount *shard;
	bool first;
	bool any;             /* it answered */
	uint64_t issued;      /* tokens that the shard has recorded */
	bool note_is_current; /* the signed note tells of them all */
};

static void take_view(struct shard_recount *shard, const struct seal_view *view)
{
	struct recount_shard *told = shard->told;

	told->latched = view->latched;
	told->size = view->log_size; /* until the counters give another */
	if (view->latched && view->latched_size != view->log_size)
		findings_add(shard->findings, "log",
		    "shard %u: was closed with %" PRIu64 " ballots, and its log has %" PRIu64,
		    shard->number, view->latched_size, view->log_size);
	if (view->epoch > 1 && !view->statement.ptr)
		findings_add(shard->findings, "log",
		    "shard %u: epoch %" PRIu64 " has no statement of how the one before ended",
		    shard->number, view->epoch);
	if (view->halt.ptr)
		findings_add(shard->findings, "log", "shard %u: sealing has halted: %.*s",
		    shard->number, (int)view->halt.len, view->halt.ptr);
	tree_begin(shard, view);
}

static void on_look(void *arg, int error, const struct seal_view *view)
{
	struct looking *looking = arg;
	struct shard_recount *shard = looking->shard;

	if (error == -EBADMSG || error == -ENOENT) {
		if (looking->first) {
			findings_add(shard->findings, "log",
			    "shard %u: its log, or what is said of it, is damaged, so its "
			    "checkpoint was not compared",
			    shard->number);
			tree_begin(shard, NULL);
		}
		error = 0;
	} else if (error == 0) {
		uint64_t noted;
		looking->any = true;
		looking->issued = view->issued;
		if (looking->first)
			take_view(shard, view);
		looking->note_is_current =
		    tree_issued(view, shard->told->origin,
			shard->all->options->office->round->keys.log_key, &noted) == 0 &&
		    noted == view->issued;
	}
	await_done(&shard->all->await, error);
}

static int look(struct shard_recount *shard, bool first, struct looking *ret)
{
	*ret = (struct looking){.shard = shard, .first = first};
	seal_look(shard->all->seal, shard->number, false, on_look, ret);
	return await(&shard->all->await);
}

/* ---- counters ---- */

static void on_totals(void *arg, int error, const struct ledger_totals *totals)
{
	struct shard_recount *shard = arg;

	if (error == 0) {
		shard->count = count_new(totals);
		if (!shard->count)
			error = -ENOMEM;
	}
	await_done(&shard->all->await, error);
}

/* A shard that is damaged tells no totals, but perhaps its counters. `looked`: how many ballots it
 * has was told before. */
static int read_counters(struct shard_recount *shard, bool looked)
{
	struct ledger *ledger = shard->all->options->office->ledger;
	struct recount *recount = shard->all->recount;
	int r;

	shard->unsized = !looked;

	ledger_shard_totals(ledger, shard->number, on_totals, shard);
	r = await(&shard->all->await);
	if (r == 0) {
		const struct tally_input *input = &shard->count->input;
		shard->told->size = shard->count->totals.log_size;
		shard->unsized = false;
		if (input->phase < recount->phase)
			recount->phase = input->phase;
		if (input->now_ms > recount->now_ms)
			recount->now_ms = input->now_ms;
		return 0;
	}
	if (r != -EBADMSG)
		return r;
	shard->all->untold = true;
	ledger_shard_counters(ledger, shard->number, on_totals, shard);
	r = await(&shard->all->await);
	if (r != -EBADMSG)
		return r;
	findings_add(
	    shard->findings, "counters", "shard %u: its counters are damaged", shard->number);
	return 0;
}

/* ---- ballots ---- */

/* Whether whoever took it wrote this: what was put into Redis behind the daemon's back has no tag.
 */
static void check_tag(struct shard_recount *shard, const struct seal_ballot *ballot)
{
	struct retally_token before;
	uint8_t tag[TAG_SIZE];
	int64_t replaces = -1;

	if (retally_find(shard->retally, ballot->spent, &before) == 0)
		replaces = (int64_t)before.index;
	commitment_tag(
	    shard->all->salt, shard->tree.identity, replaces, ballot->spent, ballot->ballot, tag);
	if (memcmp(tag, ballot->tag, TAG_SIZE) != 0)
		findings_add(shard->findings, "log",
		    "shard %u, index %" PRIu64
		    ": this ballot was not cast so: its tag is another's",
		    shard->number, ballot->index);
}

static int keep_spent(struct shard_recount *shard, const uint8_t spent[SPENT_SIZE])
{
	if (shard->n_spent == shard->cap_spent) {
		size_t cap = shard->cap_spent ? 2 * shard->cap_spent : 4096;
		uint8_t(*grown)[LEDGER_SPENT_SIZE] =
		    reallocarray(shard->spent, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		shard->spent = grown;
		shard->cap_spent = cap;
	}
	memcpy(shard->spent[shard->n_spent++], spent, SPENT_SIZE);
	return 0;
}

static int take_ballot(struct shard_recount *shard, const struct seal_ballot *ballot)
{
	char why[RETALLY_WHY_MAX];
	int r;

	if (keep_spent(shard, ballot->spent) < 0)
		return -ENOMEM;
	check_tag(shard, ballot);
	r = retally_add(
	    shard->retally, shard->number, ballot->index, ballot->spent, ballot->ballot, why);

	if (r == -EBADMSG)
		findings_add(shard->findings, "log", "%s", why);
	if (shard->tree_too)
		tree_take(shard, ballot);
	shard->next = ballot->index + 1;
	return r == -EBADMSG ? 0 : r;
}

/* What comes after the recount's size is followed only as far as it goes. */
static void note_unread(struct shard_recount *shard, int error)
{
	if (shard->unsized && error == 0) {
		findings_add(shard->findings, "counters",
		    "shard %u: nothing says how many ballots its log is to have, so its counters "
		    "were not compared",
		    shard->number);
	} else if (shard->tree_too) {
		shard->told->unread = true;
		findings_add(shard->findings, "log",
		    "shard %u: the log cannot be read from index %" PRIu64
		    " on; so these were not compared: counters, tokens, sizes of checkpoints",
		    shard->number, shard->next);
	} else if (error == -EBADMSG) {
		findings_add(shard->findings, "log",
		    "shard %u: the log cannot be read from index %" PRIu64 " on", shard->number,
		    shard->next);
	}
}

static void feed(struct shard_recount *shard);

static void on_ballots(void *arg, int error, const struct seal_ballot *ballots, size_t n_ballots)
{
	struct shard_recount *shard = arg;
	const struct recount_options *options = shard->all->options;

	if (error == -EBADMSG && shard->at_once > 1) { /* what stands before the damage counts */
		shard->at_once /= 2;
		feed(shard);
		return;
	}
	if (error == -EBADMSG || (error == 0 && n_ballots == 0)) {
		note_unread(shard, error);
		await_done(&shard->all->await, 0);
		return;
	}
	for (size_t i = 0; i < n_ballots && error == 0 && ballots[i].index < shard->end; i++)
		error = take_ballot(shard, &ballots[i]);
	if (options->progress)
		options->progress(
		    options->arg, "ballots", shard->next, shard->unsized ? 0 : shard->end);
	if (error < 0)
		await_done(&shard->all->await, error);
	else
		feed(shard);
}

static void feed(struct shard_recount *shard)
{
	uint64_t left = shard->end - shard->next;

	if (shard->next >= shard->end)
		await_done(&shard->all->await, 0);
	else
		seal_ballots(shard->all->seal, shard->number, shard->next,
		    left < shard->at_once ? (size_t)left : shard->at_once, on_ballots, shard);
}

int recount_feed(struct shard_recount *shard)
{
	shard->at_once = BALLOTS_AT_ONCE;
	feed(shard);
	return await(&shard->all->await);
}

static int count_ballots(struct shard_recount *shard)
{
	uint64_t size = shard->told->size; /* 0 where it is not known */
	int r;

	shard->end = shard->unsized ? UINT64_MAX : size;
	shard->tree_too = true;
	shard->retally = retally_new(
	    shard->all->options->office->round->contest, size < 1 << 24 ? (size_t)size : 1 << 24);
	if (!shard->retally)
		return -ENOMEM;
	r = recount_feed(shard);
	if (shard->unsized)
		shard->told->size = shard->next;
	if (r == 0)
		r = retally_count(shard->retally);
	if (r == 0)
		tree_end(shard);
	return r;
}

/* ---- comparing ---- */

static void compare_counter(
    struct shard_recount *shard, struct slice name, int64_t stored, int64_t counted)
{
	if (stored != counted)
		findings_add(shard->findings, "counters",
		    "shard %u: counter %.*s is %" PRId64 ", the log says %" PRId64, shard->number,
		    (int)name.len, name.ptr, stored, counted);
}

/* Both are sorted by name; one that is 0 may be left out of either. */
static void compare_counters(struct shard_recount *shard)
{
	size_t n = 0, k = 0, n_counted;
	const struct retally_counter *counted = retally_counters(shard->retally, &n_counted);
	const struct ledger_totals *stored = &shard->count->totals;

	compare_counter(shard, slice_text("ballots"), (int64_t)stored->ballots,
	    (int64_t)retally_ballots(shard->retally));
	while (n < stored->n_counters || k < n_counted) {
		struct slice a = n < stored->n_counters ? stored->counters[n].name : slice_text("");
		struct slice b = k < n_counted ? slice_text(counted[k].name) : slice_text("");
		size_t shorter = a.len < b.len ? a.len : b.len;
		int order = memcmp(a.ptr, b.ptr, shorter);
		if (order == 0)
			order = (a.len > b.len) - (a.len < b.len);
		if (n == stored->n_counters)
			order = 1;
		else if (k == n_counted)
			order = -1;
		compare_counter(shard, order <= 0 ? a : b,
		    order <= 0 ? stored->counters[n].value : 0, order >= 0 ? counted[k].value : 0);
		n += order <= 0;
		k += order >= 0;
	}
}

static int add_counters(struct shard_recount *shard)
{
	json_t *sums = shard->all->counters;
	size_t n;
	const struct retally_counter *counted = retally_counters(shard->retally, &n);

	for (size_t i = 0; i < n; i++) {
		json_int_t sum = json_integer_value(json_object_get(sums, counted[i].name));
		if (json_object_set_new(
			sums, counted[i].name, json_integer(sum + counted[i].value)) != 0)
			return -ENOMEM;
	}
	return 0;
}

/* Whether the identities are as many follows from the audit log, too: recount.c. */
static void compare_issued(
    struct shard_recount *shard, const struct looking *before, const struct looking *after)
{
	shard->told->issued = after->any ? after->issued : shard->recorded;
	shard->told->recorded = shard->recorded;
	shard->told->said = before->issued;
	shard->told->said_after = after->issued;
	shard->told->said_any = before->any && after->any;
	if (shard->uncoded > 0)
		findings_add(shard->findings, "issued",
		    "shard %u: %" PRIu64 " of %" PRIu64
		    " tokens were issued for what is no invitation code",
		    shard->number, shard->uncoded, shard->recorded);
}

/* Only a closed shard must be sealed whole: while ballots come in, sealing follows in steps. */
static void compare_sealed(struct shard_recount *shard, const struct looking *after)
{
	struct recount_shard *told = shard->told;
	uint64_t size = told->sealed ? told->checkpoint.size : 0;

	if (!told->latched)
		return;
	if (!told->sealed || size < told->size)
		findings_add(shard->findings, "log",
		    "shard %u: %" PRIu64 " of %" PRIu64 " ballots are sealed", shard->number, size,
		    told->size);
	else if (!after->note_is_current)
		findings_add(shard->findings, "log",
		    "shard %u: the signed note of issued tokens does not tell of %" PRIu64
		    " of them",
		    shard->number, after->issued);
}

/* ---- the whole ---- */

static int compare_all(struct shard_recount *shard, const struct looking *before)
{
	struct looking after;
	int r;

	if (shard->count && !shard->told->unread && !shard->unsized)
		compare_counters(shard);
	shard->told->ballots = retally_ballots(shard->retally);
	shard->told->superseded = retally_superseded(shard->retally);
	r = add_counters(shard);
	if (r == 0)
		r = codes_begin(shard);
	if (r == 0)
		r = tokens_compare(shard);
	if (r == 0)
		r = codes_end(shard);
	if (r == 0)
		r = look(shard, false, &after);
	if (r == 0) {
		compare_issued(shard, before, &after);
		compare_sealed(shard, &after);
	}
	return r;
}

int recount_shard(struct recounting *all, unsigned number)
{
	struct shard_recount *shard = calloc(1, sizeof(*shard));
	struct looking before;
	int r;

	if (!shard)
		return -ENOMEM;
	shard->all = all;
	shard->findings = &all->recount->findings;
	shard->number = number;
	shard->told = &all->recount->shards[number];
	shard->tree.dir = -1;
	r = look(shard, true, &before);
	if (r == 0)
		r = read_counters(shard, before.any);
	if (r == 0)
		r = count_ballots(shard);
	if (r == 0)
		r = compare_all(shard, &before);
	tree_release(shard);
	codes_release(shard);
	count_free(shard->count);
	retally_free(shard->retally);
	free(shard->late);
	free(shard->spent);
	free(shard);
	return r;
}
