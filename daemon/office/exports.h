/* What organisers take away: tables of a contest as CSV or JSON. Experts go under pseudonyms where
 * the contest says so: "expert-1", "expert-2"… in an order that tells nothing, the same in every
 * export of the round, and another for each entry: so that nobody is known by the entries left out.
 */
#ifndef TALLYD_OFFICE_EXPORTS_H
#define TALLYD_OFFICE_EXPORTS_H

#include "base/buf.h"
#include "office/board.h"

enum export_kind {
	EXPORT_TALLY,    /* citizens' counts by entry */
	EXPORT_TURNOUT,  /* counts by minute: for journalists */
	EXPORT_EXPERTS,  /* who is how far */
	EXPORT_SHEETS,   /* one line a score */
	EXPORT_COMMENTS, /* one line a comment */
	EXPORT_STANDING, /* one line an entry */
	EXPORT_AUDIT,    /* one line an entry of the log */
	EXPORT_KINDS,
};

/* "tally", … 0 or -EINVAL. */
__attribute__((warn_unused_result)) int export_parse(struct slice name, enum export_kind *ret_kind);
const char *export_name(enum export_kind kind);
/* Whether organisers must wait for it until they may see sheets. */
bool export_is_closed(
    const struct contest *contest, const struct board *board, enum export_kind kind);

/* Where an expert stands in an order that tells nothing: sort by it. `scope` makes orders that have
 * nothing to do with each other: an entry's id, or "" for lists of whole sheets. `salt` as below.
 */
void export_pseudonym(
    const char *id, const char *scope, const uint8_t salt[32], uint8_t ret_digest[32]);

/* {"columns":[names],"rows":[[values]…]} of all kinds but turnout and audit. `salt` (32 bytes)
 * makes the pseudonyms. NULL: memory. */
json_t *export_table(const struct contest *contest, const struct board *board,
    const struct count *count, const uint8_t salt[32], enum export_kind kind);
json_t *export_turnout(
    const struct contest *contest, const struct desk_minute *minutes, size_t n_minutes);
json_t *export_audit(const struct desk_entry *entries, size_t n_entries);

/* RFC 4180: CRLF, quotes where needed; a text that a spreadsheet would take for a formula gets an
 * apostrophe in front; with `bom` a byte order mark, so that spreadsheets read Korean. 0 or
 * -ENOMEM/-ENOBUFS. */
__attribute__((warn_unused_result)) int export_csv(const json_t *table, bool bom, struct buf *out);
/* The same rows as an array of objects. NULL: memory. */
json_t *export_objects(const json_t *table);

#endif
