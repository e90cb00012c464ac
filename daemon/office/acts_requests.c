/* Acts that wait for another organiser: made, found again, approved, rejected. */
#include "office/acts_impl.h"
#include "office/people.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

static json_t *parse(struct slice text)
{
	return text.ptr ? json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

/* The id of an open request for the same act, in ret_id. */
static bool find_same(const struct desk_view *view, const json_t *act, char ret_id[REQUEST_ID_SIZE])
{
	bool found = false;
	for (size_t i = 0; i < desk_count(view, DESK_REQUESTS) && !found; i++) {
		struct slice id, value;
		desk_at(view, DESK_REQUESTS, i, &id, &value);
		json_t *request = parse(value);
		found = json_equal(json_object_get(request, "act"), act);
		json_decref(request);
		if (found)
			(void)snprintf(ret_id, REQUEST_ID_SIZE, "%.*s", (int)id.len, id.ptr);
	}
	return found;
}

bool request_repeats(struct doing *doing, const struct desk_view *view)
{
	char id[REQUEST_ID_SIZE];
	if (!find_same(view, doing->act.json, id))
		return false;
	verdict_refuse(&doing->verdict, 409, "already-requested", "Requested already",
	    "The same act waits for another organiser as request %s: approve or reject it.", id);
	doing->verdict.members = json_pack("{s:s}", "request", id);
	return true;
}

bool requests_are_full(struct doing *doing, const struct desk_view *view)
{
	if (desk_count(view, DESK_REQUESTS) < REQUESTS_MAX)
		return false;
	verdict_refuse(&doing->verdict, 409, "too-many-requests-open", "Too many requests are open",
	    "%d acts wait for another organiser already: approve or reject some of them.",
	    REQUESTS_MAX);
	return true;
}

static int set_request(const struct doing *doing, struct desk_change *change, json_t *request)
{
	char *text = request ? json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int rc = text ? desk_set(change, DESK_REQUESTS, doing->request, slice_text(text)) : -ENOMEM;
	free(text);
	json_decref(request);
	return rc;
}

bool request_make(struct doing *doing, const struct desk_view *view, struct desk_change *change)
{
	doing->waits = true;
	doing->it.bumped = false;
	json_t *request = json_pack("{s:O, s:s, s:I, s:s, s:b}", "act", doing->act.json, "who",
	    doing->who, "at", (json_int_t)desk_now_ms(view), "why", doing->act.why,
	    "for_correction", doing->for_correction);
	int rc = set_request(doing, change, request);
	if (rc == 0)
		rc = desk_note(change, json_pack("{s:s, s:s, s:O, s:s, s:s}", "act", "request.made",
					   "request", doing->request, "requested", doing->act.json,
					   "who", doing->who, "why", doing->act.why));
	return rc == 0 || rc == -ENOMEM || rc == -E2BIG; /* desk_update() remembers those */
}

/* ---- deciding on one ---- */

static bool refuse_damaged(struct doing *doing)
{
	verdict_of_desk(DESK_DAMAGED, &doing->verdict);
	return false;
}

bool request_find(struct doing *doing, const struct desk_view *view)
{
	char why[ACT_WHY_MAX];
	struct slice text = desk_get(view, DESK_REQUESTS, doing->request);
	act_release(&doing->act);
	json_decref(doing->stored);
	doing->stored = NULL;
	if (!text.ptr) {
		verdict_refuse(&doing->verdict, 404, "no-such-request", "No such request",
		    "There is no open request of this name; it may have been decided already.");
		return false;
	}
	doing->stored = parse(text);
	json_t *act = json_deep_copy(json_object_get(doing->stored, "act"));
	if (!act || json_object_set(act, "why", json_object_get(doing->stored, "why")) != 0 ||
	    !json_is_string(json_object_get(doing->stored, "who")) ||
	    act_read(office_contest(doing->office), act, &doing->act, why) != 0) {
		json_decref(act);
		return refuse_damaged(doing);
	}
	json_decref(act);
	doing->for_correction = json_is_true(json_object_get(doing->stored, "for_correction"));
	return true;
}

/* Whoever is at tallyctl without an organiser's token can give any name, so all of them are one. */
static bool is_same_organiser(const char *a, const char *b)
{
	static const char operator[] = "operator:";
	size_t n = sizeof(operator) - 1;
	return strcmp(a, b) == 0 || (strncmp(a, operator, n) == 0 && strncmp(b, operator, n) == 0);
}

bool request_approvable(struct doing *doing, const struct desk_view *view)
{
	const char *first = json_string_value(json_object_get(doing->stored, "who"));
	if (is_same_organiser(first, doing->who)) {
		verdict_refuse(&doing->verdict, 403, "same-organiser",
		    "Another organiser is needed",
		    "%s asked for this; another organiser must approve it (all who use tallyctl "
		    "without an organiser's token count as one).",
		    first);
		return false;
	}
	if (!organiser_stands(view, first)) {
		verdict_refuse(&doing->verdict, 409, "requester-revoked",
		    "Whoever asked has been revoked",
		    "%s asked for this and has been revoked since, so it would be one organiser's "
		    "act: "
		    "reject it, and ask for it anew.",
		    first);
		return false;
	}
	return true;
}

/* Both organisers are named: who approves is who does it. */
int request_settle(const struct doing *doing, struct desk_change *change, json_t *entry)
{
	const json_t *request = doing->stored;
	json_t *first = json_object_get(request, "who");
	bool good = json_object_set_new(entry, "request", json_string(doing->request)) == 0 &&
		    json_object_set(entry, "requested_by", first) == 0;
	if (good && doing->word[0])
		good = json_object_set_new(entry, "approval", json_string(doing->word)) == 0;
	return good ? desk_unset(change, DESK_REQUESTS, doing->request) : -ENOMEM;
}

bool request_reject(struct doing *doing, struct desk_change *change)
{
	doing->it.bumped = false;
	int rc = desk_unset(change, DESK_REQUESTS, doing->request);
	if (rc == 0)
		rc = desk_note(
		    change, json_pack("{s:s, s:s, s:O, s:O, s:s, s:s}", "act", "request.rejected",
				"request", doing->request, "requested", doing->act.json,
				"requested_by", json_object_get(doing->stored, "who"), "who",
				doing->who, "why", doing->word));
	return rc == 0 || rc == -ENOMEM || rc == -E2BIG;
}

/* ---- listing ---- */

void acts_summarise_request(json_t *request)
{
	const json_t *act = json_object_get(request, "act"),
		     *rows = json_object_get(act, "metrics");
	json_t *summary;

	if (!rows)
		return;
	summary = json_pack("{s:s, s:I, s:O?}", "act", "metrics", "values",
	    (json_int_t)json_array_size(rows), "file", json_object_get(act, "file"));
	if (summary && !json_object_get(act, "file"))
		(void)json_object_del(summary, "file");
	(void)json_object_set_new(request, "act", summary ? summary : json_null());
}
