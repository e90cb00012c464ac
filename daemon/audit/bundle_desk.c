/* Reads the desk for a bundle:
 *
 *   totals -> view (the board) -> audit log, up to the view -> revisions of sheets, likewise
 *
 * The chain and every commitment are checked on the way. */
#include "audit/bundle_desk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/await.h"
#include "audit/bundle_impl.h"
#include "base/encode.h"
#include "office/results.h"

#define AUDIT_MAX         ((size_t)1 << 30)
#define ENTRIES_AT_ONCE   500
#define REVISIONS_AT_ONCE 20 /* a sheet can have half a megabyte */

struct reading {
	const struct bundle_desk_options *options;
	struct bundle_desk *desk;
	struct await await;
	uint8_t head[SHA256_SIZE]; /* of the audit log, as the record says; then as it is read */
	uint8_t said[SHA256_SIZE];
	uint64_t n;          /* entries read, or revisions up to that entry */
	json_t *commitments; /* {entry: hex} */
	char *why;
};

/* ---- what is published ---- */

bool bundle_has_openings(const struct contest *contest, bool auditors)
{
	return auditors || contest->openings_public;
}

bool bundle_has_metrics(const struct contest *contest, bool auditors)
{
	return contest->stage.n_parts > 0 && (auditors || contest->stage.publish == STANDING_FULL);
}

bool bundle_has_sheets(const struct contest *contest, bool auditors)
{
	return contest->n_panels > 0 && (auditors || contest->sheets_public);
}

/* The annex has the whole standing, every panel, and rulings by the experts' ids. */
bool bundle_has_annex(const struct contest *contest, bool auditors)
{
	bool whole = contest->stage.n_parts == 0 || contest->stage.publish == STANDING_FULL;

	return auditors || (contest->sheets_public && whole && !contest->pseudonyms);
}

/* ---- the board ---- */

static void on_totals(void *arg, int error, const struct ledger_totals *totals)
{
	struct reading *reading = arg;

	if (error == 0) {
		reading->desk->count = count_new(totals);
		error = reading->desk->count ? 0 : -ENOMEM;
	}
	await_done(&reading->await, error);
}

static void on_view(void *arg, const struct desk_view *view)
{
	struct reading *reading = arg;
	struct bundle_desk *desk = reading->desk;
	struct slice head = view ? desk_get(view, DESK_RECORD, "head") : slice_make(NULL, 0);
	int r = !view ? -EIO
		      : board_make(office_contest(reading->options->office), view,
			    &desk->count->input, &desk->board);

	if (r == 0 && head.len == sizeof(reading->said))
		memcpy(reading->said, head.ptr, head.len);
	await_done(&reading->await, r);
}

static int read_board(struct reading *reading)
{
	struct office *office = reading->options->office;
	int r;

	ledger_totals(office->ledger, on_totals, reading);
	r = await(&reading->await);
	if (r == 0) {
		desk_read(office->desk, board_wants, board_n_wants, on_view, reading);
		r = await(&reading->await);
	}
	if (r == 0)
		return 0;
	return bundle_fail(r, reading->why, "The record cannot be read: %s.",
	    r == -EIO       ? "Redis does not answer"
	    : r == -EBADMSG ? "it is damaged; see tallyctl recount"
			    : strerror(-r));
}

/* ---- the audit log ---- */

/* Keeps the commitment to a sheet, if the entry has one. */
static int keep_commitment(struct reading *reading, const json_t *entry)
{
	const char *act = json_string_value(json_object_get(entry, "act"));
	json_t *commitment = json_object_get(entry, "sheet");
	char n[DECIMAL_SIZE];

	if (!act || strncmp(act, "sheet.", 6) != 0 || !json_is_string(commitment))
		return 0;
	decimal_encode(reading->n, n);
	return json_object_set(reading->commitments, n, commitment) == 0 ? 0 : -ENOMEM;
}

static int take_entry(struct reading *reading, const struct desk_entry *item)
{
	json_t *entry = json_loadb(item->json.ptr, item->json.len, JSON_REJECT_DUPLICATES, NULL);
	const char *prev = json_string_value(json_object_get(entry, "prev"));
	char head[HEX_SIZE(SHA256_SIZE)];
	int r = -EBADMSG;

	(void)hex_encode(reading->head, sizeof(reading->head), head);
	if (item->n == reading->n + 1 && prev && strcmp(prev, head) == 0) {
		desk_entry_hash(item->json, reading->head);
		reading->n++;
		r = keep_commitment(reading, entry);
	}
	if (r == 0 && reading->options->auditors)
		r = buf_append_slice(&reading->desk->audit, item->json);
	if (r == 0 && reading->options->auditors)
		r = buf_append_text(&reading->desk->audit, "\n");
	json_decref(entry);
	return r;
}

static void on_entries(void *arg, int error, const struct desk_entry *entries, size_t n_entries)
{
	struct reading *reading = arg;

	if (error == 0 && n_entries == 0)
		error = -EBADMSG;
	for (size_t i = 0; error == 0 && i < n_entries && reading->n < reading->desk->board->size;
	     i++)
		error = take_entry(reading, &entries[i]);
	await_done(&reading->await, error);
}

static int read_audit(struct reading *reading)
{
	struct office *office = reading->options->office;
	int r = 0;

	desk_genesis(office->round->name, reading->head);
	while (r == 0 && reading->n < reading->desk->board->size) {
		desk_audit(office->desk, reading->n, ENTRIES_AT_ONCE, on_entries, reading);
		r = await(&reading->await);
	}
	if (r == 0 && memcmp(reading->head, reading->said, sizeof(reading->head)) != 0)
		r = -EBADMSG;
	if (r == 0)
		return 0;
	return bundle_fail(r, reading->why,
	    "The audit log behind entry %" PRIu64 " cannot be taken: %s.", reading->n,
	    r == -EIO       ? "Redis does not answer"
	    : r == -EBADMSG ? "it is damaged; see tallyctl recount"
			    : strerror(-r));
}

/* ---- sheets ---- */

/* The revision is the one that its entry commits to, and takes the place of the person's earlier
 * one. */
static int take_revision(struct reading *reading, const struct desk_revision *revision)
{
	uint8_t hash[SHA256_SIZE];
	char n[DECIMAL_SIZE], commitment[HEX_SIZE(SHA256_SIZE)], salt[HEX_SIZE(32)];
	const char *said;
	json_t *kept;
	int r;

	if (revision->salt.len != 32)
		return -EBADMSG;
	desk_commitment((const uint8_t *)revision->salt.ptr, revision->sheet, hash);
	(void)hex_encode(hash, sizeof(hash), commitment);
	(void)hex_encode(revision->salt.ptr, 32, salt);
	decimal_encode(revision->n, n);
	said = json_string_value(json_object_get(reading->commitments, n));
	if (!said || strcmp(said, commitment) != 0)
		return -EBADMSG;
	kept = json_pack("{s:s, s:s, s:s%}", "commitment", commitment, "salt", salt, "sheet",
	    revision->sheet.ptr, revision->sheet.len);
	r = kept && json_object_setn_new(reading->desk->sheets, revision->person.ptr,
			revision->person.len, kept) == 0
		? 0
		: -ENOMEM;
	return r;
}

static void on_revisions(
    void *arg, int error, const struct desk_revision *revisions, size_t n_revisions)
{
	struct reading *reading = arg;
	uint64_t size = reading->desk->board->size;

	for (size_t i = 0; error == 0 && i < n_revisions && revisions[i].n <= size; i++) {
		error = take_revision(reading, &revisions[i]);
		reading->n = revisions[i].n;
	}
	if (n_revisions == 0 || revisions[n_revisions - 1].n > size)
		reading->n = size;
	await_done(&reading->await, error);
}

/* Leaves the sheets that were handed in, each the one that the board counts. */
static int keep_submitted(struct reading *reading)
{
	const struct board *board = reading->desk->board;
	json_t *all = reading->desk->sheets, *submitted = json_object();
	int r = submitted ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < board->n_experts; i++) {
		const struct board_expert *expert = &board->experts[i];
		json_t *kept = json_object_get(all, expert->person.id);
		const char *text = json_string_value(json_object_get(kept, "sheet"));

		if (!expert->sheet || !expert->sheet->submitted)
			continue;
		char *counted = sheet_text(office_contest(reading->options->office), expert->sheet);
		r = !counted ? -ENOMEM
		    : !text || strcmp(counted, text) != 0
			? -EBADMSG
			: json_object_set(submitted, expert->person.id, kept);
		free(counted);
	}
	json_decref(all);
	reading->desk->sheets = submitted;
	return r;
}

static int read_sheets(struct reading *reading)
{
	struct bundle_desk *desk = reading->desk;
	int r = desk->board->damaged > 0 ? -EBADMSG : 0;

	reading->n = 0;
	while (r == 0 && reading->n < desk->board->size) {
		desk_revisions(reading->options->office->desk, reading->n, REVISIONS_AT_ONCE,
		    on_revisions, reading);
		r = await(&reading->await);
	}
	if (r == 0)
		r = keep_submitted(reading);
	if (r == 0)
		return 0;
	return bundle_fail(r, reading->why, "The sheets cannot be taken: %s.",
	    r == -EIO       ? "Redis does not answer"
	    : r == -EBADMSG ? "one is not what the audit log committed to; see tallyctl recount"
			    : strerror(-r));
}

/* ---- what was certified ---- */

static json_t *parse(const json_t *stored, const char *name)
{
	const json_t *text = json_object_get(stored, name);

	return json_loadb(json_string_value(text) ? json_string_value(text) : "",
	    json_string_length(text), JSON_REJECT_DUPLICATES, NULL);
}

static int find_result(struct reading *reading)
{
	struct bundle_desk *desk = reading->desk;
	const struct board *board = desk->board;
	size_t n = json_array_size(board->results);

	if (n == 0)
		return bundle_fail(-ENOENT, reading->why,
		    "Nothing has been certified yet; a bundle is of a certified result (tallyctl "
		    "certify).");
	if (board->sealing.halted)
		return bundle_fail(-EPERM, reading->why,
		    "The public log has halted: %s. See tallyctl log.", board->sealing.halt_why);
	desk->document = board->result;
	desk->version = n;
	desk->annex = parse(json_array_get(board->results, n - 1), "annex");
	return desk->annex
		   ? 0
		   : bundle_fail(-EBADMSG, reading->why, "The annex of version %zu is damaged.", n);
}

int bundle_desk_read(const struct bundle_desk_options *options, struct bundle_desk *ret_desk,
    char ret_why[BUNDLE_WHY_MAX])
{
	struct reading reading = {.options = options,
	    .desk = ret_desk,
	    .await = {.base = options->base},
	    .commitments = json_object(),
	    .why = ret_why};
	const struct contest *contest = office_contest(options->office);
	int r;

	*ret_desk = (struct bundle_desk){.sheets = json_object()};
	buf_init(&ret_desk->audit, AUDIT_MAX);
	r = reading.commitments && ret_desk->sheets
		? read_board(&reading)
		: bundle_fail(-ENOMEM, ret_why, "There is not enough memory.");
	if (r == 0)
		r = find_result(&reading);
	if (r == 0 && (options->auditors || bundle_has_sheets(contest, options->auditors)))
		r = read_audit(&reading);
	if (r == 0 && bundle_has_sheets(contest, options->auditors))
		r = read_sheets(&reading);
	json_decref(reading.commitments);
	return r;
}

void bundle_desk_release(struct bundle_desk *desk)
{
	board_free(desk->board);
	count_free(desk->count);
	json_decref(desk->annex);
	json_decref(desk->sheets);
	buf_release(&desk->audit);
}
