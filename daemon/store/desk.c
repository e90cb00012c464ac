/* The desk's life, and reading: one call that answers with everything asked for. Before the first
 * call, and whenever the function is found missing, the libraries are looked after. */
#include "store/desk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/desk_impl.h"
#include "store/library.h"

static const char *const hash_names[DESK_HASHES] = {
    [DESK_RECORD] = "record",
    [DESK_PEOPLE] = "people",
    [DESK_SHEETS] = "sheets",
    [DESK_RULINGS] = "rulings",
    [DESK_METRICS] = "metrics",
    [DESK_REQUESTS] = "requests",
    [DESK_RESULTS] = "results",
};

/* ---- life ---- */

static void make_key(const char *round, const char *name, char ret_key[DESK_KEY_MAX])
{
	snprintf(ret_key, DESK_KEY_MAX, "{%s}:%s", round, name);
}

struct desk *desk_new(
    struct event_base *base, struct redis *redis, const struct desk_options *options)
{
	struct desk *desk;

	/* "{…}:revisions" must fit; the names of rounds are far shorter. */
	if (strlen(options->round) > DESK_KEY_MAX - 32)
		return NULL;
	desk = calloc(1, sizeof(*desk));
	if (!desk)
		return NULL;
	desk->base = base;
	desk->redis = redis;
	for (int i = 0; i < DESK_HASHES; i++)
		make_key(options->round, hash_names[i], desk->keys[i]);
	make_key(options->round, "audit", desk->audit_key);
	make_key(options->round, "revisions", desk->revisions_key);
	make_key(options->round, "turnout", desk->turnout_key);
	desk_genesis(options->round, desk->genesis);
	desk->awaiting_library.tail = &desk->awaiting_library.head;
	desk_updates_init(desk);
	return desk;
}

void desk_free(struct desk *desk)
{
	if (!desk)
		return;
	desk_updates_release(desk);
	free(desk);
}

/* Damage meets every call anew: a line a second is enough. */
void desk_log_damage(struct desk *desk, const char *what, struct slice text)
{
	int64_t now_ms = clock_steady_ms();

	if (desk->damage_logged_ms && now_ms - desk->damage_logged_ms < 1000)
		return;
	desk->damage_logged_ms = now_ms;
	log_error("%s: %s: %.*s", desk->keys[DESK_RECORD], what,
	    (int)(text.len < 200 ? text.len : 200), text.len ? text.ptr : "");
}

/* ---- asking ---- */

static void send_asking(struct desk *desk, struct desk_asking *asking);

static void on_library(void *arg, int error, const char *why)
{
	struct desk *desk = arg;
	struct desk_asking *asking = desk->awaiting_library.head, *next;

	if (error == -EEXIST)
		log_error("%s: %s", desk->keys[DESK_RECORD], why);
	desk->library_awaited = false;
	desk->library_there = error == 0;
	desk->awaiting_library.head = NULL;
	desk->awaiting_library.tail = &desk->awaiting_library.head;
	for (; asking; asking = next) {
		next = asking->next;
		if (error == 0)
			send_asking(desk, asking);
		else
			asking->got(asking, -EAGAIN, NULL);
	}
}

void desk_library_gone(struct desk *desk)
{
	desk->library_there = false;
}

static void await_library(struct desk *desk, struct desk_asking *asking)
{
	asking->next = NULL;
	*desk->awaiting_library.tail = asking;
	desk->awaiting_library.tail = &asking->next;
	if (desk->library_awaited)
		return;
	desk->library_awaited = true;
	library_ensure(desk->redis, on_library, desk);
}

static void asking_refused(struct desk_asking *asking, const struct redis_reply *error)
{
	struct desk *desk = asking->desk;

	switch (library_refusal(error)) {
	case REFUSED_MISSING:
		desk_library_gone(desk);
		if (!asking->sent_before) {
			asking->sent_before = true;
			await_library(desk, asking);
			return;
		}
		asking->got(asking, -EAGAIN, NULL);
		return;
	case REFUSED_FOR_NOW:
	case REFUSED_BEHIND:
	case REFUSED_ALONE:
		asking->got(asking, -EAGAIN, NULL);
		return;
	case REFUSED_RULES:
	case REFUSED_DAMAGED:
		break;
	}
	desk_log_damage(desk, "cannot be read", redis_reply_text(error));
	asking->got(asking, -EBADMSG, NULL);
}

static void on_asked(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct desk_asking *asking = arg;
	struct desk_view view;
	int r;

	if (outcome != REDIS_OK) {
		asking->got(asking, -EAGAIN, NULL);
		return;
	}
	if (redis_reply_kind(reply) == REDIS_ERROR) {
		asking_refused(asking, reply);
		return;
	}
	r = desk_view_init(&view, &asking->wants, reply);
	if (r == -EBADMSG)
		desk_log_damage(asking->desk, "cannot be read", slice_text("not a record"));
	asking->got(asking, r, r < 0 ? NULL : &view);
	if (r == 0)
		desk_view_release(&view);
}

/* The texts "0" … "16". */
static struct slice small_number(size_t n)
{
	static const char digits[] = "0123456789";
	static const char teens[] = "10111213141516";

	return n < 10 ? slice_make(digits + n, 1) : slice_make(teens + 2 * (n - 10), 2);
}

_Static_assert(DESK_WANTS_MAX <= 16, "small_number() has a text for each number of wants");

/* Of one hash: how many fields, 0 for all, and the fields. */
static size_t put_fields(
    const struct desk_wants *wants, enum desk_hash hash, struct slice *ret_argv)
{
	size_t n = 0;

	if (!wants->all[hash]) {
		for (size_t i = 0; i < wants->n; i++) {
			if (wants->fields[i].hash == hash)
				ret_argv[++n] = slice_text(wants->fields[i].name);
		}
	}
	ret_argv[0] = small_number(n);
	return n + 1;
}

static void send_asking(struct desk *desk, struct desk_asking *asking)
{
	struct slice argv[3 + 2 * DESK_HASHES + DESK_WANTS_MAX];
	size_t n = 3;

	argv[0] = slice_text("FCALL");
	argv[1] = slice_text("desk_read_1");
	for (int hash = 0; hash < DESK_HASHES; hash++) {
		if (hash == DESK_RECORD || desk_wants_hash(&asking->wants, (enum desk_hash)hash))
			argv[n++] = slice_text(desk->keys[hash]);
	}
	argv[2] = small_number(n - 3);
	for (int hash = 0; hash < DESK_HASHES; hash++) {
		if (desk_wants_hash(&asking->wants, (enum desk_hash)hash))
			n += put_fields(&asking->wants, (enum desk_hash)hash, argv + n);
	}
	redis_call(desk->redis, on_asked, asking, n, argv);
}

void desk_ask(struct desk *desk, struct desk_asking *asking)
{
	asking->desk = desk;
	asking->sent_before = false;
	if (desk->library_there)
		send_asking(desk, asking);
	else
		await_library(desk, asking);
}

/* ---- reading ---- */

struct reading {
	struct desk_asking asking;
	desk_view_cb *cb;
	void *arg;
};

static void on_read(struct desk_asking *asking, int error, const struct desk_view *view)
{
	struct reading *reading = (struct reading *)asking;

	(void)error;
	reading->cb(reading->arg, view);
	free(reading);
}

_Static_assert(offsetof(struct reading, asking) == 0, "a reading is its asking");

void desk_read(
    struct desk *desk, const struct desk_want *wants, size_t n, desk_view_cb *cb, void *arg)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	if (!reading)
		abort(); /* nobody could be told of the failure */
	reading->cb = cb;
	reading->arg = arg;
	reading->asking.got = on_read;
	desk_wants_init(&reading->asking.wants, wants, n);
	desk_ask(desk, &reading->asking);
}
