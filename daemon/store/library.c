/* Ensuring takes one library after another, on one master after another: LIST, LOAD where absent,
 * LIST again, compare. */
#include "store/library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Embedded by `ld -r -b binary`. */
extern const char _binary_daemon_store_ballot_lua_start[];
extern const char _binary_daemon_store_ballot_lua_end[];
extern const char _binary_daemon_store_desk_lua_start[];
extern const char _binary_daemon_store_desk_lua_end[];
extern const char _binary_daemon_store_seal_lua_start[];
extern const char _binary_daemon_store_seal_lua_end[];

static const struct library {
	const char *name, *start, *end;
} libraries[] = {
    {LIBRARY_BALLOT, _binary_daemon_store_ballot_lua_start, _binary_daemon_store_ballot_lua_end},
    {LIBRARY_DESK, _binary_daemon_store_desk_lua_start, _binary_daemon_store_desk_lua_end},
    {LIBRARY_SEAL, _binary_daemon_store_seal_lua_start, _binary_daemon_store_seal_lua_end},
};

enum { N_LIBRARIES = sizeof(libraries) / sizeof(*libraries) };

/* ---- having them ---- */

struct ensuring {
	struct redis *redis;
	library_cb *cb;
	void *arg;
	unsigned master; /* the server looked at, */
	size_t at;       /* and the library */
};

static struct slice code_of(const struct library *library)
{
	return slice_make(library->start, (size_t)(library->end - library->start));
}

static void finish(struct ensuring *e, int error, const char *why)
{
	e->cb(e->arg, error, why);
	free(e);
}

/* Ends a step that went wrong, with the server's own words where there are any. */
static bool failed(struct ensuring *e, enum redis_outcome outcome, const struct redis_reply *reply)
{
	char why[240];
	struct slice text;

	if (outcome != REDIS_OK) {
		finish(e, -EIO, "redis is not connected: no answer");
		return true;
	}
	if (redis_reply_kind(reply) != REDIS_ERROR)
		return false;
	text = redis_reply_text(reply);
	snprintf(why, sizeof(why), "redis: %.*s", (int)(text.len < 200 ? text.len : 200), text.ptr);
	finish(e, -EIO, why);
	return true;
}

/* The value behind "library_code" in the first (only) library of FUNCTION LIST's reply. */
static const struct redis_reply *code_in(const struct redis_reply *list)
{
	const struct redis_reply *library;

	if (redis_reply_count(list) == 0)
		return NULL;
	library = redis_reply_at(list, 0);
	for (size_t i = 0; i + 1 < redis_reply_count(library); i += 2) {
		if (slice_is(redis_reply_text(redis_reply_at(library, i)), "library_code"))
			return redis_reply_at(library, i + 1);
	}
	return NULL;
}

static void list(struct ensuring *e);
static void go_on(struct ensuring *e);

static void on_loaded(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct ensuring *e = arg;

	/* Another process may have been quicker; either way the list tells what is there now. */
	if (outcome == REDIS_OK && redis_reply_kind(reply) == REDIS_ERROR) {
		char there[64];

		snprintf(
		    there, sizeof(there), "ERR Library '%s' already exists", libraries[e->at].name);
		if (slice_starts(redis_reply_text(reply), there)) {
			list(e);
			return;
		}
	}
	if (!failed(e, outcome, reply))
		list(e);
}

static void on_listed(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct ensuring *e = arg;
	const struct library *library = &libraries[e->at];
	const struct redis_reply *code;
	char why[160];

	if (failed(e, outcome, reply))
		return;
	code = code_in(reply);
	if (!code) {
		redis_call_master(e->redis, e->master, on_loaded, e, 3,
		    (struct slice[]){slice_text("FUNCTION"), slice_text("LOAD"), code_of(library)});
	} else if (!slice_equal(redis_reply_text(code), code_of(library))) {
		snprintf(why, sizeof(why),
		    "the function library %s in Redis has other code than this program's",
		    library->name);
		finish(e, -EEXIST, why);
	} else if (++e->at < N_LIBRARIES) {
		list(e);
	} else {
		e->master++;
		e->at = 0;
		go_on(e);
	}
}

/* With the next master that is there; one that comes later is looked at then. */
static void go_on(struct ensuring *e)
{
	while (
	    e->master < redis_masters(e->redis) && !redis_master_is_connected(e->redis, e->master))
		e->master++;
	if (e->master < redis_masters(e->redis))
		list(e);
	else
		finish(e, 0, "");
}

static void list(struct ensuring *e)
{
	redis_call_master(e->redis, e->master, on_listed, e, 5,
	    (struct slice[]){slice_text("FUNCTION"), slice_text("LIST"), slice_text("LIBRARYNAME"),
		slice_text(libraries[e->at].name), slice_text("WITHCODE")});
}

void library_ensure(struct redis *redis, library_cb *cb, void *arg)
{
	struct ensuring *e = calloc(1, sizeof(*e));

	if (!e)
		abort(); /* nobody could be told of the failure */
	e->redis = redis;
	e->cb = cb;
	e->arg = arg;
	go_on(e);
}

/* ---- what error replies mean ---- */

static bool first_word_is(struct slice text, const char *word)
{
	size_t n = strlen(word);

	return slice_starts(text, word) && (text.len == n || text.ptr[n] == ' ');
}

/* The words are those of Redis 7 (src/server.c, createSharedObjects) and of our libraries. */
enum refusal library_refusal(const struct redis_reply *error)
{
	static const char *const for_now[] = {"LOADING", "OOM", "READONLY", "BUSY", "MISCONF",
	    "NOREPLICAS", "CLUSTERDOWN", "MASTERDOWN", "MOVED", "ASK", "NOPERM", "NOAUTH"};
	struct slice text = redis_reply_text(error);

	for (size_t i = 0; i < sizeof(for_now) / sizeof(*for_now); i++) {
		if (first_word_is(text, for_now[i]))
			return REFUSED_FOR_NOW;
	}
	if (first_word_is(text, "TRYAGAIN"))
		return REFUSED_ALONE;
	if (first_word_is(text, "RULESDIFFER"))
		return REFUSED_RULES;
	if (first_word_is(text, "BEHIND"))
		return REFUSED_BEHIND;
	if (slice_is(text, "ERR Function not found"))
		return REFUSED_MISSING;
	return REFUSED_DAMAGED;
}
