/* What a bundle says of the desk: results, rules and keys, metrics, sheets, the annex, the audit
 * log, and published.json (FORMAT.md sections 5.2 to 5.4 and 5.6 to 5.9). Read at one moment, and
 * held against the audit log and the results' signatures before it is written. */
#ifndef TALLYD_AUDIT_BUNDLE_DESK_H
#define TALLYD_AUDIT_BUNDLE_DESK_H

#include "audit/bundle.h"
#include "base/buf.h"
#include "office/board.h"
#include "office/office.h"

struct event_base;

struct bundle_desk_options { /* borrowed */
	struct office *office;
	struct event_base *base;
	const char *log_name, *issuer_name, *origin_info;
	const char *contest_file; /* path */
	bool auditors;            /* everything, whatever the contest publishes */
};

struct bundle_desk {
	struct board *board;
	struct count *count;
	const json_t *document; /* of the newest result; the board's */
	uint64_t version;       /* its version */
	json_t *annex;          /* of the same */
	struct buf audit;       /* audit.jsonl, up to what the board rests on */
	json_t *sheets;         /* {person: {"commitment","salt","sheet"}}, those handed in */
};

/* What the contest publishes, or auditors get. */
bool bundle_has_openings(const struct contest *contest, bool auditors);
bool bundle_has_metrics(const struct contest *contest, bool auditors);
bool bundle_has_sheets(const struct contest *contest, bool auditors);
bool bundle_has_annex(const struct contest *contest, bool auditors);

/* Turns the loop. 0; -ENOENT: nothing has been certified; -EPERM: the log has halted; -EBADMSG:
 * what is stored is not what was written; -EIO: Redis; -ENOMEM; with ret_why. */
__attribute__((warn_unused_result)) int bundle_desk_read(const struct bundle_desk_options *options,
    struct bundle_desk *ret_desk, char ret_why[BUNDLE_WHY_MAX]);
void bundle_desk_release(struct bundle_desk *desk);

/* Writes the files. `rows`: the citizens' rows counted from the openings, or NULL: those in Redis
 * are taken; they must be the newest result's. 0; -EBADMSG; -errno; with ret_why. */
__attribute__((warn_unused_result)) int bundle_put_desk(struct bundle *bundle,
    const struct bundle_desk_options *options, const struct bundle_desk *desk, const json_t *rows,
    char ret_why[BUNDLE_WHY_MAX]);

/* sheets.json. NULL: memory. */
json_t *bundle_sheets(const struct bundle_desk_options *options, const struct bundle_desk *desk);
/* Sentences on sheets.json that whoever publishes it should know: an expert's name in the words of
 * a sheet that is to be nameless. NULL: memory. */
json_t *bundle_sheets_warnings(const json_t *sheets, const struct bundle_desk *desk);

#endif
