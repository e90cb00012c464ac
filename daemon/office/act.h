/* One act of office/acts.h: read from its JSON, judged against the record as it stands, and turned
 * into one change of the desk. Shared by acts.c and metrics.c; carries nothing out by itself. */
#ifndef TALLYD_OFFICE_ACT_H
#define TALLYD_OFFICE_ACT_H

#include "office/office.h"
#include "office/record.h"

#define ACT_WHY_MAX 400 /* bytes of the sentence that says what is wrong with an act */
#define ACT_BYTES_MAX                                                                              \
	(256 * 1024) /* of an act as JSON: it must fit into an entry of the audit log */

enum deed {
	DEED_PHASE, /* open, pause, resume, close, publish */
	DEED_EXTEND,
	DEED_NOTICE,
	DEED_DISQUALIFY,
	DEED_REQUALIFY,
	DEED_METRICS,
};

struct act {
	enum deed deed;
	const char *name;         /* "open"; static */
	enum phase_act phase_act; /* of DEED_PHASE and DEED_EXTEND */
	int64_t closes_ms;        /* of DEED_EXTEND */
	json_t *json; /* owned: the act alone, without "why" and "confirm"; equal acts are equal */
	char *why;    /* owned; "" where none was given */
};

/* 0; -EINVAL with a sentence; -ENOMEM. act_release() frees what it holds. */
__attribute__((warn_unused_result)) int act_read(const struct contest *contest, const json_t *json,
    struct act *ret_act, char ret_why[ACT_WHY_MAX]);
void act_release(struct act *act);

/* How many characters a line has (base/text.h); -EINVAL: not plain text, or nothing but spaces. */
long act_text_length(const char *text);
/* At most 40 bytes of a name that somebody gave, whole characters, for a sentence. Returns
 * ret_text. */
char *act_quote(const char *text, char ret_text[48]);

/* An act before the record as it stands. */
struct act_case {
	const struct contest *contest;
	const struct desk_view *view; /* with act_wants */
	const struct act *act;
	const char *who;
	bool for_correction;
	struct record record;
	enum phase after;          /* of acts on the phase; else the phase as it is */
	size_t imported, replaced; /* metrics */
	/* for ledger_apply(), after act_fill() */
	bool bumped;
	uint64_t version;
	const char *latched;
	int64_t opens_ms, closes_ms;
};

extern const struct desk_want act_wants[];
extern const size_t act_n_wants;

/* True when the act is possible now; else the refusal. Needs view, act, contest, for_correction. */
bool act_possible(struct act_case *it, struct verdict *ret_refusal);
/* Whether another organiser must agree, in a contest that wants two. */
bool act_wants_second(const struct act_case *it);
/* Whether it would leave everything as it is: metrics that stand already. */
bool act_is_idle(const struct act_case *it);
/* Fills the change, but for its audit entry, which act_entry() makes. 0; -ENOMEM, -E2BIG. */
__attribute__((warn_unused_result)) int act_fill(struct act_case *it, struct desk_change *change);
/* {"act","who","why"?,…the act's members}. NULL: memory. */
json_t *act_entry(const struct act_case *it);

/* ---- metrics.c ---- */

/* Checks the rows of {"act":"metrics","metrics":[…],"file"}. 0; -EINVAL. */
__attribute__((warn_unused_result)) int metrics_check(
    const struct contest *contest, const json_t *act, char ret_why[ACT_WHY_MAX]);
/* Counts what is new and what replaces another value. 0; -EBADMSG. */
__attribute__((warn_unused_result)) int metrics_compare(struct act_case *it);
/* True unless one of them is of a day to come; then the refusal. */
bool metrics_are_measured(const struct act_case *it, struct verdict *ret_refusal);
/* A sentence for each source that the contest does not know. NULL: there is none, or memory. */
json_t *metrics_warnings(const struct contest *contest, const json_t *act);
__attribute__((warn_unused_result)) int metrics_fill(
    const struct act_case *it, struct desk_change *change);

#endif
