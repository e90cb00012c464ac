/* Decisions, one after another: read, decide, write if the log still ends where it ended; else read
 * again and decide anew. */
#include "store/desk_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "store/library.h"

enum { ROUNDS_MAX = 100 };

struct update {
	struct desk_asking asking;
	struct update *next;
	desk_decide_cb *decide;
	desk_done_cb *done;
	void *arg;
	struct desk_change change;
	unsigned rounds;
	enum desk_outcome outcome; /* of one refused */
};

_Static_assert(offsetof(struct update, asking) == 0, "an update is its asking");

static void start_next(struct desk *desk);

static void update_tell(struct update *update, enum desk_outcome outcome, uint64_t n)
{
	desk_change_release(&update->change);
	update->done(update->arg, outcome, n);
	free(update);
}

static void finish(struct update *update, enum desk_outcome outcome, uint64_t n)
{
	struct desk *desk = update->asking.desk;

	desk->updates = update->next;
	if (!desk->updates)
		desk->updates_tail = &desk->updates;
	desk->n_updates--;
	update_tell(update, outcome, n);
	desk->deciding = false;
	start_next(desk);
}

/* ---- one decision ---- */

static void decide_anew(struct update *update)
{
	desk_change_release(&update->change);
	if (++update->rounds >= ROUNDS_MAX) {
		finish(update, DESK_BUSY, 0);
		return;
	}
	desk_ask(update->asking.desk, &update->asking);
}

static void write_refused(struct update *update, const struct redis_reply *error)
{
	struct desk *desk = update->asking.desk;

	switch (library_refusal(error)) {
	case REFUSED_MISSING:
		desk_library_gone(desk);
		decide_anew(update);
		return;
	case REFUSED_FOR_NOW:
	case REFUSED_BEHIND:
	case REFUSED_ALONE:
		finish(update, DESK_BUSY, 0);
		return;
	case REFUSED_RULES:
	case REFUSED_DAMAGED:
		break;
	}
	desk_log_damage(desk, "cannot be written", redis_reply_text(error));
	finish(update, DESK_DAMAGED, 0);
}

static void on_written(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct update *update = arg;
	struct slice word;

	if (outcome != REDIS_OK) {
		finish(update, outcome == REDIS_NOT_SENT ? DESK_BUSY : DESK_UNKNOWN, 0);
		return;
	}
	if (redis_reply_kind(reply) == REDIS_ERROR) {
		write_refused(update, reply);
		return;
	}
	word = redis_reply_text(reply);
	if (slice_is(word, "written"))
		finish(update, DESK_WRITTEN, update->change.size + 1);
	else if (slice_is(word, "moved"))
		decide_anew(update);
	else if (slice_is(word, "late"))
		finish(update, DESK_LATE, 0);
	else
		finish(update, DESK_UNKNOWN, 0);
}

static void on_view(struct desk_asking *asking, int error, const struct desk_view *view)
{
	struct update *update = (struct update *)asking;
	struct desk *desk = asking->desk;

	if (error < 0) {
		finish(update, error == -EAGAIN ? DESK_BUSY : DESK_DAMAGED, 0);
		return;
	}
	if (!update->decide(update->arg, view, &update->change)) {
		finish(update, DESK_LEFT, 0);
		return;
	}
	if (desk_change_seal(&update->change, desk, view) < 0 ||
	    desk_change_send(&update->change, desk, on_written, update) < 0)
		finish(update, DESK_DAMAGED, 0);
}

static void start_next(struct desk *desk)
{
	if (desk->deciding || !desk->updates)
		return;
	desk->deciding = true;
	desk_ask(desk, &desk->updates->asking);
}

/* ---- refusing ---- */

static void refuse_later(struct desk *desk, struct update *update, enum desk_outcome outcome)
{
	static const struct timeval at_once = {0, 0};

	update->outcome = outcome;
	*desk->refused_tail = update;
	desk->refused_tail = &update->next;
	if (!evtimer_pending(&desk->turn, NULL))
		evtimer_add(&desk->turn, &at_once);
}

/* Only what is there now: a callback that asks again must not keep the loop. */
static void tell_refused(struct desk *desk)
{
	struct update *update = desk->refused, *next;

	desk->refused = NULL;
	desk->refused_tail = &desk->refused;
	for (; update; update = next) {
		next = update->next;
		update_tell(update, update->outcome, 0);
	}
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell_refused(arg);
}

/* ---- public ---- */

void desk_update(struct desk *desk, const struct desk_want *wants, size_t n, desk_decide_cb *decide,
    desk_done_cb *done, void *arg)
{
	struct update *update = calloc(1, sizeof(*update));

	if (!update)
		abort(); /* nobody could be told of the failure */
	update->decide = decide;
	update->done = done;
	update->arg = arg;
	update->asking.desk = desk;
	update->asking.got = on_view;
	desk_change_init(&update->change);
	desk_wants_init(&update->asking.wants, wants, n);
	if (desk->n_updates >= DESK_QUEUE_MAX) {
		refuse_later(desk, update, DESK_BUSY);
		return;
	}
	*desk->updates_tail = update;
	desk->updates_tail = &update->next;
	desk->n_updates++;
	start_next(desk);
}

void desk_updates_init(struct desk *desk)
{
	desk->updates_tail = &desk->updates;
	desk->refused_tail = &desk->refused;
	evtimer_assign(&desk->turn, desk->base, on_turn, desk);
}

/* The queue is empty by now: redis_free() has failed one decision after another. */
void desk_updates_release(struct desk *desk)
{
	tell_refused(desk);
	evtimer_del(&desk->turn);
}
