/* What the parts of the desk share: desk.c (life, reading), desk_view.c (what was read),
 * desk_change.c (what is to be written), desk_update.c (decisions, one after another), desk_log.c
 * (audit log, revisions, turnout). For no one else. */
#ifndef TALLYD_STORE_DESK_IMPL_H
#define TALLYD_STORE_DESK_IMPL_H

#include <event2/event_struct.h>

#include "base/buf.h"
#include "store/desk.h"
#include "store/redis.h"

#define DESK_KEY_MAX  192
#define DESK_HASH_LEN 32

struct desk_asking;

struct desk_askings {
	struct desk_asking *head, **tail;
};

struct update;

struct desk {
	struct event_base *base;
	struct redis *redis;
	char keys[DESK_HASHES][DESK_KEY_MAX];
	char audit_key[DESK_KEY_MAX], revisions_key[DESK_KEY_MAX], turnout_key[DESK_KEY_MAX];
	uint8_t genesis[DESK_HASH_LEN];

	bool library_there; /* found to be this program's own, once */
	bool library_awaited;
	struct desk_askings awaiting_library;

	struct update *updates, **updates_tail; /* the first is under way */
	unsigned n_updates;
	bool deciding;
	struct update *refused, **refused_tail; /* to be told in the next turn */
	struct event turn;

	int64_t damage_logged_ms;
};

/* ---- desk_view.c ---- */

struct view_field {
	struct slice name, value;
};

struct view_column {
	struct view_field *fields; /* sorted by name */
	size_t n;
};

struct desk_view {
	int64_t now_ms;
	uint64_t size, version;
	struct slice head; /* empty: no entries yet */
	struct view_column columns[DESK_HASHES];
};

/* What is asked for, each field once. */
struct desk_wants {
	bool all[DESK_HASHES];
	size_t n;
	struct {
		enum desk_hash hash;
		char name[DESK_FIELD_MAX + 1];
	} fields[DESK_WANTS_MAX];
};

void desk_wants_init(struct desk_wants *wants, const struct desk_want *given, size_t n);
bool desk_wants_hash(const struct desk_wants *wants, enum desk_hash hash);

/* `reply` of desk_read_1 for these wants; borrowed by the view. 0, -EBADMSG, or -ENOMEM; only then
 * is there nothing to release. */
int desk_view_init(
    struct desk_view *view, const struct desk_wants *wants, const struct redis_reply *reply);
void desk_view_release(struct desk_view *view);

/* A whole number of at most 15 digits, as Redis keeps it. 0 or -EBADMSG. */
int desk_number(struct slice text, uint64_t *ret_number);

/* ---- desk.c ---- */

/* One reading, part of what it is for. `got` is told -EAGAIN (Redis away or refusing), -EBADMSG, or
 * -ENOMEM instead of a view, in a later turn. */
struct desk_asking {
	struct desk *desk;
	struct desk_wants wants;
	void (*got)(struct desk_asking *asking, int error, const struct desk_view *view);
	struct desk_asking *next; /* while it awaits the library */
	bool sent_before;
};

void desk_ask(struct desk *desk, struct desk_asking *asking);
/* The function was not there: the next call looks after it first. */
void desk_library_gone(struct desk *desk);
void desk_log_damage(struct desk *desk, const char *what, struct slice text);

/* ---- desk_change.c ---- */

struct change_op {
	enum desk_hash hash;
	bool unset;
	size_t field, field_len, value, value_len; /* in `text` */
};

struct desk_change {
	int error; /* the first; nothing is written then */
	struct buf text;
	struct change_op *ops;
	size_t n, cap;
	json_t *entry;
	char person[DESK_FIELD_MAX + 1]; /* of a revision; "": none */
	struct buf sheet;
	uint8_t salt[DESK_HASH_LEN];
	bool bump;
	int64_t before_ms;

	/* What it rests on, and what comes of it: desk_change_seal(). */
	uint64_t size;
	char head[DESK_HASH_LEN];
	size_t head_len;
	char *json;
	uint8_t hash[DESK_HASH_LEN];
};

void desk_change_init(struct desk_change *change);
void desk_change_release(struct desk_change *change);
/* Finishes the entry for the log as it stands in the view. 0, -EINVAL, -E2BIG, -ENOMEM. */
int desk_change_seal(
    struct desk_change *change, const struct desk *desk, const struct desk_view *view);
/* Calls desk_write_1. 0 or -ENOMEM: not called. */
int desk_change_send(const struct desk_change *change, struct desk *desk, redis_cb *cb, void *arg);

/* ---- desk_update.c ---- */

void desk_updates_init(struct desk *desk);
void desk_updates_release(struct desk *desk);

#endif
