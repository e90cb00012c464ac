/* What everybody is shown of a contest, in the shapes of the API: the definition, the snapshot of
 * the tally, signed results. The server answers with it while the contest lasts, and a published
 * bundle keeps it. */
#ifndef TALLYD_OFFICE_SHOWING_H
#define TALLYD_OFFICE_SHOWING_H

#include "base/buf.h"
#include "office/board.h"
#include "office/office.h"

/* The part of the definition that does not change, as compact JSON without its last brace; the
 * caller frees it. NULL: memory. */
char *showing_definition(const struct round *round);

struct showing_now {                 /* the part that does */
	int64_t opens_ms, closes_ms; /* as amended; 0: none */
	const char *notice;          /* JSON {"ko","en"}; NULL: none */
	uint64_t epoch;              /* of the public log */
	const char *log;             /* ok, halted, off */
	enum phase phase;
	int64_t now_ms;
};
/* Appends the definition whole. 0, -ENOMEM, -ENOBUFS. */
__attribute__((warn_unused_result)) int showing_define(
    const char *definition, const struct showing_now *now, struct buf *out);

/* What a snapshot (contest/tally.h) shows of the record alone: phase, epoch, log, notice. NULL:
 * memory. */
json_t *showing_record(const struct record *record, uint64_t epoch, const char *log);
/* What a snapshot shows beside the count: phase, log, notice, experts, standing,
 * formula, result. NULL: memory. */
json_t *showing_dress(const struct contest *contest, const struct board *board, const char *log);

/* A signed result in the list of all: {"version","kind","at","sha256"}; `stored` as in C:results.
 * NULL: damaged, or memory. */
json_t *showing_result(const json_t *stored);

#endif
