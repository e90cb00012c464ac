/* Makes a board out of the desk's records and the ballots' counters. What of it may be shown to
 * whom is board_json.c's business. */
#include "office/board_impl.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "contest/form.h"
#include "office/acts.h"

const struct desk_want board_wants[] = {
    {DESK_PEOPLE, NULL},
    {DESK_SHEETS, NULL},
    {DESK_RULINGS, NULL},
    {DESK_METRICS, NULL},
    {DESK_REQUESTS, NULL},
    {DESK_RESULTS, NULL},
};
const size_t board_n_wants = sizeof(board_wants) / sizeof(board_wants[0]);

json_t *board_parse(struct slice text)
{
	return json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
}

static char *slice_copy(struct slice text)
{
	return strndup(text.ptr, text.len);
}

/* ---- lists that are passed on as they stand ---- */

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The hash's values as objects with their field as "id", ordered by it. NULL: memory, or damaged.
 */
static json_t *list_of(const struct desk_view *view, enum desk_hash hash)
{
	size_t n = desk_count(view, hash);
	char **ids = calloc(n + 1, sizeof(*ids));
	json_t *list = ids ? json_array() : NULL;
	bool good = list != NULL;

	for (size_t i = 0; i < n && good; i++) {
		struct slice field, value;

		desk_at(view, hash, i, &field, &value);
		ids[i] = slice_copy(field);
		good = ids[i] != NULL;
	}
	if (good)
		qsort(ids, n, sizeof(*ids), compare_ids);
	for (size_t i = 0; i < n && good; i++) {
		json_t *item = board_parse(desk_get(view, hash, ids[i]));

		good = json_is_object(item) &&
		       json_object_set_new(item, "id", json_string(ids[i])) == 0 &&
		       json_array_append(list, item) == 0;
		json_decref(item);
	}
	for (size_t i = 0; ids && i < n; i++)
		free(ids[i]);
	free(ids);
	if (good)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *list_requests(const struct desk_view *view)
{
	json_t *list = list_of(view, DESK_REQUESTS), *request;
	size_t i;

	json_array_foreach(list, i, request)
	{
		acts_summarise_request(request);
	}
	return list;
}

/* "<part>/<entry>" taken apart, so that readers need not. */
static int name_metrics(const struct contest *contest, struct board *board)
{
	size_t i;
	json_t *metric;

	json_array_foreach(board->metrics, i, metric)
	{
		struct slice id = slice_text(json_string_value(json_object_get(metric, "id")));
		const char *slash = memchr(id.ptr, '/', id.len);
		int64_t value_e4;
		const char *value = json_string_value(json_object_get(metric, "value"));
		if (!slash || !value || fixed_parse(value, &value_e4) != 0)
			return -EBADMSG;
		struct slice part = slice_make(id.ptr, (size_t)(slash - id.ptr));
		int p = contest_part(contest, part);
		int e = contest_entry(contest, slice_make(slash + 1, id.len - part.len - 1));
		if (p < 0 || e < 0)
			return -EBADMSG;
		board->input.value[p][e] = (struct standing_value){true, value_e4};
		if (json_object_set_new(metric, "part", json_string(contest->stage.parts[p].id)) !=
			0 ||
		    json_object_set_new(metric, "entry", json_string(contest->entries[e].id)) != 0)
			return -ENOMEM;
		json_object_del(metric, "id");
	}
	return 0;
}

static int read_lists(
    const struct contest *contest, const struct desk_view *view, struct board *board)
{
	board->rulings = list_of(view, DESK_RULINGS);
	board->metrics = list_of(view, DESK_METRICS);
	board->requests = list_requests(view);
	board->people = json_array();
	board->results = json_array();
	if (!board->rulings || !board->metrics || !board->requests || !board->people ||
	    !board->results)
		return -EBADMSG;
	return name_metrics(contest, board);
}

/* ---- results: every version, and the newest one's document ---- */

static int read_results(const struct desk_view *view, struct board *board)
{
	size_t n = desk_count(view, DESK_RESULTS);

	for (size_t version = 1; version <= n; version++) {
		char field[24];

		snprintf(field, sizeof(field), "%zu", version);
		json_t *stored = board_parse(desk_get(view, DESK_RESULTS, field));
		const char *text = json_string_value(json_object_get(stored, "document"));
		json_t *document = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
		if (!json_is_object(document) || json_array_append(board->results, stored) != 0) {
			json_decref(document);
			json_decref(stored);
			return -EBADMSG;
		}
		json_decref(stored);
		json_decref(board->result);
		board->result = document;
	}
	return 0;
}

/* ---- disqualifications ---- */

static int read_reasons(
    const struct contest *contest, const struct desk_view *view, struct board *board)
{
	for (size_t e = 0; e < contest->n_entries; e++) {
		char field[DESK_FIELD_MAX];

		snprintf(field, sizeof(field), "disqualified/%s", contest->entries[e].id);
		struct slice value = desk_get(view, DESK_RULINGS, field);
		if (!value.ptr)
			continue;
		json_t *ruling = board_parse(value);
		const char *ko =
		    json_string_value(json_object_get(json_object_get(ruling, "why"), "ko"));
		board->reasons[e] = ko ? strdup(ko) : NULL;
		board->input.disqualified[e] = board->reasons[e];
		json_decref(ruling);
		if (!board->reasons[e])
			return -EBADMSG;
	}
	return 0;
}

/* ---- the standing ---- */

struct standing_value board_citizens_value(
    const struct contest *contest, const struct tally_row *row)
{
	if (!contest->form->has_mean)
		return (struct standing_value){true, row->sum * FIXED_ONE};
	if (row->votes == 0)
		return (struct standing_value){0};
	/* Means are on the contest's scale, sums in steps from its minimum. */
	return (struct standing_value){
	    true, contest->ballot.score_min * FIXED_ONE +
		      fixed_ratio((__int128)row->sum * contest->ballot.score_step, row->votes)};
}

static void fill_citizens(const struct contest *contest, const struct tally_input *tally,
    struct board *board, size_t part)
{
	struct tally_row rows[CONTEST_ENTRIES_MAX];

	contest->form->tally(contest, tally->counter, tally->arg, (int64_t)tally->ballots, rows);
	for (size_t e = 0; e < contest->n_entries; e++)
		board->input.value[part][e] = board_citizens_value(contest, &rows[e]);
}

static void fill_panel(const struct contest *contest, struct board *board, size_t part)
{
	int p = contest_panel(contest, slice_text(contest->stage.parts[part].panel));

	for (size_t e = 0; p >= 0 && e < contest->n_entries; e++)
		board->input.value[part][e] = (struct standing_value){
		    board->panel[p][e].result.any, board->panel[p][e].result.value_e4};
}

static void judge_stage(
    const struct contest *contest, const struct tally_input *tally, struct board *board)
{
	for (size_t i = 0; i < contest->stage.n_parts; i++) {
		if (contest->stage.parts[i].source == PART_CITIZENS)
			fill_citizens(contest, tally, board, i);
		else if (contest->stage.parts[i].source == PART_PANEL)
			fill_panel(contest, board, i);
	}
	standing_compute(contest, &board->input, &board->standing);
}

/* ---- the whole ---- */

/* The phase that everybody sees is that of whoever is furthest behind. */
static int read_record(const struct contest *contest, const struct desk_view *view,
    const struct tally_input *tally, struct board *board)
{
	struct sealing sealing;
	struct record record;
	int rc = record_read(contest, view, &record);

	if (rc == 0)
		rc = sealing_read(view, &sealing);
	if (rc != 0)
		return rc;
	sealing_release(&board->sealing);
	board->sealing = sealing;
	if (tally->phase < record.phase)
		record.phase = tally->phase;
	record.notice = board->record.notice;
	board->record = record;
	board->size = desk_size(view);
	board->now_ms = desk_now_ms(view);
	return 0;
}

static int read_notice(const struct desk_view *view, struct board *board)
{
	struct slice notice = desk_get(view, DESK_RECORD, "notice");
	char *copy = notice.ptr ? slice_copy(notice) : NULL;

	board->record.notice = slice_make(copy, copy ? notice.len : 0);
	return notice.ptr && !copy ? -ENOMEM : 0;
}

int board_make(const struct contest *contest, const struct desk_view *view,
    const struct tally_input *tally, struct board **ret_board)
{
	struct board *board = calloc(1, sizeof(*board));
	int rc = board ? read_record(contest, view, tally, board) : -ENOMEM;

	if (rc == 0)
		rc = read_notice(view, board);
	if (rc == 0)
		rc = read_lists(contest, view, board);
	if (rc == 0)
		rc = read_results(view, board);
	if (rc == 0)
		rc = read_reasons(contest, view, board);
	if (rc == 0)
		rc = board_read_people(contest, view, board);
	if (rc == 0)
		rc = board_judge_panels(contest, board);
	if (rc != 0) {
		board_free(board);
		return rc;
	}
	judge_stage(contest, tally, board);
	*ret_board = board;
	return 0;
}

int board_refresh(const struct contest *contest, const struct desk_view *view,
    const struct tally_input *tally, struct board *board)
{
	int rc = read_record(contest, view, tally, board);

	if (rc == 0)
		judge_stage(contest, tally, board);
	return rc;
}

void board_free(struct board *board)
{
	if (!board)
		return;
	for (size_t i = 0; board->experts && i < board->n_experts; i++) {
		person_release(&board->experts[i].person);
		sheet_free(board->experts[i].sheet);
	}
	free(board->experts);
	for (size_t e = 0; e < CONTEST_ENTRIES_MAX; e++)
		free(board->reasons[e]);
	free((char *)(uintptr_t)board->record.notice.ptr);
	sealing_release(&board->sealing);
	json_decref(board->metrics);
	json_decref(board->requests);
	json_decref(board->rulings);
	json_decref(board->people);
	json_decref(board->result);
	json_decref(board->results);
	free(board);
}

/* ---- reading ---- */

struct board_reading {
	struct office *office;
	board_cb *cb;
	void *arg;
	struct count *count;
};

static void finish_reading(struct board_reading *reading, const struct board *board)
{
	reading->cb(reading->arg, board, board ? reading->count : NULL);
	count_free(reading->count);
	free(reading);
}

static void on_view(void *arg, const struct desk_view *view)
{
	struct board_reading *reading = arg;
	struct board *board = NULL;

	if (view &&
	    board_make(office_contest(reading->office), view, &reading->count->input, &board) != 0)
		board = NULL;
	finish_reading(reading, board);
	board_free(board);
}

static void on_totals(void *arg, int error, const struct ledger_totals *totals)
{
	struct board_reading *reading = arg;

	reading->count = error == 0 ? count_new(totals) : NULL;
	if (reading->count)
		desk_read(reading->office->desk, board_wants, board_n_wants, on_view, reading);
	else
		finish_reading(reading, NULL);
}

void board_read(struct office *office, board_cb *cb, void *arg)
{
	struct board_reading *reading = calloc(1, sizeof(*reading));

	if (!reading) {
		cb(arg, NULL, NULL);
		return;
	}
	*reading = (struct board_reading){.office = office, .cb = cb, .arg = arg};
	ledger_totals(office->ledger, on_totals, reading);
}
