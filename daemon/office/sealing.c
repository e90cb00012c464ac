/* Keeps in the contest's record that sealing has halted, and begins epochs. Knows neither trees nor
 * the logs in Redis: what was sealed is told to it. */
#include "office/sealing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/text.h"
#include "office/people.h"

#define SIZE_MAX_JSON INT64_C(9007199254740992) /* 2^53: what every reader of JSON can hold */

/* ---- reading ---- */

static json_t *parse(struct slice text)
{
	return json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
}

static bool read_number(const json_t *object, const char *name, json_int_t min, json_int_t *ret)
{
	const json_t *number = json_object_get(object, name);

	if (!json_is_integer(number) || json_integer_value(number) < min ||
	    json_integer_value(number) > SIZE_MAX_JSON)
		return false;
	*ret = json_integer_value(number);
	return true;
}

/* Cut to fit, between two characters. */
static void copy_why(const char *why, char ret_why[SEALING_WHY_MAX])
{
	size_t len = 0, size;
	uint32_t point;

	while (
	    (size = text_next(slice_text(why + len), &point)) > 0 && len + size < SEALING_WHY_MAX)
		len += size;
	memcpy(ret_why, why, len);
	ret_why[len] = '\0';
}

static int read_halt(struct slice text, struct sealing *sealing)
{
	json_t *halt = parse(text);
	const char *why = json_string_value(json_object_get(halt, "why"));
	json_int_t shard, at;
	bool good = why && read_number(halt, "shard", 0, &shard) && read_number(halt, "at", 0, &at);

	if (good) {
		sealing->halted = true;
		sealing->halt_shard = (unsigned)shard;
		sealing->halt_at_ms = at;
		copy_why(why, sealing->halt_why);
	}
	json_decref(halt);
	return good ? 0 : -EBADMSG;
}

static bool read_old(const json_t *json, struct sealing_old *ret_old)
{
	struct slice root = slice_text(json_string_value(json_object_get(json, "root")));
	json_int_t size, now;
	size_t len;

	if (!read_number(json, "size", 0, &size) || !read_number(json, "now", 0, &now) ||
	    base64_decode(root, ret_old->checkpoint.root, MERKLE_SIZE, &len) < 0 ||
	    len != MERKLE_SIZE)
		return false;
	ret_old->checkpoint.size = (uint64_t)size;
	ret_old->now = (uint64_t)now;
	return true;
}

static int read_olds(const json_t *list, struct sealing *sealing)
{
	size_t n = json_array_size(list);

	if (n == 0)
		return -EBADMSG;
	sealing->old = calloc(n, sizeof(*sealing->old));
	if (!sealing->old)
		return -ENOMEM;
	sealing->n_old = n;
	for (size_t i = 0; i < n; i++)
		if (!read_old(json_array_get(list, i), &sealing->old[i]))
			return -EBADMSG;
	return 0;
}

static int read_epoch(struct slice text, struct sealing *sealing)
{
	json_t *json = parse(text);
	json_int_t epoch, at;
	int r = -EBADMSG;

	if (read_number(json, "epoch", 2, &epoch) && read_number(json, "at", 0, &at)) {
		sealing->epoch = (uint64_t)epoch;
		r = read_olds(json_object_get(json, "old"), sealing);
	}
	json_decref(json);
	return r;
}

int sealing_read(const struct desk_view *view, struct sealing *ret_sealing)
{
	struct slice halt = desk_get(view, DESK_RECORD, "halt");
	struct slice epoch = desk_get(view, DESK_RECORD, "epoch");
	struct sealing sealing = {.epoch = 1};
	int r = 0;

	if (halt.ptr)
		r = read_halt(halt, &sealing);
	if (r == 0 && epoch.ptr)
		r = read_epoch(epoch, &sealing);
	if (r < 0)
		sealing_release(&sealing);
	else
		*ret_sealing = sealing;
	return r;
}

int sealing_read_begun(struct slice entry, struct sealing *ret_sealing)
{
	struct sealing sealing = {.epoch = 1};
	json_t *json = parse(entry);
	const char *act = json_string_value(json_object_get(json, "act"));
	json_int_t epoch;
	int r = -EBADMSG;

	if (act && strcmp(act, "log.new-epoch") != 0) {
		r = -ENOENT;
	} else if (act && read_number(json, "epoch", 2, &epoch)) {
		sealing.epoch = (uint64_t)epoch;
		r = read_olds(json_object_get(json, "old"), &sealing);
	}
	json_decref(json);
	if (r < 0)
		sealing_release(&sealing);
	else
		*ret_sealing = sealing;
	return r;
}

void sealing_release(struct sealing *sealing)
{
	free(sealing->old);
	*sealing = (struct sealing){.epoch = 1};
}

/* ---- changing ---- */

struct sealing_act {
	struct office *office;
	unsigned shard;          /* of a halt */
	struct sealing_old *old; /* of a new epoch */
	size_t n_old;
	uint64_t epoch; /* the one that halts, or begins */
	char who[OFFICE_WHO_MAX];
	char *why;
	struct verdict verdict; /* a refusal; status 0: none */
	verdict_cb *cb;
	void *arg;
};

static int set_record(struct desk_change *change, const char *field, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int r = text ? desk_set(change, DESK_RECORD, field, slice_text(text)) : -ENOMEM;

	free(text);
	json_decref(value);
	return r;
}

static bool refuse_damaged(struct sealing_act *act)
{
	verdict_of_desk(DESK_DAMAGED, &act->verdict);
	return false;
}

/* Whatever goes wrong from here on desk_update() remembers, and writes nothing. */
static bool note(struct desk_change *change, json_t *entry)
{
	(void)desk_note(change, entry);
	desk_bump(change);
	return true;
}

static bool decide_halt(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct sealing_act *act = arg;
	struct sealing sealing;

	act->verdict = (struct verdict){0};
	if (sealing_read(view, &sealing) < 0)
		return refuse_damaged(act);
	act->epoch = sealing.epoch;
	bool halted = sealing.halted;
	sealing_release(&sealing);
	if (halted)
		return false; /* the first reason stands */
	if (set_record(change, "halt",
		json_pack("{s:I, s:s, s:I}", "shard", (json_int_t)act->shard, "why", act->why, "at",
		    (json_int_t)desk_now_ms(view))) < 0)
		return refuse_damaged(act);
	return note(change,
	    json_pack("{s:s, s:s, s:I, s:I, s:s}", "act", "log.halted", "who", act->who, "epoch",
		(json_int_t)act->epoch, "shard", (json_int_t)act->shard, "why", act->why));
}

static json_t *olds_json(const struct sealing_act *act)
{
	json_t *list = json_array();

	for (size_t i = 0; i < act->n_old; i++) {
		const struct sealing_old *old = &act->old[i];
		char root[BASE64_SIZE(MERKLE_SIZE)];

		base64_encode(old->checkpoint.root, MERKLE_SIZE, root);
		json_array_append_new(
		    list, json_pack("{s:I, s:s, s:I}", "size", (json_int_t)old->checkpoint.size,
			      "root", root, "now", (json_int_t)old->now));
	}
	return list;
}

static bool any_changed(const struct sealing_act *act)
{
	for (size_t i = 0; i < act->n_old; i++)
		if (act->old[i].changed)
			return true;
	return false;
}

static bool write_epoch(
    struct sealing_act *act, const struct desk_view *view, struct desk_change *change)
{
	json_t *old = olds_json(act);
	json_t *entry = json_pack("{s:s, s:s, s:s, s:I, s:O?, s:o*}", "act", "log.new-epoch", "who",
	    act->who, "why", act->why, "epoch", (json_int_t)act->epoch, "old", old, "changed",
	    any_changed(act) ? json_true() : NULL);
	int r = set_record(change, "epoch",
	    json_pack("{s:I, s:I, s:o?}", "epoch", (json_int_t)act->epoch, "at",
		(json_int_t)desk_now_ms(view), "old", old));

	if (r == 0)
		r = desk_unset(change, DESK_RECORD, "halt");
	if (r == 0 && entry)
		return note(change, entry);
	json_decref(entry);
	return refuse_damaged(act);
}

static bool decide_epoch(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct sealing_act *act = arg;
	struct sealing sealing;

	act->verdict = (struct verdict){0};
	if (!organiser_stands(view, act->who)) {
		refuse_revoked(&act->verdict);
		return false;
	}
	if (sealing_read(view, &sealing) < 0)
		return refuse_damaged(act);
	bool halted = sealing.halted && act->epoch > sealing.epoch;
	sealing_release(&sealing);
	if (halted)
		return write_epoch(act, view, change);
	verdict_refuse(&act->verdict, 409, "not-possible", "The log has not halted",
	    "A new epoch begins only where sealing has halted; in the epoch that stands it has "
	    "not, so nothing was done.");
	return false;
}

static bool leave(void *arg, const struct desk_view *view, struct desk_change *change)
{
	(void)arg;
	(void)view;
	(void)change;
	return false;
}

static void on_written(void *arg, enum desk_outcome outcome, uint64_t n)
{
	struct sealing_act *act = arg;
	struct verdict *verdict = &act->verdict;

	if (verdict->status == 0)
		verdict_of_desk(outcome, verdict);
	if (outcome == DESK_WRITTEN && act->old)
		verdict->members =
		    json_pack("{s:I, s:I}", "epoch", (json_int_t)act->epoch, "n", (json_int_t)n);
	act->cb(act->arg, verdict);
	json_decref(verdict->members);
	free(act->old);
	free(act->why);
	free(act);
}

static void begin(struct office *office, const struct sealing_act *given, const char *who,
    const char *why, desk_decide_cb *decide)
{
	static const struct desk_want people = {DESK_PEOPLE, NULL};
	struct sealing_act *act = malloc(sizeof(*act));
	char *reason = strdup(why);
	struct verdict refusal;

	if (!act || !reason) {
		verdict_of_desk(DESK_BUSY, &refusal);
		given->cb(given->arg, &refusal);
		free(given->old);
		free(reason);
		free(act);
		return;
	}
	*act = *given;
	act->office = office;
	act->why = reason;
	(void)snprintf(act->who, sizeof(act->who), "%s", who);
	desk_update(office->desk, &people, act->old ? 1 : 0, decide, on_written, act);
}

void sealing_halt(struct office *office, unsigned shard, const char *why, verdict_cb *cb, void *arg)
{
	char reason[SEALING_WHY_MAX];

	copy_why(why, reason);
	begin(office, &(struct sealing_act){.shard = shard, .cb = cb, .arg = arg}, "sealer", reason,
	    decide_halt);
}

static bool is_reason(const char *why)
{
	long n = text_characters(slice_text(why));

	return n > 0 && n <= OFFICE_WHY_MAX && !text_is_blank(slice_text(why));
}

void sealing_new_epoch(struct office *office, uint64_t old_epoch, const struct sealing_old *old,
    size_t n_old, const char *who, const char *why, verdict_cb *cb, void *arg)
{
	struct sealing_act act = {.epoch = old_epoch + 1, .n_old = n_old, .cb = cb, .arg = arg};
	bool good = is_reason(why);

	act.old = calloc(n_old, sizeof(*old));
	if (act.old)
		memcpy(act.old, old, n_old * sizeof(*old));
	if (!good)
		verdict_refuse(&act.verdict, 422, "invalid-reason", "A reason is needed",
		    "Say why, in 1 to %d characters on one line.", OFFICE_WHY_MAX);
	else if (!act.old)
		verdict_of_desk(DESK_BUSY, &act.verdict);
	begin(office, &act, who, why, good && act.old ? decide_epoch : leave);
}
