/* Lays boards out as tables, and writes tables as CSV or objects. */
#include "office/exports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/encode.h"
#include "crypto/digest.h"

#include <openssl/crypto.h>

#define CELL_MAX 64

static const char *const names[EXPORT_KINDS] = {
    "tally", "turnout", "experts", "sheets", "comments", "standing", "audit"};

int export_parse(struct slice name, enum export_kind *ret_kind)
{
	for (int kind = 0; kind < EXPORT_KINDS; kind++) {
		if (slice_is(name, names[kind])) {
			*ret_kind = (enum export_kind)kind;
			return 0;
		}
	}
	return -EINVAL;
}

const char *export_name(enum export_kind kind)
{
	return names[kind];
}

bool export_is_closed(
    const struct contest *contest, const struct board *board, enum export_kind kind)
{
	return (kind == EXPORT_SHEETS || kind == EXPORT_COMMENTS || kind == EXPORT_STANDING) &&
	       !board_sheets_visible(contest, board);
}

/* ---- tables ---- */

static json_t *table_new(const char *const *columns)
{
	json_t *list = json_array();

	for (; *columns; columns++)
		json_array_append_new(list, json_string(*columns));
	return json_pack("{s:o, s:[]}", "columns", list, "rows");
}

static void add_row(json_t *table, json_t *row)
{
	json_array_append_new(json_object_get(table, "rows"), row);
}

static json_t *time_json(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms ? json_string(clock_format(wall_ms, 1, text)) : json_null();
}

/* ---- who: names or pseudonyms ---- */

struct alias {
	const struct board_expert *expert; /* NULL: revoked, but with a number still */
	bool late;                         /* invited after the close, behind all others */
	uint8_t digest[SHA256_SIZE];
};

static int compare_aliases(const void *a, const void *b)
{
	const struct alias *x = a, *y = b;

	if (x->late != y->late)
		return x->late ? 1 : -1;
	return memcmp(x->digest, y->digest, SHA256_SIZE);
}

static const struct board_expert *find_expert(const struct board *board, const char *id)
{
	for (size_t i = 0; i < board->n_experts; i++)
		if (strcmp(board->experts[i].person.id, id) == 0)
			return &board->experts[i];
	return NULL;
}

void export_pseudonym(
    const char *id, const char *scope, const uint8_t salt[32], uint8_t ret_digest[SHA256_SIZE])
{
	char text[HEX_SIZE(32) + PERSON_ID_MAX + CONTEST_ID_MAX + 40];
	char hex[HEX_SIZE(32)];

	hex_encode(salt, 32, hex);
	snprintf(text, sizeof(text), "tallyd pseudonym v2\n%s\n%s\n%s", hex, scope, id);
	sha256(slice_text(text), ret_digest);
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(hex, sizeof(hex));
}

/* Experts in an order that the round's salt makes: neither that of names nor that of invitations,
 * and for each entry another one: which entries somebody does not rate would tell who it is. The
 * revoked keep their place, and who is invited after the close comes behind: once closed, nobody's
 * number moves. NULL: memory. */
static struct alias *shuffle(
    const struct board *board, const char *entry, const uint8_t salt[32], size_t *ret_n)
{
	struct alias *aliases = calloc(json_array_size(board->people) + 1, sizeof(*aliases));
	size_t i, n = 0;
	json_t *person;

	if (!aliases)
		return NULL;
	json_array_foreach(board->people, i, person)
	{
		const char *id = json_string_value(json_object_get(person, "id"));
		const char *role = json_string_value(json_object_get(person, "role"));

		if (!id || !role || strcmp(role, role_name(ROLE_EXPERT)) != 0)
			continue;
		aliases[n].late =
		    board->record.closed_ms != 0 &&
		    json_integer_value(json_object_get(person, "issued")) > board->record.closed_ms;
		export_pseudonym(id, entry, salt, aliases[n].digest);
		aliases[n++].expert = find_expert(board, id);
	}
	qsort(aliases, n, sizeof(*aliases), compare_aliases);
	*ret_n = n;
	return aliases;
}

static const char *who(
    const struct contest *contest, const struct alias *alias, size_t place, char name[CELL_MAX])
{
	if (!contest->pseudonyms)
		return alias->expert->person.id;
	snprintf(name, CELL_MAX, "expert-%zu", place + 1);
	return name;
}

/* ---- each kind ---- */

static json_t *tally_table(const struct contest *contest, const struct count *count)
{
	static const char *const columns[] = {"entry", "name_ko", "name_en", "votes", "share",
	    "mean", "borda", "schulze", "rank", NULL};
	json_t *table = table_new(columns), *rows = tally_rows(contest, &count->input), *row;
	size_t e;

	json_array_foreach(rows, e, row)
	{
		json_t *cells = json_pack("[s, s, s]", contest->entries[e].id,
		    contest->entries[e].name.ko, contest->entries[e].name.en);

		for (size_t c = 3; columns[c]; c++) {
			json_t *cell = json_object_get(row, columns[c]);

			json_array_append_new(cells, cell ? json_incref(cell) : json_null());
		}
		add_row(table, cells);
	}
	json_decref(rows);
	return table;
}

static json_t *experts_table(const struct contest *contest, const struct board *board)
{
	static const char *const columns[] = {"panel", "id", "name", "affiliation", "state",
	    "revision", "saved_at", "filled", "wanted", NULL};
	json_t *table = table_new(columns);

	for (size_t i = 0; i < board->n_experts; i++) {
		const struct board_expert *expert = &board->experts[i];
		size_t missing =
		    expert->missing < expert->wanted ? expert->missing : expert->wanted;

		add_row(table,
		    json_pack("[s, s, s, s?, s, I, o, I, I]", contest->panels[expert->panel].id,
			expert->person.id, expert->person.name, expert->person.affiliation,
			!expert->sheet             ? "none"
			: expert->sheet->submitted ? "submitted"
						   : "draft",
			(json_int_t)expert->revision, time_json(expert->saved_ms),
			(json_int_t)(expert->wanted - missing), (json_int_t)expert->wanted));
	}
	return table;
}

/* Why a score does not count, or "". */
static const char *standing_of(const struct board_expert *expert, size_t entry)
{
	return expert->conflict[entry]         ? "conflict"
	       : expert->ruled[entry]          ? "ruled-out"
	       : expert->sheet->recused[entry] ? "recused"
	       : expert->sheet->submitted      ? "counted"
					       : "draft";
}

static void add_scores(json_t *table, const struct contest *contest,
    const struct board_expert *expert, size_t e, const char *name)
{
	for (size_t c = 0; c < contest->n_criteria; c++)
		if (expert->sheet->scored[e][c])
			add_row(table,
			    json_pack("[s, s, s, s, i, i, s]", contest->panels[expert->panel].id,
				name, contest->entries[e].id, contest->criteria[c].id,
				expert->sheet->score[e][c], contest->criteria[c].weight,
				standing_of(expert, e)));
}

static void add_comment(json_t *table, const struct contest *contest,
    const struct board_expert *expert, size_t e, const char *name)
{
	if (expert->sheet->comment[e] && strcmp(standing_of(expert, e), "counted") == 0)
		add_row(
		    table, json_pack("[s, s, s, s]", contest->entries[e].id,
			       contest->panels[expert->panel].id, name, expert->sheet->comment[e]));
}

static int add_sheets(json_t *table, const struct contest *contest, const struct board *board,
    size_t e, const uint8_t salt[32], enum export_kind kind)
{
	size_t n = 0;
	struct alias *aliases = shuffle(board, contest->entries[e].id, salt, &n);

	for (size_t i = 0; i < n; i++) {
		const struct board_expert *expert = aliases[i].expert;
		char pseudonym[CELL_MAX];

		if (!expert || !expert->sheet)
			continue;
		const char *name = who(contest, &aliases[i], i, pseudonym);
		if (kind == EXPORT_SHEETS)
			add_scores(table, contest, expert, e, name);
		else
			add_comment(table, contest, expert, e, name);
	}
	bool good = aliases != NULL;

	free(aliases);
	return good ? 0 : -ENOMEM;
}

static json_t *sheets_table(const struct contest *contest, const struct board *board,
    const uint8_t salt[32], enum export_kind kind)
{
	static const char *const scores[] = {
	    "panel", "expert", "entry", "criterion", "score", "weight", "standing", NULL};
	static const char *const comments[] = {"entry", "panel", "expert", "comment", NULL};
	json_t *table = table_new(kind == EXPORT_SHEETS ? scores : comments);

	for (size_t e = 0; e < contest->n_entries; e++) {
		if (add_sheets(table, contest, board, e, salt, kind) != 0) {
			json_decref(table);
			return NULL;
		}
	}
	return table;
}

static json_t *standing_table(const struct contest *contest, const struct board *board)
{
	json_t *table = json_pack("{s:[s, s, s, s, s], s:[]}", "columns", "entry", "rank", "points",
	    "disqualified", "advanced", "rows");
	json_t *columns = json_object_get(table, "columns");
	json_t *whole = standing_json(contest, &board->input, &board->standing), *row;
	size_t i;

	for (size_t p = 0; p < contest->stage.n_parts; p++) {
		char name[CONTEST_ID_MAX + 16];

		snprintf(name, sizeof(name), "%s_value", contest->stage.parts[p].id);
		json_array_append_new(columns, json_string(name));
		snprintf(name, sizeof(name), "%s_points", contest->stage.parts[p].id);
		json_array_append_new(columns, json_string(name));
	}
	json_array_foreach(json_object_get(whole, "rows"), i, row)
	{
		json_t *reason = json_object_get(row, "disqualified");
		json_t *cells = json_pack("[O, O, O, o, O]", json_object_get(row, "entry"),
		    json_object_get(row, "rank"), json_object_get(row, "points"),
		    reason ? json_incref(reason) : json_null(), json_object_get(row, "advanced"));

		for (size_t p = 0; p < contest->stage.n_parts; p++) {
			json_t *part = json_object_get(
			    json_object_get(row, "parts"), contest->stage.parts[p].id);

			json_array_append(cells, json_object_get(part, "value"));
			json_array_append(cells, json_object_get(part, "points"));
		}
		add_row(table, cells);
	}
	json_decref(whole);
	return table;
}

json_t *export_table(const struct contest *contest, const struct board *board,
    const struct count *count, const uint8_t salt[32], enum export_kind kind)
{
	switch (kind) {
	case EXPORT_TALLY:
		return tally_table(contest, count);
	case EXPORT_EXPERTS:
		return experts_table(contest, board);
	case EXPORT_SHEETS:
	case EXPORT_COMMENTS:
		return sheets_table(contest, board, salt, kind);
	case EXPORT_STANDING:
		return standing_table(contest, board);
	default:
		return NULL;
	}
}

/* Samples are "ballots n" and "votes:<entry> n" pairs, as acts_tend writes them: see office/acts.h.
 */
json_t *export_turnout(
    const struct contest *contest, const struct desk_minute *minutes, size_t n_minutes)
{
	json_t *table = json_pack("{s:[s, s], s:[]}", "columns", "at", "ballots", "rows");

	for (size_t e = 0; e < contest->n_entries; e++)
		json_array_append_new(
		    json_object_get(table, "columns"), json_string(contest->entries[e].id));
	for (size_t i = 0; i < n_minutes; i++) {
		json_t *sample =
		    json_loadb(minutes[i].counters.ptr, minutes[i].counters.len, 0, NULL);
		json_t *votes = json_object_get(sample, "votes");
		json_t *cells = json_array();

		json_array_append_new(cells, time_json(minutes[i].minute * 60000));
		json_array_append(cells, json_object_get(sample, "ballots"));
		for (size_t e = 0; e < contest->n_entries; e++) {
			json_t *n = json_object_get(votes, contest->entries[e].id);

			json_array_append_new(cells, n ? json_incref(n) : json_integer(0));
		}
		add_row(table, cells);
		json_decref(sample);
	}
	return table;
}

json_t *export_audit(const struct desk_entry *entries, size_t n_entries)
{
	static const char *const columns[] = {"n", "at", "who", "act", "why", "entry", NULL};
	json_t *table = table_new(columns);

	for (size_t i = 0; i < n_entries; i++) {
		struct slice text = entries[i].json;
		json_t *entry = json_loadb(text.ptr, text.len, 0, NULL);

		add_row(table,
		    json_pack("[I, s?, s?, s?, s?, s%]", (json_int_t)entries[i].n,
			json_string_value(json_object_get(entry, "at")),
			json_string_value(json_object_get(entry, "who")),
			json_string_value(json_object_get(entry, "act")),
			json_string_value(json_object_get(entry, "why")), text.ptr, text.len));
		json_decref(entry);
	}
	return table;
}

/* ---- writing ---- */

static bool needs_quotes(const char *text)
{
	return strpbrk(text, ",\"\r\n") != NULL;
}

/* Spreadsheets take these for the beginning of a formula, full-width ones too. */
static bool is_formula(const char *text)
{
	static const char *const wide[] = {"＝", "＋", "－", "＠"};

	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (strncmp(text, wide[i], strlen(wide[i])) == 0)
			return true;
	return *text && strchr("=+-@\t\r\n", *text);
}

static int append_text_cell(struct buf *out, const char *text)
{
	bool formula = is_formula(text);
	bool quoted = needs_quotes(text);
	int rc = buf_append_text(out, quoted ? "\"" : "");

	if (rc == 0 && formula)
		rc = buf_append_text(out, "'");
	for (const char *c = text; *c && rc == 0; c++)
		rc = *c == '"' ? buf_append_text(out, "\"\"") : buf_append(out, c, 1);
	return rc == 0 && quoted ? buf_append_text(out, "\"") : rc;
}

static int append_cell(struct buf *out, const json_t *cell)
{
	char number[CELL_MAX];

	switch (json_typeof(cell)) {
	case JSON_STRING:
		return append_text_cell(out, json_string_value(cell));
	case JSON_INTEGER:
		return buf_printf(out, "%lld", (long long)json_integer_value(cell));
	case JSON_REAL:
		snprintf(number, sizeof(number), "%.15g", json_real_value(cell));
		return buf_append_text(out, number);
	case JSON_TRUE:
		return buf_append_text(out, "true");
	case JSON_FALSE:
		return buf_append_text(out, "false");
	default:
		return 0;
	}
}

static int append_row(struct buf *out, const json_t *cells)
{
	size_t i;
	json_t *cell;
	int rc = 0;

	json_array_foreach(cells, i, cell)
	{
		if (i > 0 && rc == 0)
			rc = buf_append_text(out, ",");
		if (rc == 0)
			rc = append_cell(out, cell);
	}
	return rc == 0 ? buf_append_text(out, "\r\n") : rc;
}

int export_csv(const json_t *table, bool bom, struct buf *out)
{
	size_t i;
	json_t *row;
	int rc = buf_append_text(out, bom ? "\xef\xbb\xbf" : "");

	if (rc == 0)
		rc = append_row(out, json_object_get(table, "columns"));
	json_array_foreach(json_object_get(table, "rows"), i, row)
	{
		if (rc == 0)
			rc = append_row(out, row);
	}
	return rc;
}

json_t *export_objects(const json_t *table)
{
	json_t *list = json_array(), *row, *column;
	const json_t *columns = json_object_get(table, "columns");
	size_t r, c;

	json_array_foreach(json_object_get(table, "rows"), r, row)
	{
		json_t *object = json_object();

		json_array_foreach(columns, c, column)
		{
			json_object_set(object, json_string_value(column), json_array_get(row, c));
		}
		json_array_append_new(list, object);
	}
	return list;
}
