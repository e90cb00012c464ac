/* tallyctl audit: tells the audit log, or checks that it is whole. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "base/encode.h"
#include "ctl/screen.h"
#include "ctl/session.h"

#define PIECE       1000
#define DETAILS_MAX 4096 /* bytes of a line, beside who and why */
#define LIST_MAX    5    /* of a list, told */
#define DEPTH_MAX   2

struct auditing {
	struct session *session;
	bool verify;
	bool again;       /* the record spoke of entries that had not been read */
	uint64_t n;       /* entries seen */
	uint8_t head[32]; /* hash of the last of them */
	json_t *list;     /* --json */
};

static const char *member(const json_t *entry, const char *name)
{
	const char *text = json_string_value(json_object_get(entry, name));

	return text ? text : "";
}

/* What every entry has, or what is told beside the rest. */
static bool is_common(const char *name)
{
	static const char *const common[] = {"n", "at", "act", "who", "why", "prev"};

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (strcmp(name, common[i]) == 0)
			return true;
	return false;
}

static int add_details(struct buf *out, const json_t *entry, const char *gap, int depth);
static int add_value(struct buf *out, const json_t *value, int depth);

/* "(size 9, now 7)": of what has no name. */
static int add_member(struct buf *out, const json_t *value)
{
	bool named = json_object_get(value, "name") || json_object_get(value, "ko") ||
		     json_object_get(value, "act");
	int rc;

	if (!json_is_object(value) || named || json_object_size(value) == 0)
		return add_value(out, value, DEPTH_MAX);
	rc = add_details(out, value, "(", DEPTH_MAX);
	return rc == 0 ? buf_append_text(out, ")") : rc;
}

/* Of a list its beginning; of a person the name; of a text in two languages the Korean; of an act
 * that was asked for its name and what it is about. */
static int add_value(struct buf *out, const json_t *value, int depth)
{
	const char *name = json_string_value(json_object_get(value, "name"));
	const char *text = name ? name : json_string_value(json_object_get(value, "ko"));
	const char *act = json_string_value(json_object_get(value, "act"));
	int rc = 0;

	if (json_is_string(value) || text)
		return buf_append_text(out, text ? text : json_string_value(value));
	if (json_is_integer(value))
		return buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (json_is_number(value))
		return buf_printf(out, "%.15g", json_number_value(value));
	if (json_is_boolean(value))
		return buf_append_text(out, json_is_true(value) ? "yes" : "no");
	if (act)
		rc = buf_append_text(out, act);
	if (json_is_object(value) && depth < DEPTH_MAX)
		return rc == 0 ? add_details(out, value, " ", depth + 1) : rc;
	for (size_t i = 0; i < json_array_size(value) && i < LIST_MAX && rc == 0; i++) {
		rc = i > 0 ? buf_append_text(out, ", ") : 0;
		if (rc == 0)
			rc = add_member(out, json_array_get(value, i));
	}
	if (rc == 0 && json_array_size(value) > LIST_MAX)
		rc = buf_printf(out, " and %zu more", json_array_size(value) - LIST_MAX);
	return rc;
}

/* " person expert-1, name 김, entry upstage, from a to b": all that the entry has, as it has it. */
static int add_details(struct buf *out, const json_t *entry, const char *gap, int depth)
{
	const char *name;
	json_t *value;
	bool first = true;
	int rc = 0;

	json_object_foreach((json_t *)(uintptr_t)entry, name, value)
	{
		if (rc != 0 || is_common(name) || json_is_null(value))
			continue;
		rc = buf_printf(out, "%s%s ", first ? gap : ", ", name);
		if (rc == 0)
			rc = add_value(out, value, depth);
		first = false;
	}
	return rc;
}

static void print_entry(const json_t *entry)
{
	const char *why = member(entry, "why");
	struct buf details;

	buf_init(&details, DETAILS_MAX);
	(void)!add_details(&details, entry, " ", 0); /* what fits is told; --json has all of it */
	screen_print("%6lld  %s  %-28s  %s%.*s%s%s\n",
	    (long long)json_integer_value(json_object_get(entry, "n")), member(entry, "at"),
	    member(entry, "who"), member(entry, "act"), (int)details.len,
	    details.data ? details.data : "", *why ? ": " : "", why);
	buf_release(&details);
}

/* The entry's "prev" is the hash of the one before, and its number follows. */
static bool follows(struct auditing *auditing, const struct desk_entry *item, const json_t *entry)
{
	char prev[HEX_SIZE(32)];
	bool good;

	hex_encode(auditing->head, 32, prev);
	good = item->n == auditing->n + 1 && strcmp(member(entry, "prev"), prev) == 0 &&
	       (uint64_t)json_integer_value(json_object_get(entry, "n")) == item->n;
	desk_entry_hash(item->json, auditing->head);
	return good;
}

static bool take_entry(struct auditing *auditing, const struct desk_entry *item)
{
	json_t *entry = json_loadb(item->json.ptr, item->json.len, JSON_REJECT_DUPLICATES, NULL);
	bool good = follows(auditing, item, entry);

	if (auditing->verify && !good)
		session_done(auditing->session,
		    ctl_fail(EX_DATAERR,
			"the audit log is broken at entry %" PRIu64
			": it does not follow from the one before. See ops/runbook.md.",
			item->n));
	else if (!auditing->verify && auditing->list)
		json_array_append(auditing->list, entry);
	else if (!auditing->verify)
		print_entry(entry);
	auditing->n = item->n;
	json_decref(entry);
	return good || !auditing->verify;
}

static void on_entries(void *arg, int error, const struct desk_entry *entries, size_t n_entries);

static void print_verified(const struct auditing *auditing)
{
	char head[HEX_SIZE(32)];

	hex_encode(auditing->head, 32, head);
	if (!auditing->list) {
		(void)printf("%" PRIu64 " entries, the chain holds; head %s\n", auditing->n, head);
		return;
	}
	json_t *json = json_pack(
	    "{s:I, s:s, s:b}", "entries", (json_int_t)auditing->n, "head", head, "holds", 1);
	session_print_json(json);
	json_decref(json);
}

/* The record names the last entry and its hash: so a log that was cut is noticed as well. Somebody
 * may have written meanwhile: then what is new is read first. */
static void on_record(void *arg, const struct desk_view *view)
{
	struct auditing *auditing = arg;
	struct slice head = view ? desk_get(view, DESK_RECORD, "head") : slice_text("");
	int status = EX_OK;

	if (view && desk_size(view) > auditing->n && !auditing->again) {
		auditing->again = true;
		desk_audit(auditing->session->desk, auditing->n, PIECE, on_entries, auditing);
		return;
	}
	if (!view)
		status = ctl_fail(EX_UNAVAILABLE, "Redis does not answer.");
	else if (desk_size(view) != auditing->n ||
		 (auditing->n > 0 && !slice_equal(head, slice_make(auditing->head, 32))))
		status = ctl_fail(EX_DATAERR,
		    "the audit log ends at entry %" PRIu64 ", the record says %" PRIu64
		    ", or another hash. See ops/runbook.md.",
		    auditing->n, desk_size(view));
	else
		print_verified(auditing);
	session_done(auditing->session, status);
}

static void on_entries(void *arg, int error, const struct desk_entry *entries, size_t n_entries)
{
	struct auditing *auditing = arg;
	struct session *session = auditing->session;

	if (error != 0) {
		session_done(session, error == -EBADMSG
					  ? ctl_fail(EX_DATAERR,
						"the audit log is damaged after entry %" PRIu64
						". See ops/runbook.md.",
						auditing->n)
					  : ctl_fail(EX_UNAVAILABLE, "Redis does not answer."));
		return;
	}
	for (size_t i = 0; i < n_entries; i++)
		if (!take_entry(auditing, &entries[i]))
			return;
	auditing->again = auditing->again && n_entries == 0;
	if (n_entries == PIECE) {
		desk_audit(session->desk, auditing->n, PIECE, on_entries, auditing);
	} else if (auditing->verify) {
		desk_read(session->desk, NULL, 0, on_record, auditing);
	} else {
		if (auditing->list)
			session_print_json(auditing->list);
		session_done(session, EX_OK);
	}
}

static int run_audit(const struct ctl *ctl, int argc, char **argv)
{
	struct auditing auditing = {0};
	const struct ctl_option table[] = {{"verify", NULL, &auditing.verify}, {NULL, NULL, NULL}};
	struct session_options options;
	struct session session;
	size_t n;
	int status = session_arguments(ctl, argc, argv, table, 0, 0, NULL, &n, &options);

	if (status == 0)
		status = session_open(ctl, &options, &session);
	if (status != 0)
		return status;
	auditing.session = &session;
	auditing.list = options.json ? json_array() : NULL;
	desk_genesis(session.round->name, auditing.head);
	desk_audit(session.desk, 0, PIECE, on_entries, &auditing);
	session_run_on(&session);
	json_decref(auditing.list);
	return session_close(&session);
}

const struct ctl_command ctl_audit = {
    .name = "audit",
    .summary = "the log of who did what, when, and why",
    .usage =
	"Usage: tallyctl -c FILE audit [--verify] [--contest C] [--json]\n"
	"\n"
	"Prints every entry. --verify checks instead that each follows from the one before, and\n"
	"that the last is the one that the record names.\n",
    .run = run_audit,
};
