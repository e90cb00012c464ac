/* Signed results. A result's document is canonical JSON (compact, sorted keys):
 *   {"version":n,"kind":"certified"|"corrected","contest","rehearsal","rules_hash","at","who","why",
 *    "ballots","issued","log_size","citizen":[…snapshot rows],"experts":{…all panels, n, spread,
 * recused},
 *    "standing":{…standing_json()},"metrics":[…],"rulings":[…],"audit":{"n","head"},"advanced":[ids],
 *    "public":{"experts":board_public_experts(),"standing":[…],"formula":{…}}}    (what the public
 * sees from now on) and its signature a signed note (crypto/note.h) over "tallyd result
 * v1\n<round>\n<version>\n<SHA-256 of the document, hex>\n" by the round's result key under the
 * name "<log_name>/<round>/result". C:results keeps {"document":text,"note":text} by version. */
#ifndef TALLYD_OFFICE_RESULTS_H
#define TALLYD_OFFICE_RESULTS_H

#include "office/office.h"

/* Certifies the provisional result, or (correct) replaces a certified one; both versions stay. 409
 * not-possible: the phase; 409 incomplete: something that weighs is missing, named. Good: members
 * {"version","document","note", "advanced":[…]}. */
void results_sign(struct office *office, bool correct, const uint8_t seed[32], const char *log_name,
    const char *who, const char *why, verdict_cb *cb, void *arg);

/* Checks note and document against the round's key. 0 or -EBADMSG. */
__attribute__((warn_unused_result)) int result_verify(
    const struct round *round, const char *log_name, struct slice document, struct slice note);

#endif
