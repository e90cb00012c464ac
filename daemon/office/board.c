/* Makes a board out of the desk's records and the ballots' counters. What of it may be shown to
 * whom is board_json.c's business. */
#include "office/board.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "contest/conflict.h"
#include "contest/form.h"
#include "office/rulings.h"

const struct desk_want board_wants[] = {
    {DESK_PEOPLE, NULL},
    {DESK_SHEETS, NULL},
    {DESK_RULINGS, NULL},
    {DESK_METRICS, NULL},
    {DESK_REQUESTS, NULL},
    {DESK_RESULTS, NULL},
};
const size_t board_n_wants = sizeof(board_wants) / sizeof(board_wants[0]);

static json_t *parse(struct slice text)
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
		json_t *item = parse(desk_get(view, hash, ids[i]));

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
	board->requests = list_of(view, DESK_REQUESTS);
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
		json_t *stored = parse(desk_get(view, DESK_RESULTS, field));
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
		json_t *ruling = parse(value);
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

/* ---- experts and their sheets ---- */

static int read_sheet(
    const struct contest *contest, const struct desk_view *view, struct board_expert *expert)
{
	struct slice value = desk_get(view, DESK_SHEETS, expert->person.id);
	char why[SHEET_WHY_MAX];

	if (!value.ptr)
		return 0;
	json_t *record = parse(value);
	int rc = sheet_parse(contest, &contest->panels[expert->panel],
	    json_object_get(record, "sheet"), &expert->sheet, why);
	expert->revision = (uint64_t)json_integer_value(json_object_get(record, "revision"));
	expert->saved_ms = json_integer_value(json_object_get(record, "saved"));
	json_decref(record);
	return rc == -EINVAL ? -EBADMSG : rc;
}

static void judge_expert(
    const struct contest *contest, const struct desk_view *view, struct board_expert *expert)
{
	struct sheet_excluded excluded = {0};
	static const struct sheet none;
	const struct panel *panel = &contest->panels[expert->panel];
	const char *affiliation = expert->person.affiliation;

	for (size_t e = 0; e < contest->n_entries; e++) {
		const struct organisation *with =
		    affiliation ? conflict_of(contest, affiliation, e) : NULL;
		expert->conflict[e] = with ? with->id : NULL;
		expert->ruled[e] = ruling_excludes(view, expert->person.id, contest->entries[e].id);
		excluded.entry[e] = with || expert->ruled[e];
	}
	const struct sheet *sheet = expert->sheet ? expert->sheet : &none;
	expert->missing = sheet_missing(contest, panel, sheet, &excluded);
	expert->wanted = sheet_wanted(contest, panel, sheet, &excluded);
}

/* What organisers see of a person; never the token's id. */
static int list_person(struct board *board, const struct person *person)
{
	json_t *json = person_json(person);

	json_object_del(json, "jti");
	return json && json_object_set_new(json, "id", json_string(person->id)) == 0 &&
		       json_array_append_new(board->people, json) == 0
		   ? 0
		   : -ENOMEM;
}

static int compare_experts(const void *a, const void *b)
{
	const struct board_expert *x = a, *y = b;

	if (x->panel != y->panel)
		return x->panel < y->panel ? -1 : 1;
	int order = strcmp(x->person.name, y->person.name);
	return order ? order : strcmp(x->person.id, y->person.id);
}

static int read_person(const struct contest *contest, const struct desk_view *view,
    struct slice field, struct slice value, struct board *board)
{
	char id[PERSON_ID_MAX];
	struct board_expert *expert = &board->experts[board->n_experts];

	if (field.len >= sizeof(id))
		return -EBADMSG;
	memcpy(id, field.ptr, field.len);
	id[field.len] = '\0';
	int rc = person_read(id, value, &expert->person);
	if (rc != 0)
		return rc;
	rc = list_person(board, &expert->person);
	if (rc != 0 || expert->person.role != ROLE_EXPERT || expert->person.revoked_ms ||
	    contest->n_panels == 0) {
		person_release(&expert->person);
		*expert = (struct board_expert){0};
		return rc;
	}
	board->n_experts++;
	int panel =
	    expert->person.panel ? contest_panel(contest, slice_text(expert->person.panel)) : 0;
	if (panel < 0)
		return -EBADMSG;
	expert->panel = (size_t)panel;
	rc = read_sheet(contest, view, expert);
	if (rc == 0)
		judge_expert(contest, view, expert);
	return rc;
}

static int read_people(
    const struct contest *contest, const struct desk_view *view, struct board *board)
{
	size_t n = desk_count(view, DESK_PEOPLE);

	board->experts = calloc(n + 1, sizeof(*board->experts));
	if (!board->experts)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct slice field, value;

		desk_at(view, DESK_PEOPLE, i, &field, &value);
		int rc = read_person(contest, view, field, value, board);
		if (rc != 0)
			return rc;
	}
	qsort(board->experts, board->n_experts, sizeof(*board->experts), compare_experts);
	return 0;
}

/* ---- panels ---- */

static bool is_submitted(const struct board_expert *expert)
{
	return expert->sheet && expert->sheet->submitted;
}

/* Whether this expert says nothing of the entry, by right. */
static bool is_out(const struct board_expert *expert, size_t entry)
{
	return expert->conflict[entry] || expert->ruled[entry] ||
	       (is_submitted(expert) && expert->sheet->recused[entry]);
}

static int judge_entry(
    const struct contest *contest, struct board *board, size_t p, size_t e, int64_t *totals)
{
	struct board_panel_entry *cell = &board->panel[p][e];
	size_t n = 0;

	for (size_t i = 0; i < board->n_experts; i++) {
		const struct board_expert *expert = &board->experts[i];

		if (expert->panel != p)
			continue;
		cell->of++;
		if (is_out(expert, e))
			cell->recused++;
		else if (is_submitted(expert) &&
			 sheet_total(contest, &contest->panels[p], expert->sheet, e, &totals[n]))
			n++;
	}
	cell->too_few = cell->of - cell->recused < (size_t)contest->panels[p].min_experts;
	aggregate(contest->panels[p].aggregate, totals, n, &cell->result);
	return 0;
}

static int judge_panels(const struct contest *contest, struct board *board)
{
	int64_t *totals = calloc(board->n_experts + 1, sizeof(*totals));

	if (!totals)
		return -ENOMEM;
	for (size_t i = 0; i < board->n_experts; i++) {
		board->of[board->experts[i].panel]++;
		board->submitted[board->experts[i].panel] += is_submitted(&board->experts[i]);
	}
	for (size_t p = 0; p < contest->n_panels; p++)
		for (size_t e = 0; e < contest->n_entries; e++)
			judge_entry(contest, board, p, e, totals);
	free(totals);
	return 0;
}

/* ---- the standing ---- */

static struct standing_value citizens_value(
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
		board->input.value[part][e] = citizens_value(contest, &rows[e]);
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
	struct record record;
	int rc = record_read(contest, view, &record);

	if (rc != 0)
		return rc;
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
		rc = read_people(contest, view, board);
	if (rc == 0)
		rc = judge_panels(contest, board);
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
