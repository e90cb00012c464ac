/* The board's experts: their sheets, what they are kept from, and what each panel says of each
 * entry. */
#include "office/board_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "contest/conflict.h"
#include "crypto/digest.h"
#include "office/rulings.h"

/* ---- experts and their sheets ---- */

/* The stored hash goes over the bytes that were saved: a sheet that was changed behind the desk's
 * back is not this expert's word. */
static bool is_as_saved(
    const struct contest *contest, const struct sheet *sheet, const json_t *record)
{
	const char *stored = json_string_value(json_object_get(record, "sha256"));
	char *text = sheet_text(contest, sheet);
	uint8_t digest[SHA256_SIZE];
	char hex[HEX_SIZE(SHA256_SIZE)] = "";

	if (text) {
		sha256(slice_text(text), digest);
		hex_encode(digest, sizeof(digest), hex);
	}
	bool good = text && stored && strcmp(stored, hex) == 0;
	free(text);
	return good;
}

/* 0 or -ENOMEM; a damaged sheet is noted, and counts for nothing. */
static int read_sheet(
    const struct contest *contest, const struct desk_view *view, struct board_expert *expert)
{
	struct slice value = desk_get(view, DESK_SHEETS, expert->person.id);
	char why[SHEET_WHY_MAX];

	if (!value.ptr)
		return 0;
	json_t *record = board_parse(value);
	int rc = sheet_parse(contest, &contest->panels[expert->panel],
	    json_object_get(record, "sheet"), &expert->sheet, why);
	expert->revision = (uint64_t)json_integer_value(json_object_get(record, "revision"));
	expert->saved_ms = json_integer_value(json_object_get(record, "saved"));
	expert->damaged =
	    rc == -EINVAL || (rc == 0 && !is_as_saved(contest, expert->sheet, record));
	if (expert->damaged) {
		sheet_free(expert->sheet);
		expert->sheet = NULL;
	}
	json_decref(record);
	return rc == -EINVAL ? 0 : rc;
}

static void judge_expert(
    const struct contest *contest, const struct desk_view *view, struct board_expert *expert)
{
	struct sheet_excluded excluded = {0};
	static const struct sheet none;
	const struct panel *panel = &contest->panels[expert->panel];
	const struct organisation *with[CONTEST_ENTRIES_MAX];

	conflict_of_each(contest, expert->person.affiliation, with);
	for (size_t e = 0; e < contest->n_entries; e++) {
		expert->conflict[e] = with[e] ? with[e]->id : NULL;
		expert->ruled[e] = ruling_excludes(view, expert->person.id, contest->entries[e].id);
		excluded.entry[e] = with[e] || expert->ruled[e];
	}
	const struct sheet *sheet = expert->sheet ? expert->sheet : &none;
	struct panel scores = *panel; /* completion counts scores, not the comments beside them */
	scores.comments_required = false;
	expert->missing = sheet_missing(contest, &scores, sheet, &excluded);
	expert->wanted = sheet_wanted(contest, panel, sheet, &excluded);
}

/* What organisers and observers see of a person: neither the token's id nor the address. */
static int list_person(struct board *board, const struct person *person)
{
	json_t *json = person_json(person);

	json_object_del(json, "jti");
	json_object_del(json, "email");
	return json && json_object_set_new(json, "id", json_string(person->id)) == 0 &&
		       json_array_append_new(board->people, json) == 0
		   ? 0
		   : -ENOMEM;
}

/* A token revoked before the close takes its expert out; after it, sheets stay what they were. */
static bool is_out_of_office(const struct board *board, const struct person *person)
{
	int64_t closed_ms = board->record.closed_ms;

	return person->revoked_ms && (!closed_ms || person->revoked_ms < closed_ms);
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
	if (rc != 0 || expert->person.role != ROLE_EXPERT ||
	    is_out_of_office(board, &expert->person) || contest->n_panels == 0) {
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
	board->damaged += expert->damaged;
	return rc;
}

int board_read_people(
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

struct total { /* of one expert for one entry */
	int64_t saved_ms, value;
};

static int compare_totals(const void *a, const void *b)
{
	const struct total *x = a, *y = b;

	return (x->saved_ms > y->saved_ms) - (x->saved_ms < y->saved_ms);
}

static size_t collect_totals(const struct contest *contest, struct board *board, size_t p, size_t e,
    struct total *ret_totals)
{
	struct board_panel_entry *cell = &board->panel[p][e];
	size_t n = 0;

	for (size_t i = 0; i < board->n_experts; i++) {
		const struct board_expert *expert = &board->experts[i];
		int64_t value;

		if (expert->panel != p)
			continue;
		cell->of++;
		if (is_out(expert, e))
			cell->recused++;
		else if (is_submitted(expert) &&
			 sheet_total(contest, &contest->panels[p], expert->sheet, e, &value))
			ret_totals[n++] = (struct total){expert->saved_ms, value};
	}
	return n;
}

static void judge_entry(const struct contest *contest, struct board *board, size_t p, size_t e,
    struct total *totals, int64_t *values)
{
	struct board_panel_entry *cell = &board->panel[p][e];
	const struct panel *panel = &contest->panels[p];
	size_t n = collect_totals(contest, board, p, e, totals);

	qsort(totals, n, sizeof(*totals), compare_totals);
	for (size_t i = 0; i < n; i++)
		values[i] = totals[i].value;
	aggregate(panel->aggregate, values, n - n % BOARD_PUBLIC_EXPERTS, &cell->stepped);
	for (size_t i = 0; i < n; i++)
		values[i] = totals[i].value;
	aggregate(panel->aggregate, values, n, &cell->result);
	cell->too_few = cell->of - cell->recused < (size_t)panel->min_experts;
}

int board_judge_panels(const struct contest *contest, struct board *board)
{
	struct total *totals = calloc(board->n_experts + 1, sizeof(*totals));
	int64_t *values = calloc(board->n_experts + 1, sizeof(*values));

	if (!totals || !values) {
		free(totals);
		free(values);
		return -ENOMEM;
	}
	for (size_t i = 0; i < board->n_experts; i++) {
		board->of[board->experts[i].panel]++;
		board->submitted[board->experts[i].panel] += is_submitted(&board->experts[i]);
	}
	for (size_t p = 0; p < contest->n_panels; p++)
		for (size_t e = 0; e < contest->n_entries; e++)
			judge_entry(contest, board, p, e, totals, values);
	free(totals);
	free(values);
	return 0;
}
