/* Gathering, sending, holding: see redis_group.h. */
#include "store/redis_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/redis_link.h"
#include "store/redis_wire.h"

enum { TELL_FEW_EVERY_MS = 1000 };

struct errands {
	struct redis_errand *head, **tail;
};

struct redis_group {
	struct redis_node *node;
	struct redis_group_options options;
	struct errands gathered;
	struct errands sent; /* with the group that is on its way */
	bool on_its_way;
	bool marked; /* the small write was done */
	bool closing;
	int64_t told_few_ms;
	struct event turn;
	struct buf barrier; /* scratch: ASKING, SET, WAIT */
};

/* ---- lists ---- */

static void errands_init(struct errands *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

static void errands_put(struct errands *list, struct redis_errand *errand)
{
	errand->next = NULL;
	*list->tail = errand;
	list->tail = &errand->next;
}

static struct redis_errand *errands_take(struct errands *list)
{
	struct redis_errand *errand = list->head;

	if (errand && !(list->head = errand->next))
		list->tail = &list->head;
	return errand;
}

/* ---- the end of an errand ---- */

static void end(struct redis_group *group, struct redis_errand *errand, enum redis_outcome outcome)
{
	struct redis_reply *reply = errand->reply;

	errand->reply = NULL;
	group->options.on_done(errand, outcome, outcome == REDIS_OK ? reply : NULL);
	redis_reply_free(reply);
}

/* An error reply says that nothing was written, whatever replicas have. */
static void end_answered(struct redis_group *group, struct redis_errand *errand, bool enough)
{
	bool refused = errand->reply && redis_reply_kind(errand->reply) == REDIS_ERROR;

	if (errand->outcome == REDIS_OK && !enough && !refused)
		errand->outcome = REDIS_UNKNOWN;
	end(group, errand, errand->outcome);
}

/* ---- answers ---- */

static void on_written(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct redis_errand *errand = arg;

	errand->answered = true;
	errand->outcome = outcome;
	if (reply && !(errand->reply = redis_reply_copy(reply)))
		errand->outcome = REDIS_UNKNOWN;
	if (errand->alone)
		end_answered(errand->group, errand, false);
}

static void on_marked(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct redis_group *group = arg;

	group->marked = outcome == REDIS_OK && redis_reply_kind(reply) == REDIS_STATUS;
}

static void tell_few(struct redis_group *group, unsigned have)
{
	int64_t now_ms = clock_steady_ms();

	if (group->told_few_ms && now_ms - group->told_few_ms < TELL_FEW_EVERY_MS)
		return;
	group->told_few_ms = now_ms;
	group->options.on_few(group->options.arg, have, group->options.replicas);
}

static void on_waited(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct redis_group *group = arg;
	struct errands ended = {0};
	struct redis_errand *errand;
	bool answered = outcome == REDIS_OK && redis_reply_kind(reply) == REDIS_INTEGER;
	unsigned have = answered ? (unsigned)redis_reply_integer(reply) : 0;
	bool enough = answered && group->marked && have >= group->options.replicas;

	if (answered && have < group->options.replicas)
		tell_few(group, have);
	errands_init(&ended);
	while ((errand = errands_take(&group->sent)))
		errands_put(&ended, errand);
	group->on_its_way = false;
	while ((errand = errands_take(&ended))) {
		/* One that was never sent is told of in a turn of its own, maybe still to come. */
		if (errand->answered)
			end_answered(group, errand, enough);
		else
			errand->alone = true;
	}
	redis_group_flush(group);
}

/* ---- sending ---- */

static void next_turn(struct redis_group *group)
{
	static const struct timeval at_once = {0, 0};

	if (!evtimer_pending(&group->turn, NULL))
		evtimer_add(&group->turn, &at_once);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	redis_group_flush(arg);
}

static void send_errand(struct redis_group *group, struct redis_errand *errand)
{
	errand->group = group;
	errand->answered = errand->alone = false;
	if (errand->asking)
		redis_node_send_asking(group->node);
	redis_node_send(group->node, on_written, errand, redis_errand_wire(errand));
}

static void send_text(
    struct redis_group *group, redis_cb *cb, size_t argc, const struct slice *argv)
{
	buf_clear(&group->barrier);
	if (redis_wire(argc, argv, &group->barrier) != 0)
		abort(); /* likewise; some hundred bytes */
	redis_node_send(group->node, cb, group, buf_slice(&group->barrier));
}

/* `last` is the errand before it: its server has this key, too. */
static void send_barrier(struct redis_group *group, const struct redis_errand *last)
{
	char key[256], replicas[12], wait_ms[12];

	snprintf(key, sizeof(key), "{%.*s}:barrier", (int)last->tag.len, last->tag.ptr);
	snprintf(replicas, sizeof(replicas), "%u", group->options.replicas);
	snprintf(wait_ms, sizeof(wait_ms), "%u", group->options.wait_ms);
	group->marked = false;
	if (last->asking)
		redis_node_send_asking(group->node);
	send_text(group, on_marked, 3,
	    (struct slice[]){slice_text("SET"), slice_text(key), slice_text("")});
	send_text(group, on_waited, 3,
	    (struct slice[]){slice_text("WAIT"), slice_text(replicas), slice_text(wait_ms)});
}

void redis_group_flush(struct redis_group *group)
{
	struct redis_errand *errand, *last = NULL;

	if (group->closing)
		return;
	if (!group->on_its_way && group->gathered.head) {
		group->on_its_way = true;
		while ((errand = errands_take(&group->gathered))) {
			errands_put(&group->sent, errand);
			send_errand(group, errand);
			last = errand;
		}
		send_barrier(group, last);
	}
	redis_node_flush(group->node);
}

void redis_group_put(struct redis_group *group, struct redis_errand *errand)
{
	errands_put(&group->gathered, errand);
	next_turn(group);
}

/* ---- life ---- */

struct redis_group *redis_group_new(
    struct event_base *base, const struct redis_group_options *options)
{
	struct redis_group *group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	group->options = *options;
	errands_init(&group->gathered);
	errands_init(&group->sent);
	buf_init(&group->barrier, 1024);
	evtimer_assign(&group->turn, base, on_turn, group);
	group->node = redis_node_new(base, &options->node);
	if (!group->node) {
		free(group);
		return NULL;
	}
	return group;
}

void redis_group_free(struct redis_group *group)
{
	struct redis_errand *errand;

	if (!group)
		return;
	/* What was sent ends with the connection; what was not, afterwards. */
	group->closing = true;
	redis_node_free(group->node);
	while ((errand = errands_take(&group->gathered)))
		end(group, errand, REDIS_NOT_SENT);
	evtimer_del(&group->turn);
	buf_release(&group->barrier);
	free(group);
}

bool redis_group_is_connected(const struct redis_group *group)
{
	return redis_node_is_connected(group->node);
}

bool redis_group_is_idle(const struct redis_group *group)
{
	return !group->gathered.head && redis_node_is_idle(group->node);
}
