/* Signed results, in two texts of canonical JSON (compact, sorted keys). The document is public:
 *   {"version":n,"kind":"certified"|"corrected","contest","rehearsal","rules_hash","at","who","why",
 *    "ballots","issued","log_size","log":[{"origin","root","shard","size"}…],
 *    "citizen":[…snapshot rows],"advanced":[ids],
 *    "public":{"experts":board_public_experts(),"standing":[…],"formula":{…}|null},
 *    "audit":{"n","head"},"annex_sha256":hex}
 * `public` is what everybody sees of experts and standing from then on. What a contest may keep
 * from the public (stage.publish, few experts, names in rulings) is in the annex, for organisers:
 *   {"version","salt":64 hex digits,"experts":board_all_experts(),"standing":standing_json()|null,
 *    "metrics":[…],"rulings":[…]}
 * whose SHA-256 stands in the document, so it is signed along; the salt keeps it from being
 * guessed.
 *
 * The signature is a signed note (crypto/note.h) over
 *   "tallyd result v1\n<round>\n<version>\n<SHA-256 of the document, hex>\n"
 * by the round's result key under the name "<log_name>/<round>/result". C:results keeps
 * {"document":text,"annex":text,"note":text} by version. */
#ifndef TALLYD_OFFICE_RESULTS_H
#define TALLYD_OFFICE_RESULTS_H

#include "office/office.h"

/* What a recount has found to agree (audit/recount.h). Borrowed. */
struct result_evidence {
	uint64_t ballots, issued, log_size;
	json_t *citizen;  /* rows, counted from the ballots alone */
	json_t *log;      /* the checkpoints, each of a shard's full log: FORMAT.md 5.4 */
	uint64_t audit_n; /* entries of the audit log that were looked at */
	uint8_t audit_head[32];
};

/* Whether phase and requests let a result be signed now: what can be known before a recount. Good:
 * no members. 409 not-possible. */
void results_ask(struct office *office, bool correct, verdict_cb *cb, void *arg);
/* Certifies the provisional result, or (correct) replaces a certified one; both versions stay. 409
 * not-possible: the phase, or requests are open, or sealing has halted; 409 incomplete: something
 * that weighs is missing, named; 409 not-recounted: what would be signed is not what the evidence
 * says, so something has changed since; 401 invalid-bearer (one of `who`, who may be two with a
 * comma between them, has been revoked). Good: members
 * {"version","document","note","advanced":[…],"n"}. */
void results_sign(struct office *office, bool correct, const struct result_evidence *evidence,
    const uint8_t seed[32], const char *log_name, const char *who, const char *why, verdict_cb *cb,
    void *arg);

/* Checks note and document against the round's key. 0 or -EBADMSG. */
__attribute__((warn_unused_result)) int result_verify(
    const struct round *round, const char *log_name, struct slice document, struct slice note);
/* Whether this is the annex that the document speaks of. 0 or -EBADMSG. */
__attribute__((warn_unused_result)) int result_verify_annex(
    struct slice document, struct slice annex);

/* The SHA-256 of a document or annex, in hex. NULL: memory. */
json_t *result_sha256(struct slice bytes);

#endif
