/* look -> on_totals -> on_record -> (the log has grown: on_everything) -> tell
 *                 \-> (Redis is behind: on_totals again, with what it has)
 *                 \-> (counters are damaged: on_alone) -> tell */
#include "office/lookout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define HEAD_SIZE 32

struct looker {
	struct looker *next;
	board_cb *cb;
	void *arg;
};

struct lookout {
	struct office *office;
	struct looker *first, **last;
	bool looking, all;      /* `all`: somebody asked for everything */
	uint64_t size, version; /* of the desk when `board` was made */
	char head[HEAD_SIZE];   /* likewise: the hash of its log's last entry */
	struct count *count;    /* of the look under way, then of the last one */
	struct board *board;    /* the newest; NULL: none yet */
	bool damage_told;
	bool behind;      /* the look under way goes by what Redis has all the same, */
	bool told_behind; /* or the one that is told does */
	const struct lookout_alone *alone; /* while it is told */
};

static void tell(struct lookout *lookout, bool good)
{
	struct looker *looker = lookout->first;

	lookout->first = NULL;
	lookout->last = &lookout->first;
	lookout->looking = lookout->all = false;
	lookout->told_behind = lookout->behind;
	while (looker) {
		struct looker *next = looker->next;

		looker->cb(looker->arg, good ? lookout->board : NULL, good ? lookout->count : NULL);
		free(looker);
		looker = next;
	}
}

/* Damage does not go away by itself: it is said once. */
static void tell_damage(struct lookout *lookout)
{
	if (!lookout->damage_told)
		log_error("contest %s: the record in Redis is damaged: see ops/runbook.md",
		    lookout->office->round->name);
	lookout->damage_told = true;
	tell(lookout, false);
}

static void keep_head(struct lookout *lookout, const struct desk_view *view)
{
	struct slice head = desk_get(view, DESK_RECORD, "head");

	memset(lookout->head, 0, HEAD_SIZE);
	if (head.len == HEAD_SIZE)
		memcpy(lookout->head, head.ptr, HEAD_SIZE);
}

static void on_everything(void *arg, const struct desk_view *view)
{
	struct lookout *lookout = arg;
	struct board *board;

	if (!view) {
		tell(lookout, false);
	} else if (board_make(office_contest(lookout->office), view, &lookout->count->input,
		       &board) != 0) {
		tell_damage(lookout);
	} else {
		board_free(lookout->board);
		lookout->board = board;
		lookout->size = desk_size(view);
		lookout->version = desk_version(view);
		keep_head(lookout, view);
		lookout->damage_told = false;
		tell(lookout, true);
	}
}

/* The log is shorter, or ends otherwise at the same length: Redis is an older one, whose version
 * may be the same by chance. */
static bool is_restored(const struct lookout *lookout, const struct desk_view *view)
{
	struct slice head = desk_get(view, DESK_RECORD, "head");

	return desk_size(view) < lookout->size ||
	       (desk_size(view) == lookout->size && head.len == HEAD_SIZE &&
		   memcmp(head.ptr, lookout->head, HEAD_SIZE) != 0);
}

static bool is_fresh(const struct lookout *lookout, const struct desk_view *view)
{
	return lookout->board && desk_version(view) == lookout->version &&
	       !is_restored(lookout, view) && (!lookout->all || desk_size(view) == lookout->size);
}

static void on_record(void *arg, const struct desk_view *view)
{
	struct lookout *lookout = arg;

	if (!view)
		tell(lookout, false);
	else if (!is_fresh(lookout, view))
		desk_read(
		    lookout->office->desk, board_wants, board_n_wants, on_everything, lookout);
	else if (board_refresh(office_contest(lookout->office), view, &lookout->count->input,
		     lookout->board) != 0)
		tell_damage(lookout);
	else
		tell(lookout, true);
}

static void on_alone(void *arg, const struct desk_view *view)
{
	struct lookout *lookout = arg;
	struct lookout_alone alone;

	if (!view) {
		tell(lookout, false);
	} else if (record_read(office_contest(lookout->office), view, &alone.record) != 0 ||
		   sealing_read(view, &alone.sealing) != 0) {
		tell_damage(lookout);
	} else {
		lookout->alone = &alone;
		tell(lookout, false);
		lookout->alone = NULL;
		sealing_release(&alone.sealing);
	}
}

static void on_totals(void *arg, int error, const struct ledger_totals *totals)
{
	struct lookout *lookout = arg;
	struct count *count = error == 0 ? count_new(totals) : NULL;

	if (error == -EBADMSG && !lookout->behind) {
		lookout->behind = true;
		ledger_totals_as_they_are(lookout->office->ledger, on_totals, lookout);
		return;
	}
	if (error == -EBADMSG) {
		desk_read(lookout->office->desk, NULL, 0, on_alone, lookout);
		return;
	}
	if (!count) {
		tell(lookout, false);
		return;
	}
	count_free(lookout->count);
	lookout->count = count;
	desk_read(lookout->office->desk, NULL, 0, on_record, lookout);
}

struct lookout *lookout_new(struct office *office)
{
	struct lookout *lookout = calloc(1, sizeof(*lookout));

	if (!lookout)
		return NULL;
	lookout->office = office;
	lookout->last = &lookout->first;
	return lookout;
}

void lookout_free(struct lookout *lookout)
{
	if (!lookout)
		return;
	count_free(lookout->count);
	board_free(lookout->board);
	free(lookout);
}

void lookout_look(struct lookout *lookout, enum look look, board_cb *cb, void *arg)
{
	struct looker *looker = malloc(sizeof(*looker));

	if (!looker) {
		cb(arg, NULL, NULL);
		return;
	}
	*looker = (struct looker){.cb = cb, .arg = arg};
	*lookout->last = looker;
	lookout->last = &looker->next;
	lookout->all |= look == LOOK_ALL;
	if (lookout->looking)
		return;
	lookout->looking = true;
	lookout->behind = false;
	ledger_totals(lookout->office->ledger, on_totals, lookout);
}

bool lookout_is_behind(const struct lookout *lookout)
{
	return lookout->told_behind;
}

const struct lookout_alone *lookout_alone(const struct lookout *lookout)
{
	return lookout->alone;
}
