/* Works out from a round's audit log what the desk must hold, and compares: people, sheets,
 * rulings, metrics, requests, results, and the record of acts; and the log with itself. What
 * entries do not tell cannot be compared: a token's id and end, a mail address, which changes the
 * public saw (version), the samples of the turnout. */
#ifndef TALLYD_AUDIT_REDESK_H
#define TALLYD_AUDIT_REDESK_H

#include <stdint.h>

#include <jansson.h>

#include "audit/findings.h"
#include "contest/phase.h"
#include "office/office.h"

struct event_base;

struct redesk {
	uint64_t entries; /* of the audit log, as the record says */
	uint8_t head[32]; /* hash of the last of them; all zero where there are none */
	uint64_t sheets, revisions;
	uint64_t epoch;   /* of the ballots' log, as the record says */
	enum phase phase; /* likewise; by the hours of the contest's file where it is damaged */
	int64_t now_ms;   /* Redis' clock when it was read */
	/* Batches of invitation codes by their acts: {number: {"count":n,"off":revoked}}; released
	 * by whoever has this. */
	json_t *batches;
	uint64_t forgotten;     /* the entry by which identities are deleted; 0: there is none */
	uint64_t persons;       /* how many, as it says */
	uint64_t codes_revoked; /* codes that acts name, to be revoked one by one */
};

/* Adds what does not agree to `findings`. `log_name` is that of result notes. Turns the loop until
 * it is done. 0; -EIO (Redis, or a record that is damaged so that it cannot be read); -ENOMEM. */
__attribute__((warn_unused_result)) int redesk_check(struct office *office, struct event_base *base,
    const char *log_name, struct findings *findings, struct redesk *ret);

#endif
