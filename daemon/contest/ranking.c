/* The form "ranking": a ballot puts from min to max entries in order, the best first.
 * {"ranking":["upstage","nc-ai"]}. An entry left out stands below every one that is ranked, and on
 * a par with the others left out.
 *
 * All that is counted are pairs: how many ballots prefer a to b. Out of them come the Borda points
 * (of a: the sum over all b; that is n - p for place p of n, and 0 for an entry left out) and the
 * Schulze ranking (Schulze, "A new monotonic, clone-independent, reversal symmetric, and
 * Condorcet-consistent single-winner election method", 2011, section 2: strength of a link =
 * winning votes). */
#include "contest/form_rows.h"

#include <errno.h>
#include <stdio.h>

#define COUNTER_PAIR "pair"

const char *const ranking_method_names[] = {"schulze", "borda", NULL};

struct pairwise { /* ballots that prefer the row's entry to the column's */
	int64_t prefer[CONTEST_RANKING_MAX][CONTEST_RANKING_MAX];
};

/* ---- a ballot ---- */

static int ranking_parse(const struct contest *contest, const json_t *body,
    struct ballot *ret_ballot, char ret_why[FORM_WHY_MAX])
{
	static const struct form_list list = {
	    .name = "ranking",
	    .items = "entry ids, the best first",
	    .twice = "is ranked twice; rank each entry once",
	    .placed = true,
	};

	return form_read_list(&list, contest, body, ret_ballot, ret_why);
}

static int ranking_check(
    const struct contest *contest, const struct ballot *ballot, char ret_why[FORM_WHY_MAX])
{
	int count = (int)ballot_count(contest, ballot);
	int min = contest->ballot.ranking_min, max = contest->ballot.ranking_max;

	if (count >= min && count <= max)
		return 0;
	return form_refuse(ret_why, "too %s entries are ranked (%d); rank %s %d",
	    count > max ? "many" : "few", count,
	    min == max    ? "exactly"
	    : count > max ? "at most"
			  : "at least",
	    count > max ? max : min);
}

/* The entry at this place, or -1. */
static int entry_at(const struct contest *contest, const struct ballot *ballot, int place)
{
	for (size_t i = 0; i < contest->n_entries; i++)
		if (ballot->present[i] && ballot->value[i] == place)
			return (int)i;
	return -1;
}

static int ranking_print(
    const struct contest *contest, const struct ballot *ballot, struct buf *out)
{
	int error = 0;

	for (int place = 1; !error; place++) {
		int entry = entry_at(contest, ballot, place);

		if (entry < 0)
			break;
		error = buf_printf(out, "%s\n", contest->entries[entry].id);
	}
	return error;
}

/* The next one in the order of the ranks. */
static int put_behind(const struct contest *contest, struct ballot *ballot, int entry)
{
	if (entry < 0 || ballot->present[entry])
		return -EINVAL;
	ballot->value[entry] = (int)ballot_count(contest, ballot) + 1;
	ballot->present[entry] = true;
	return 0;
}

static int ranking_read_item(
    const struct contest *contest, struct slice line, struct ballot *ballot)
{
	return put_behind(contest, ballot, contest_entry(contest, line));
}

static size_t ranking_pack(
    const struct contest *contest, const struct ballot *ballot, uint8_t ret_packed[FORM_PACKED_MAX])
{
	size_t n = 0;
	int entry;

	while ((entry = entry_at(contest, ballot, (int)n + 1)) >= 0)
		ret_packed[n++] = (uint8_t)entry;
	return n;
}

static int ranking_unpack_item(
    const struct contest *contest, struct slice *packed, struct ballot *ballot)
{
	return put_behind(contest, ballot, form_unpack_entry(contest, packed));
}

/* ---- counters ---- */

static void pair_counter(
    const struct contest *contest, size_t a, size_t b, char ret_counter[FORM_COUNTER_MAX])
{
	(void)snprintf(ret_counter, FORM_COUNTER_MAX, COUNTER_PAIR ":%s/%s", contest->entries[a].id,
	    contest->entries[b].id);
}

static bool is_preferred(const struct ballot *ballot, size_t a, size_t b)
{
	return ballot->present[a] && (!ballot->present[b] || ballot->value[a] < ballot->value[b]);
}

static size_t ranking_increments(const struct contest *contest, const struct ballot *ballot,
    struct form_increment *ret_increments)
{
	size_t n = 0;

	for (size_t a = 0; a < contest->n_entries; a++) {
		if (!ballot->present[a])
			continue;
		form_counter(COUNTER_VOTES, contest, a, ret_increments[n].counter);
		ret_increments[n++].by = 1;
		for (size_t b = 0; b < contest->n_entries; b++) {
			if (b == a || !is_preferred(ballot, a, b))
				continue;
			pair_counter(contest, a, b, ret_increments[n].counter);
			ret_increments[n++].by = 1;
		}
	}
	return n;
}

/* ---- the tally ---- */

static void read_pairs(const struct contest *contest,
    int64_t (*counter)(void *arg, const char *name), void *arg, struct pairwise *ret)
{
	*ret = (struct pairwise){0};
	for (size_t a = 0; a < contest->n_entries && a < CONTEST_RANKING_MAX; a++) {
		for (size_t b = 0; b < contest->n_entries && b < CONTEST_RANKING_MAX; b++) {
			char name[FORM_COUNTER_MAX];

			if (a == b)
				continue;
			pair_counter(contest, a, b, name);
			ret->prefer[a][b] = counter(arg, name);
		}
	}
}

/* The strength of the strongest path between each two entries, by Floyd and Warshall's method. */
static void find_paths(size_t n, const struct pairwise *pairs, struct pairwise *ret)
{
	*ret = (struct pairwise){0};
	for (size_t a = 0; a < n; a++)
		for (size_t b = 0; b < n; b++)
			if (pairs->prefer[a][b] > pairs->prefer[b][a])
				ret->prefer[a][b] = pairs->prefer[a][b];
	for (size_t via = 0; via < n; via++) {
		for (size_t a = 0; a < n; a++) {
			for (size_t b = 0; b < n; b++) {
				int64_t to = ret->prefer[a][via], from = ret->prefer[via][b];
				int64_t weakest = to < from ? to : from;

				if (a != b && weakest > ret->prefer[a][b])
					ret->prefer[a][b] = weakest;
			}
		}
	}
}

static void rank_rows(const struct contest *contest, size_t n, struct tally_row *rows)
{
	bool by_points = contest->ballot.ranking_method == RANKING_BORDA;

	for (size_t i = 0; i < n; i++) {
		rows[i].rank = by_points ? 1 : rows[i].schulze;
		for (size_t k = 0; k < n && by_points; k++)
			rows[i].rank += rows[k].sum > rows[i].sum;
	}
}

static void ranking_tally(const struct contest *contest,
    int64_t (*counter)(void *arg, const char *name), void *arg, int64_t ballots,
    struct tally_row *ret_rows)
{
	struct pairwise pairs, paths;
	size_t n = contest->n_entries;

	read_pairs(contest, counter, arg, &pairs);
	find_paths(n, &pairs, &paths);
	for (size_t i = 0; i < n; i++) {
		struct tally_row *row = &ret_rows[i];
		char name[FORM_COUNTER_MAX];

		form_counter(COUNTER_VOTES, contest, i, name);
		*row =
		    (struct tally_row){.entry = (int)i, .votes = counter(arg, name), .schulze = 1};
		row->share = ballots > 0 ? (double)row->votes / (double)ballots : 0;
		for (size_t k = 0; k < n; k++) {
			row->sum += pairs.prefer[i][k];
			row->schulze += paths.prefer[k][i] > paths.prefer[i][k];
		}
	}
	rank_rows(contest, n, ret_rows);
}

static void ranking_describe_row(const struct tally_row *row, json_t *object)
{
	json_object_set_new(object, "borda", json_integer((json_int_t)row->sum));
	json_object_set_new(object, "schulze", json_integer(row->schulze));
}

/* "pairwise": rows and columns in the contest's order. */
static void ranking_describe_all(const struct contest *contest,
    int64_t (*counter)(void *arg, const char *name), void *arg, json_t *snapshot)
{
	struct pairwise pairs;
	json_t *matrix = json_array();

	read_pairs(contest, counter, arg, &pairs);
	for (size_t a = 0; a < contest->n_entries; a++) {
		json_t *row = json_array();

		for (size_t b = 0; b < contest->n_entries; b++)
			json_array_append_new(row, json_integer((json_int_t)pairs.prefer[a][b]));
		json_array_append_new(matrix, row);
	}
	json_object_set_new(snapshot, "pairwise", matrix);
}

static json_t *ranking_describe(const struct contest *contest)
{
	return json_pack("{s:s, s:i, s:i, s:s}", "name", "ranking", "min",
	    contest->ballot.ranking_min, "max", contest->ballot.ranking_max, "method",
	    ranking_method_names[contest->ballot.ranking_method]);
}

const struct form form_ranking = {
    .name = "ranking",
    .parse = ranking_parse,
    .check = ranking_check,
    .print = ranking_print,
    .read_item = ranking_read_item,
    .pack = ranking_pack,
    .unpack_item = ranking_unpack_item,
    .increments = ranking_increments,
    .tally = ranking_tally,
    .describe_row = ranking_describe_row,
    .describe_all = ranking_describe_all,
    .describe = ranking_describe,
};
