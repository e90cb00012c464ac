/* Reads an act from JSON and checks it by itself. Knows nothing of phases or Redis. */
#include "office/act.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define MEMBERS_MAX 2

struct kind {
	const char *name;
	enum deed deed;
	enum phase_act phase_act;
	bool why_required;
	const char *members[MEMBERS_MAX]; /* beside "act", "why" and "confirm" */
};

static const struct kind kinds[] = {
    {"open", DEED_PHASE, ACT_OPEN, false, {NULL}},
    {"pause", DEED_PHASE, ACT_PAUSE, true, {NULL}},
    {"resume", DEED_PHASE, ACT_RESUME, true, {NULL}},
    {"close", DEED_PHASE, ACT_CLOSE, true, {NULL}},
    {"publish", DEED_PHASE, ACT_PUBLISH, false, {NULL}},
    {"extend", DEED_EXTEND, ACT_EXTEND, true, {"closes_at"}},
    {"notice", DEED_NOTICE, ACT_OPEN, false, {"notice"}},
    {"disqualify", DEED_DISQUALIFY, ACT_OPEN, false, {"entry", "reason"}},
    {"requalify", DEED_REQUALIFY, ACT_OPEN, true, {"entry"}},
    {"metrics", DEED_METRICS, ACT_OPEN, true, {"metrics", "file"}},
};

__attribute__((format(printf, 2, 3))) static int refuse(
    char ret_why[ACT_WHY_MAX], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(ret_why, ACT_WHY_MAX, format, args);
	va_end(args);
	return -EINVAL;
}

/* ---- texts ---- */

static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

long act_text_length(const char *text)
{
	struct slice line = slice_text(text);
	return text_is_blank(line) ? -EINVAL : text_characters(line);
}

char *act_quote(const char *text, char ret_text[48])
{
	size_t len = strlen(text);
	size_t keep = len <= 40 ? len : 40;
	while (keep > 0 && keep < len && is_continuation(text[keep]))
		keep--;
	(void)snprintf(ret_text, 48, "%.*s%s", (int)keep, text, keep < len ? "…" : "");
	return ret_text;
}

static bool text_fits(const json_t *json, long max)
{
	const char *text = json_string_value(json);
	long n = text ? act_text_length(text) : -EINVAL;
	return n > 0 && n <= max;
}

/* {"ko","en"} and nothing else, both filled. */
static bool texts_fit(const json_t *json, long max)
{
	return json_object_size(json) == 2 && text_fits(json_object_get(json, "ko"), max) &&
	       text_fits(json_object_get(json, "en"), max);
}

/* ---- members ---- */

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; name && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static int read_extend(const json_t *json, struct act *act, char ret_why[ACT_WHY_MAX])
{
	const char *text = json_string_value(json_object_get(json, "closes_at"));
	if (!text || clock_parse(slice_text(text), &act->closes_ms) != 0)
		return refuse(ret_why,
		    "closes_at must be the new close with its offset, such as "
		    "2026-12-31T18:00:00+09:00.");
	return 0;
}

static int read_notice(const json_t *json, char ret_why[ACT_WHY_MAX])
{
	const json_t *notice = json_object_get(json, "notice");
	if (json_is_null(notice) || texts_fit(notice, NOTICE_MAX))
		return 0;
	return refuse(ret_why,
	    "notice must be {\"ko\",\"en\"}, each plain text of 1 to %d characters, or null to "
	    "take "
	    "it away.",
	    NOTICE_MAX);
}

static int read_entry(const struct contest *contest, const json_t *json, char ret_why[ACT_WHY_MAX])
{
	const char *entry = json_string_value(json_object_get(json, "entry"));
	char quoted[48];
	if (!entry)
		return refuse(ret_why, "entry must be the id of an entry.");
	if (contest_entry(contest, slice_text(entry)) < 0)
		return refuse(
		    ret_why, "There is no entry \"%s\" in this contest.", act_quote(entry, quoted));
	return 0;
}

static int read_disqualify(
    const struct contest *contest, const json_t *json, char ret_why[ACT_WHY_MAX])
{
	int rc = read_entry(contest, json, ret_why);
	if (rc == 0 && !texts_fit(json_object_get(json, "reason"), OFFICE_WHY_MAX))
		rc = refuse(ret_why,
		    "reason must be {\"ko\",\"en\"}, each plain text of 1 to %d characters: it is "
		    "named wherever the entry is.",
		    OFFICE_WHY_MAX);
	return rc;
}

static int read_deed(
    const struct contest *contest, const json_t *json, struct act *act, char ret_why[ACT_WHY_MAX])
{
	switch (act->deed) {
	case DEED_PHASE:
		break;
	case DEED_EXTEND:
		return read_extend(json, act, ret_why);
	case DEED_NOTICE:
		return read_notice(json, ret_why);
	case DEED_DISQUALIFY:
		return read_disqualify(contest, json, ret_why);
	case DEED_REQUALIFY:
		return read_entry(contest, json, ret_why);
	case DEED_METRICS:
		return metrics_check(contest, json, ret_why);
	}
	return 0;
}

static bool is_member(const struct kind *kind, const char *name)
{
	if (strcmp(name, "act") == 0 || strcmp(name, "why") == 0 || strcmp(name, "confirm") == 0)
		return true;
	for (size_t i = 0; i < MEMBERS_MAX && kind->members[i]; i++)
		if (strcmp(kind->members[i], name) == 0)
			return true;
	return false;
}

static int check_members(const struct kind *kind, const json_t *json, char ret_why[ACT_WHY_MAX])
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)json, name, value)
	{
		char quoted[48];
		if (!is_member(kind, name))
			return refuse(ret_why, "\"%s\" is no member of the act \"%s\".",
			    act_quote(name, quoted), kind->name);
	}
	return 0;
}

static int check_why(const struct kind *kind, const json_t *json, char ret_why[ACT_WHY_MAX])
{
	const json_t *why = json_object_get(json, "why");
	const char *text = json_string_value(why);
	if (!why || (text && text[0] == '\0')) {
		if (!kind->why_required)
			return 0;
	} else if (text_fits(why, OFFICE_WHY_MAX)) {
		return 0;
	}
	return refuse(ret_why,
	    "\"%s\" takes a reason in \"why\": plain text of 1 to %d characters.", kind->name,
	    OFFICE_WHY_MAX);
}

/* ---- the whole ---- */

static int keep(const json_t *json, struct act *act)
{
	const char *why = json_string_value(json_object_get(json, "why"));
	act->json = json_deep_copy(json);
	act->why = strdup(why ? why : "");
	if (!act->json || !act->why) {
		act_release(act);
		return -ENOMEM;
	}
	(void)json_object_del(act->json, "why");
	(void)json_object_del(act->json, "confirm");
	return 0;
}

int act_read(const struct contest *contest, const json_t *json, struct act *ret_act,
    char ret_why[ACT_WHY_MAX])
{
	const struct kind *kind = find_kind(json_string_value(json_object_get(json, "act")));
	if (!kind)
		return refuse(ret_why,
		    "\"act\" must be one of open, pause, resume, extend, close, "
		    "publish, notice, disqualify, requalify, metrics.");
	struct act act = {.deed = kind->deed, .name = kind->name, .phase_act = kind->phase_act};
	int rc = check_members(kind, json, ret_why);
	if (rc == 0)
		rc = check_why(kind, json, ret_why);
	if (rc == 0)
		rc = read_deed(contest, json, &act, ret_why);
	if (rc == 0 && json_dumpb(json, NULL, 0, JSON_COMPACT) > ACT_BYTES_MAX)
		rc = refuse(ret_why,
		    "This is more than fits into one entry of the audit log "
		    "(256 KiB): do it in parts.");
	if (rc == 0)
		rc = keep(json, &act);
	if (rc == 0)
		*ret_act = act;
	return rc;
}

void act_release(struct act *act)
{
	json_decref(act->json);
	free(act->why);
	*act = (struct act){0};
}
