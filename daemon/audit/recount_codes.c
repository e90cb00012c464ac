/* Invitation codes by batch: what a shard's counters say lies between what they said before and
 * after the records were read; what all shards have of a batch is what its act made, a batch is
 * revoked in every shard where an act says so and nowhere else, and no more codes are revoked one
 * by one than acts name. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/recount_impl.h"

struct reading {
	struct shard_recount *shard;
	struct ledger_batch_list list;
};

static bool by_code(const struct recounting *all)
{
	return all->options->office->round->contest->admission == ADMISSION_CODES;
}

static int add(struct ledger_batch_list *list, const struct ledger_batch *batch)
{
	struct ledger_batch *sum = ledger_batch_at(list, batch->batch);

	if (!sum)
		return -ENOMEM;
	sum->made += batch->made;
	sum->issued += batch->issued;
	sum->revoked += batch->revoked;
	sum->off = sum->off || batch->off;
	return 0;
}

/* ---- a shard ---- */

static void on_batches(void *arg, int error, const struct ledger_batch *batches, size_t n)
{
	struct reading *reading = arg;
	struct shard_recount *shard = reading->shard;

	if (error == -EBADMSG) {
		if (!shard->codes_damaged)
			findings_add(shard->findings, "codes",
			    "shard %u: the counters of its invitation codes are damaged",
			    shard->number);
		shard->codes_damaged = true;
		error = 0;
	}
	for (size_t i = 0; i < n && error == 0; i++)
		error = add(&reading->list, &batches[i]);
	await_done(&shard->all->await, error);
}

static int read_counters(struct shard_recount *shard, struct ledger_batch_list *ret)
{
	struct reading reading = {.shard = shard};
	int r;

	ledger_shard_batches(
	    shard->all->options->office->ledger, shard->number, on_batches, &reading);
	r = await(&shard->all->await);
	*ret = reading.list;
	return r;
}

int codes_begin(struct shard_recount *shard)
{
	return by_code(shard->all) ? read_counters(shard, &shard->codes_before) : 0;
}

int codes_take(struct shard_recount *shard, const struct ledger_batch_list *codes)
{
	int r = 0;

	for (size_t i = 0; i < codes->n && r == 0; i++)
		r = add(&shard->codes, &codes->batches[i]);
	return r;
}

static void compare_counter(const struct shard_recount *shard, unsigned batch, const char *what,
    uint64_t before, uint64_t recorded, uint64_t after)
{
	if (recorded < before || recorded > after)
		findings_add(shard->findings, "codes",
		    "shard %u, batch %u: its counter says that %" PRIu64
		    " invitation codes were %s, and %" PRIu64 " of them are recorded",
		    shard->number, batch, after, what, recorded);
}

/* Every list has every batch by now. */
static void compare_counters(
    const struct shard_recount *shard, const struct ledger_batch_list *after)
{
	for (size_t i = 0; i < shard->codes.n && !shard->codes_damaged; i++) {
		const struct ledger_batch *is = &shard->codes.batches[i];
		const struct ledger_batch *was = &shard->codes_before.batches[i];
		const struct ledger_batch *now = &after->batches[i];

		compare_counter(shard, is->batch, "made", was->made, is->made, now->made);
		compare_counter(shard, is->batch, "used", was->issued, is->issued, now->issued);
		compare_counter(
		    shard, is->batch, "revoked", was->revoked, is->revoked, now->revoked);
	}
}

/* Places in one list for all batches of another one. */
static int fill(struct ledger_batch_list *list, const struct ledger_batch_list *other)
{
	for (size_t i = 0; i < other->n; i++)
		if (!ledger_batch_at(list, other->batches[i].batch))
			return -ENOMEM;
	return 0;
}

static int fill_all(struct shard_recount *shard, struct ledger_batch_list *after)
{
	int r = fill(&shard->codes, &shard->codes_before);

	if (r == 0)
		r = fill(&shard->codes, after);
	if (r == 0)
		r = fill(&shard->codes_before, &shard->codes);
	return r == 0 ? fill(after, &shard->codes) : r;
}

int codes_end(struct shard_recount *shard)
{
	struct ledger_batch_list after = {0};
	int r = by_code(shard->all) ? read_counters(shard, &after) : 0;

	if (r == 0)
		r = fill_all(shard, &after);
	if (r == 0)
		compare_counters(shard, &after);
	for (size_t i = 0; i < shard->codes.n && r == 0; i++) {
		shard->codes.batches[i].off = after.batches[i].off;
		r = add(&shard->all->codes, &shard->codes.batches[i]);
	}
	free(after.batches);
	return r;
}

void codes_release(struct shard_recount *shard)
{
	free(shard->codes.batches);
	free(shard->codes_before.batches);
}

/* ---- all of them, and the acts ---- */

/* While the contest runs a batch may be on its way into Redis; one that was taken back may stay as
 * far as it came. */
static bool may_lack(const struct recount *recount, const struct ledger_batch *batch)
{
	return batch->off || !recount->latched;
}

static void compare_act(
    struct recount *recount, const struct ledger_batch *batch, const json_t *act)
{
	uint64_t count = (uint64_t)json_integer_value(json_object_get(act, "count"));

	if (!act)
		findings_add(&recount->findings, "codes",
		    "batch %u: %" PRIu64
		    " invitation codes are recorded, and no entry of the audit log made them",
		    batch->batch, batch->made);
	else if (batch->made > count)
		findings_add(&recount->findings, "codes",
		    "batch %u: %" PRIu64
		    " invitation codes are recorded, and its entry in the audit log says %" PRIu64,
		    batch->batch, batch->made, count);
	else if (batch->made < count && !may_lack(recount, batch))
		findings_add(&recount->findings, "codes",
		    "batch %u: %" PRIu64
		    " invitation codes are recorded, and its entry in the audit log says %" PRIu64
		    "; if making it was interrupted, take it back (tallyctl codes revoke --batch "
		    "%u)",
		    batch->batch, batch->made, count, batch->batch);
	if (act && batch->off && !json_is_true(json_object_get(act, "off")))
		findings_add(&recount->findings, "codes",
		    "batch %u: is revoked, and no entry of the audit log says so", batch->batch);
}

/* Acts come before what they do, so shards are asked once more, after the acts were read. */
struct asking {
	struct recounting *all;
	unsigned shard;
};

static bool is_off(const struct ledger_batch *batches, size_t n, const char *number)
{
	for (size_t i = 0; i < n; i++)
		if (batches[i].batch == strtoul(number, NULL, 10))
			return batches[i].off;
	return false;
}

static void on_batches_again(void *arg, int error, const struct ledger_batch *batches, size_t n)
{
	struct asking *asking = arg;
	struct recounting *all = asking->all;
	const char *number;
	json_t *act;

	if (error == 0) {
		json_object_foreach(all->recount->desk.batches, number, act)
		{
			if (json_is_true(json_object_get(act, "off")) &&
			    !is_off(batches, n, number))
				findings_add(&all->recount->findings, "codes",
				    "shard %u, batch %s: an entry of the audit log says that it is "
				    "revoked, and it is not, so its codes admit; if revoking it "
				    "was interrupted, do it again (tallyctl codes revoke --batch "
				    "%s)",
				    asking->shard, number, number);
		}
	}
	/* Damaged: that was told with the shard. */
	await_done(&all->await, error == -EBADMSG ? 0 : error);
}

static int compare_off(struct recounting *all)
{
	int r = 0;

	for (unsigned i = 0; i < all->recount->n_shards && r == 0; i++) {
		struct asking asking = {.all = all, .shard = i};

		ledger_shard_batches(all->options->office->ledger, i, on_batches_again, &asking);
		r = await(&all->await);
	}
	return r;
}

/* Acts name codes before it is known which of them were used or revoked already, so fewer tell
 * nothing. */
static void compare_revoked(const struct recounting *all)
{
	uint64_t revoked = 0, named = all->recount->desk.codes_revoked;

	for (size_t i = 0; i < all->codes.n; i++)
		revoked += all->codes.batches[i].revoked;
	if (revoked > named)
		findings_add(&all->recount->findings, "codes",
		    "%" PRIu64
		    " invitation codes are revoked one by one, and the audit log's entries "
		    "name %" PRIu64 " at most",
		    revoked, named);
}

int codes_compare_acts(struct recounting *all)
{
	const json_t *acts = all->recount->desk.batches;
	const char *number;
	json_t *act;

	if (!by_code(all))
		return 0;
	json_object_foreach((json_t *)(uintptr_t)acts, number, act)
	{
		if (!ledger_batch_at(&all->codes, (unsigned)strtoul(number, NULL, 10)))
			return -ENOMEM;
	}
	for (size_t i = 0; i < all->codes.n; i++) {
		char name[24];

		(void)snprintf(name, sizeof(name), "%u", all->codes.batches[i].batch);
		compare_act(all->recount, &all->codes.batches[i], json_object_get(acts, name));
	}
	compare_revoked(all);
	return compare_off(all);
}
