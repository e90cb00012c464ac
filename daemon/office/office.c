/* What a round's ledger must know, and what the desk's outcomes mean to whoever asked. */
#include "office/office.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct ledger_options office_ledger_options(const struct round *round)
{
	const struct contest *contest = round->contest;
	struct ledger_options options = {
	    .contest = contest->id,
	    .packing = contest,
	    .rehearsal = contest->rehearsal,
	    .shards = contest->shards,
	    .buckets = contest_shard_buckets(contest),
	    .replaceable = contest->revote == REVOTE_REPLACE,
	    .by_code = contest->admission == ADMISSION_CODES,
	    .opens_ms = contest->opens_ms,
	    .closes_ms = contest->closes_ms,
	    .rules = slice_text(round->rules),
	};

	memcpy(options.rules_hash, round->rules_hash, sizeof(options.rules_hash));
	return options;
}

void verdict_of_desk(enum desk_outcome outcome, struct verdict *ret)
{
	switch (outcome) {
	case DESK_WRITTEN:
	case DESK_LEFT:
		*ret = (struct verdict){.status = 200};
		return;
	case DESK_LATE:
		verdict_refuse(ret, 403, "closed", "The contest is closed",
		    "Nothing was changed: the time for it is over.");
		return;
	case DESK_BUSY:
		verdict_refuse(ret, 503, "unavailable", "The record cannot be reached now",
		    "Nothing was changed. Ask again in a moment.");
		return;
	case DESK_UNKNOWN:
		verdict_refuse(ret, 503, "outcome-unknown",
		    "It is not known yet whether it was done",
		    "The record did not answer in time. Look at what stands there before asking "
		    "again.");
		return;
	case DESK_DAMAGED:
		break;
	}
	verdict_refuse(ret, 500, "damaged", "The record is damaged",
	    "Nothing was changed: what is stored is not what it should be. See ops/runbook.md.");
}

void verdict_refuse(
    struct verdict *ret, int status, const char *slug, const char *title, const char *format, ...)
{
	va_list args;

	*ret = (struct verdict){.status = status, .slug = slug, .title = title};
	va_start(args, format);
	(void)vsnprintf(ret->detail, sizeof(ret->detail), format, args);
	va_end(args);
}
