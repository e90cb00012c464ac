/* Copies totals: one block for the counters, one for their names. */
#include "office/count.h"

#include <stdlib.h>
#include <string.h>

static int compare_counter(const void *name, const void *counter)
{
	const struct ledger_counter *c = counter;
	size_t len = strlen(name);
	int order = memcmp(name, c->name.ptr, len < c->name.len ? len : c->name.len);

	return order ? order : (len > c->name.len) - (len < c->name.len);
}

static int64_t counter_value(void *arg, const char *name)
{
	const struct ledger_totals *totals = arg;
	const struct ledger_counter *found =
	    totals->n_counters ? bsearch(name, totals->counters, totals->n_counters,
				     sizeof(totals->counters[0]), compare_counter)
			       : NULL;

	return found ? found->value : 0;
}

/* The counters with their names behind them, in one block. */
static struct ledger_counter *copy_counters(const struct ledger_totals *totals)
{
	size_t n = totals->n_counters, names = 0;

	for (size_t i = 0; i < n; i++)
		names += totals->counters[i].name.len;
	struct ledger_counter *copy = malloc(n * sizeof(*copy) + names + 1);
	if (!copy)
		return NULL;
	char *at = (char *)(copy + n);
	for (size_t i = 0; i < n; i++) {
		struct slice name = totals->counters[i].name;

		memcpy(at, name.ptr, name.len);
		copy[i] =
		    (struct ledger_counter){slice_make(at, name.len), totals->counters[i].value};
		at += name.len;
	}
	return copy;
}

struct count *count_new(const struct ledger_totals *totals)
{
	struct count *count = calloc(1, sizeof(*count));
	if (!count)
		return NULL;
	struct ledger_counter *counters = copy_counters(totals);
	if (!counters || phase_parse(totals->phase, &count->input.phase) != 0) {
		free(counters);
		free(count);
		return NULL;
	}
	count->totals = *totals;
	count->totals.counters = counters;
	count->input.counter = counter_value;
	count->input.arg = &count->totals;
	count->input.ballots = totals->ballots;
	count->input.log_size = totals->log_size;
	count->input.version = totals->version;
	count->input.now_ms = totals->now_ms;
	return count;
}

void count_free(struct count *count)
{
	if (!count)
		return;
	free((void *)(uintptr_t)count->totals.counters);
	free(count);
}
