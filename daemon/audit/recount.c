/* From shard to shard, then what only their sum can show, then the desk. */
#include "audit/recount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/recount_impl.h"
#include "base/clock.h"
#include "base/encode.h"
#include "contest/tally.h"
#include "crypto/digest.h"

#define LOOK_EVERY_MS 100
#define UNATTENDED    10 /* of the time to wait: where nobody has the lease */

/* ---- waiting for the sealer ---- */

struct waiting {
	struct recounting *all;
	unsigned number;
	bool settled;  /* nothing more is to be expected of this shard */
	bool attended; /* somebody holds the lease, so more is to be expected for sure */
};

/* Whether checkpoint and issued note tell of everything that the shard has. */
static bool is_sealed_whole(const struct waiting *waiting, const struct seal_view *view)
{
	const struct recount_options *options = waiting->all->options;
	const struct round *round = options->office->round;
	char origin[ORIGIN_MAX];
	uint64_t issued;

	return view->size >= view->log_size &&
	       commitment_origin(options->log_name, round->contest, waiting->number, origin) == 0 &&
	       commitment_epoch_origin(origin, view->epoch, origin) == 0 &&
	       tree_issued(view, origin, round->keys.log_key, &issued) == 0 &&
	       issued == view->issued;
}

static void on_look(void *arg, int error, const struct seal_view *view)
{
	struct waiting *waiting = arg;

	/* What is damaged, or stands still, is not waited for: it is named later. */
	waiting->settled =
	    !view || !view->latched || view->halt.ptr || is_sealed_whole(waiting, view);
	waiting->attended = view && view->until_ms > view->now_ms;
	await_done(&waiting->all->await, error == -EBADMSG || error == -ENOENT ? 0 : error);
}

static void on_pause(evutil_socket_t fd, short what, void *arg)
{
	struct recounting *all = arg;

	(void)fd;
	(void)what;
	await_done(&all->await, 0);
}

static int pause_a_moment(struct recounting *all)
{
	const struct timeval moment = {0, LOOK_EVERY_MS * 1000};

	if (event_base_once(all->options->base, -1, EV_TIMEOUT, on_pause, all, &moment) != 0)
		return -ENOMEM;
	return await(&all->await);
}

/* The notes of a shard that has just been closed are still to come. Where nobody seals, somebody
 * may be about to begin: that is given a part of the time. */
static int wait_for_sealer(struct recounting *all)
{
	int64_t start_ms = clock_steady_ms(), wait_ms = all->options->seal_wait_ms;
	unsigned number = 0;
	int r = 0;

	while (number < all->recount->n_shards && r == 0) {
		struct waiting waiting = {.all = all, .number = number};
		seal_look(all->seal, number, false, on_look, &waiting);
		r = await(&all->await);
		if (waiting.settled || clock_steady_ms() - start_ms >=
					   (waiting.attended ? wait_ms : wait_ms / UNATTENDED))
			number++;
		else if (r == 0)
			r = pause_a_moment(all);
	}
	return r;
}

/* ---- sums ---- */

static void add_up(struct recount *recount, bool issues)
{
	recount->latched = recount->sealed = true;
	for (unsigned i = 0; i < recount->n_shards; i++) {
		const struct recount_shard *shard = &recount->shards[i];
		recount->log_size += shard->size;
		recount->ballots += shard->ballots;
		recount->superseded += shard->superseded;
		recount->issued += shard->issued;
		recount->unread = recount->unread || shard->unread;
		recount->latched = recount->latched && shard->latched;
		recount->sealed =
		    recount->sealed && shard->sealed && shard->checkpoint.size == shard->size;
	}
	/* Tokens are recorded by identity and spent by token: only sums compare. */
	if (recount->ballots > recount->issued)
		findings_add(&recount->findings, "issued",
		    "%" PRIu64 " tokens are spent, and %" PRIu64 " were issued%s", recount->ballots,
		    recount->issued,
		    issues ? ""
			   : ", as far as the issuer's notes have been taken (tallyctl issued)");
}

static int64_t counter(void *arg, const char *name)
{
	return json_integer_value(json_object_get(arg, name));
}

static int make_rows(struct recounting *all)
{
	struct recount *recount = all->recount;
	const struct tally_input input = {.counter = counter,
	    .arg = all->counters,
	    .ballots = recount->ballots,
	    .log_size = recount->log_size};

	recount->rows = tally_rows(all->options->office->round->contest, &input);
	return recount->rows ? 0 : -ENOMEM;
}

/* ---- the whole ---- */

/* Every shard follows the record, and nobody else begins an epoch. */
static void compare_epochs(struct recount *recount)
{
	for (unsigned i = 0; i < recount->n_shards; i++) {
		uint64_t epoch = recount->shards[i].epoch;

		if (epoch > 0 && epoch != recount->desk.epoch)
			findings_add(&recount->findings, "log",
			    "shard %u: its seal is of epoch %" PRIu64
			    ", and the contest's record is in epoch %" PRIu64,
			    i, epoch, recount->desk.epoch);
	}
}

/* What was recorded lies between what was said before and after the buckets were read. */
static void compare_recorded(struct recount *recount, unsigned number)
{
	const struct recount_shard *shard = &recount->shards[number];

	if (recount->desk.forgotten && shard->recorded > 0)
		findings_add(&recount->findings, "issued",
		    "shard %u: %" PRIu64 " identities are recorded, and entry %" PRIu64
		    " of the audit log says that they are deleted; a server that runs deletes "
		    "them in a moment, so recount again",
		    number, shard->recorded, recount->desk.forgotten);
	else if (!recount->desk.forgotten && shard->said_any &&
		 (shard->recorded < shard->said || shard->recorded > shard->said_after))
		findings_add(&recount->findings, "issued",
		    "shard %u: %" PRIu64 " tokens are said to be issued, and %" PRIu64
		    " identities are recorded",
		    number, shard->said_after, shard->recorded);
}

/* The audit log is read behind the shards, so an act that came in between counts. */
static void compare_persons(struct recount *recount)
{
	for (unsigned i = 0; i < recount->n_shards; i++)
		compare_recorded(recount, i);
	if (recount->desk.forgotten && recount->desk.persons != recount->issued)
		findings_add(&recount->findings, "issued",
		    "%" PRIu64 " tokens are said to be issued, and entry %" PRIu64
		    " of the audit log says that %" PRIu64 " identities were deleted",
		    recount->issued, recount->desk.forgotten, recount->desk.persons);
}

/* A shard that tells nothing of itself is where the contest's record is. */
static void complete_moment(struct recounting *all)
{
	struct recount *recount = all->recount;

	if (!all->untold)
		return;
	if (recount->desk.phase < recount->phase)
		recount->phase = recount->desk.phase;
	if (recount->desk.now_ms > recount->now_ms)
		recount->now_ms = recount->desk.now_ms;
}

static int recount_all(struct recounting *all)
{
	const struct recount_options *options = all->options;
	struct recount *recount = all->recount;
	int r = wait_for_sealer(all);

	for (unsigned i = 0; i < recount->n_shards && r == 0; i++)
		r = recount_shard(all, i);
	if (r == 0) {
		add_up(recount, all->options->office->round->issues);
		r = make_rows(all);
	}
	if (r == 0)
		r = redesk_check(options->office, options->base, options->log_name,
		    &recount->findings, &recount->desk);
	if (r == 0) {
		compare_epochs(recount);
		if (all->options->office->round->issues) /* else identities are elsewhere */
			compare_persons(recount);
		complete_moment(all);
		r = codes_compare_acts(all);
	}
	return r == 0 && recount->findings.failed ? -ENOMEM : r;
}

static int prepare(struct recounting *all)
{
	const struct round *round = all->options->office->round;
	struct recount *recount = all->recount;

	recount->phase = PHASE_CORRECTED;
	recount->n_shards = round->contest->shards;
	recount->shards = calloc(recount->n_shards, sizeof(*recount->shards));
	all->counters = json_object();
	all->salt = hmac_key_new(slice_make(round->keys.salt, sizeof(round->keys.salt)));
	all->seal = seal_new(all->options->redis,
	    &(struct seal_options){
		.round = round->name, .packing = round->contest, .shards = recount->n_shards});
	if (!recount->shards || !all->counters || !all->salt || !all->seal)
		return -ENOMEM;
	return findings_init(&recount->findings);
}

int recount_make(const struct recount_options *options, struct recount **ret_recount)
{
	struct recount *recount = calloc(1, sizeof(*recount));
	struct recounting all = {
	    .options = options, .recount = recount, .await = {.base = options->base}};
	int r = recount ? prepare(&all) : -ENOMEM;

	if (r == 0)
		r = recount_all(&all);
	seal_free(all.seal);
	hmac_key_free(all.salt);
	json_decref(all.counters);
	free(all.codes.batches);
	if (r < 0)
		recount_free(recount);
	else
		*ret_recount = recount;
	return r;
}

void recount_free(struct recount *recount)
{
	if (!recount)
		return;
	findings_release(&recount->findings);
	json_decref(recount->rows);
	json_decref(recount->desk.batches);
	free(recount->shards);
	free(recount);
}

json_t *recount_log(const struct recount *recount)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < recount->n_shards; i++) {
		const struct recount_shard *shard = &recount->shards[i];
		char root[BASE64_SIZE(MERKLE_SIZE)];
		base64_encode(shard->checkpoint.root, MERKLE_SIZE, root);
		if (json_array_append_new(list,
			json_pack("{s:s, s:s, s:i, s:I}", "origin", shard->origin, "root", root,
			    "shard", (int)i, "size", (json_int_t)shard->checkpoint.size)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
