/* The record of one contest round: everything about it that is not a ballot: acts, people, sheets,
 * rulings, metrics, results, and the hash-chained log of who did what. Stores and orders; what may
 * be written is decided above.
 *
 * Keys (⚑). C = "{<contest>}", in a rehearsal "{<contest>~rehearsal}"; one slot:
 *
 *   C:record       hash    n (entries of the audit log), head (32 bytes: hash of the last), version
 *                          (grows with every change that the public sees), and what
 *                          office/record.h (phase, opens, closes, notice…) and office/sealing.h
 *                          (halt, epoch) say
 *   C:people       hash    person id -> JSON (office/people.h)
 *   C:sheets       hash    person id -> JSON: the sheet that stands, its revision (office/sheets.h)
 *   C:rulings      hash    id -> JSON: recusals decided, challenges, disqualifications
 *                          (office/rulings.h)
 *   C:metrics      hash    "<part>/<entry>" -> JSON (office/metrics.h)
 *   C:requests     hash    id -> JSON: acts that wait for another organiser (office/acts.h)
 *   C:results      hash    version -> JSON: signed results (office/results.h)
 *   C:audit        stream  ID "<n>-0", n from 1, field j = the entry's canonical JSON
 *   C:revisions    stream  ID "<n>-0" of the audit entry, fields e = person id, s = the sheet's
 *                          bytes, k = its salt (32 bytes)
 *   C:turnout      hash    minute since 1970 -> counters at the first reading in that minute
 *   C:published    string  (store/ledger.h)
 *
 * The audit log. An entry is JSON, compact, keys sorted: {"act","at","n","prev","who",…}; "at" is
 * Redis' clock at the reading that the decision rests on (RFC 3339, ms), "prev" the hash of the
 * entry before in hex; that of the first is SHA-256("tallyd audit v1\n" | round name). The hash of
 * an entry is SHA-256("tallyd audit v1\n" | its bytes). Entries name who did what, when and why;
 * the content of a sheet is in them as a commitment only: SHA-256("tallyd sheet v1\n" | salt |
 * bytes), in hex.
 *
 * Every change is one entry of that log, written together with it in one call, and only if the log
 * still ends where it ended when the decision was made (optimistic concurrency). So a decision
 * never rests on what somebody else has changed meanwhile; when the log has moved on, it is made
 * anew. */
#ifndef TALLYD_STORE_DESK_H
#define TALLYD_STORE_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/slice.h"

struct event_base;
struct redis;
struct desk;

enum desk_hash {
	DESK_RECORD,
	DESK_PEOPLE,
	DESK_SHEETS,
	DESK_RULINGS,
	DESK_METRICS,
	DESK_REQUESTS,
	DESK_RESULTS,
	DESK_HASHES,
};

#define DESK_WANTS_MAX        16
#define DESK_FIELD_MAX        120
#define DESK_VALUE_MAX        (512 * 1024)
#define DESK_CHANGES_MAX      4096               /* fields set or removed by one change */
#define DESK_CHANGE_BYTES_MAX (64 * 1024 * 1024) /* their names and values together */
#define DESK_QUEUE_MAX        1024 /* decisions that wait; further ones are DESK_BUSY */

struct desk_options {
	const char *round; /* contest_round(); borrowed */
};

/* `redis` is borrowed; its connection may come and go. NULL: memory. */
struct desk *desk_new(
    struct event_base *base, struct redis *redis, const struct desk_options *options);
/* After redis_free(). Whatever waits completes: DESK_BUSY, or DESK_UNKNOWN if it was sent. */
void desk_free(struct desk *desk);

/* ---- reading ---- */

struct desk_want {
	enum desk_hash hash;
	const char *field; /* NULL: all fields */
};

/* All that was asked for, at one moment. Borrowed for the callback. DESK_RECORD is always there
 * whole. */
struct desk_view;
int64_t desk_now_ms(const struct desk_view *view); /* Redis' clock */
uint64_t desk_size(const struct desk_view *view);  /* entries of the audit log */
uint64_t desk_version(const struct desk_view *view);
/* The value of a field that was asked for; ptr NULL where there is none. */
struct slice desk_get(const struct desk_view *view, enum desk_hash hash, const char *field);
/* The fields that are there, of those asked for; order unspecified. */
size_t desk_count(const struct desk_view *view, enum desk_hash hash);
void desk_at(const struct desk_view *view, enum desk_hash hash, size_t i, struct slice *ret_field,
    struct slice *ret_value);

/* `view` NULL: Redis did not answer, or its data are damaged. */
typedef void desk_view_cb(void *arg, const struct desk_view *view);
/* At most DESK_WANTS_MAX wants; they are copied. A field longer than DESK_FIELD_MAX counts as
 * absent. The callback comes exactly once, in a later turn. */
void desk_read(
    struct desk *desk, const struct desk_want *wants, size_t n, desk_view_cb *cb, void *arg);

/* ---- changing ---- */

struct desk_change;
/* Text is copied. 0; or -ENOMEM, -E2BIG, or -EINVAL (n, head, version of the record are the desk's
 * own), which desk_update() remembers: it then writes nothing, DESK_DAMAGED. */
int desk_set(
    struct desk_change *change, enum desk_hash hash, const char *field, struct slice value);
int desk_unset(struct desk_change *change, enum desk_hash hash, const char *field);
/* The entry of the audit log, once a change: an object with at least "act" and "who"; reference
 * taken over. "n", "at" and "prev" are added. A change without one is not written, DESK_DAMAGED. */
int desk_note(struct desk_change *change, json_t *entry);
/* A revision of a sheet, at most one a change, kept beside its entry, whose "sheet" becomes the
 * commitment. */
int desk_revise(struct desk_change *change, const char *person, struct slice sheet);
/* What the public sees changes. */
void desk_bump(struct desk_change *change);
/* Write only while Redis' clock is below this (0: whenever; of several the earliest); else
 * DESK_LATE. */
void desk_before(struct desk_change *change, int64_t ms);

enum desk_outcome {
	DESK_WRITTEN,
	DESK_LEFT, /* the decision was to write nothing */
	DESK_LATE, /* desk_before() */
	DESK_BUSY, /* certainly not written: Redis away, refusing, or too much waiting; ask again */
	DESK_UNKNOWN, /* may be written */
	DESK_DAMAGED, /* data are not what they should be, or memory: not written */
};

/* Judges the view and fills the change; true: write it. May be called several times for one
 * desk_update(), so it must begin anew each time. */
typedef bool desk_decide_cb(void *arg, const struct desk_view *view, struct desk_change *change);
/* `n`: the number of the audit entry written; else 0. */
typedef void desk_done_cb(void *arg, enum desk_outcome outcome, uint64_t n);
/* Decisions of one desk are taken one after another, in the order of the calls. */
void desk_update(struct desk *desk, const struct desk_want *wants, size_t n, desk_decide_cb *decide,
    desk_done_cb *done, void *arg);

/* ---- the audit log and revisions ---- */

struct desk_entry {
	uint64_t n;
	struct slice json;
};

/* Entries after the n-th, at most `count` (up to 1,000), oldest first; `error` 0, -EIO, or
 * -EBADMSG. */
typedef void desk_audit_cb(
    void *arg, int error, const struct desk_entry *entries, size_t n_entries);
void desk_audit(struct desk *desk, uint64_t after, size_t count, desk_audit_cb *cb, void *arg);
/* The last `count`, newest first. */
void desk_audit_last(struct desk *desk, size_t count, desk_audit_cb *cb, void *arg);

struct desk_revision {
	uint64_t n;
	struct slice person, sheet, salt;
};
typedef void desk_revisions_cb(
    void *arg, int error, const struct desk_revision *revisions, size_t n_revisions);
void desk_revisions(
    struct desk *desk, uint64_t after, size_t count, desk_revisions_cb *cb, void *arg);

/* The hash of an entry's bytes, and of the beginning of a round's chain. */
void desk_entry_hash(struct slice json, uint8_t ret_hash[32]);
void desk_genesis(const char *round, uint8_t ret_hash[32]);
/* The commitment to a sheet's bytes. */
void desk_commitment(const uint8_t salt[32], struct slice sheet, uint8_t ret_hash[32]);

/* ---- turnout ---- */

/* Notes the counters of this minute unless that has been done. No answer is waited for. */
void desk_sample(struct desk *desk, int64_t minute, struct slice counters);
/* All samples as pairs, ordered by minute. */
struct desk_minute {
	int64_t minute;
	struct slice counters;
};
typedef void desk_turnout_cb(
    void *arg, int error, const struct desk_minute *minutes, size_t n_minutes);
void desk_turnout(struct desk *desk, desk_turnout_cb *cb, void *arg);

#endif
