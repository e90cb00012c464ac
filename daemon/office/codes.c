#include "office/codes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "office/act.h"
#include "office/people.h"

struct codes_act {
	json_t *entry; /* of the audit log */
	char who[OFFICE_WHO_MAX];
	struct verdict verdict;
	verdict_cb *cb;
	void *arg;
};

bool codes_is_formula(const char *cell)
{
	static const char *const signs[] = {
	    "=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"};

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (strncmp(cell, signs[i], strlen(signs[i])) == 0)
			return strcmp(cell, CODES_LABEL_NONE) != 0;
	return false;
}

int codes_label_check(const char *label)
{
	long length = act_text_length(label);

	if (length <= 0 || length > CODES_LABEL_MAX)
		return -EINVAL;
	return codes_is_formula(label + strspn(label, " ")) ? -EDOM : 0;
}

static bool decide(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct codes_act *act = arg;

	act->verdict = (struct verdict){0};
	if (!organiser_stands(view, act->who)) {
		refuse_revoked(&act->verdict);
		return false;
	}
	/* The desk adds to it, and may ask again. */
	(void)desk_note(change, json_deep_copy(act->entry));
	return true;
}

static void on_written(void *arg, enum desk_outcome outcome, uint64_t n)
{
	struct codes_act *act = arg;

	if (act->verdict.status == 0)
		verdict_of_desk(outcome, &act->verdict);
	if (outcome == DESK_WRITTEN)
		act->verdict.members = json_pack("{s:I}", "n", (json_int_t)n);
	act->cb(act->arg, &act->verdict);
	json_decref(act->verdict.members);
	json_decref(act->entry);
	free(act);
}

/* The reference to the entry is taken over. */
static void note(struct office *office, json_t *entry, const char *who, verdict_cb *cb, void *arg)
{
	static const struct desk_want people = {DESK_PEOPLE, NULL};
	struct codes_act *act = calloc(1, sizeof(*act));

	if (act == NULL || entry == NULL) {
		struct verdict verdict;

		verdict_of_desk(DESK_BUSY, &verdict);
		json_decref(entry);
		free(act);
		cb(arg, &verdict);
		return;
	}
	act->entry = entry;
	act->cb = cb;
	act->arg = arg;
	(void)snprintf(act->who, sizeof(act->who), "%s", who);
	desk_update(office->desk, &people, 1, decide, on_written, act);
}

void codes_make(struct office *office, const char *label, uint64_t count, const char *who,
    const char *why, verdict_cb *cb, void *arg)
{
	note(office,
	    json_pack("{s:s, s:s, s:s, s:I, s:s*}", "act", "codes.made", "who", who, "label", label,
		"count", (json_int_t)count, "why", *why != '\0' ? why : NULL),
	    who, cb, arg);
}

void codes_revoke(struct office *office, uint64_t batch, uint64_t count, const char *who,
    const char *why, verdict_cb *cb, void *arg)
{
	json_t *entry = batch > 0 ? json_pack("{s:s, s:s, s:I, s:s}", "act", "codes.revoked", "who",
					who, "batch", (json_int_t)batch, "why", why)
				  : json_pack("{s:s, s:s, s:I, s:s}", "act", "codes.revoked", "who",
					who, "count", (json_int_t)count, "why", why);

	note(office, entry, who, cb, arg);
}
