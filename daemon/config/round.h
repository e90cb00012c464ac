/* One contest round ready to serve: its definition, its public keys, the frozen rules, and the
 * fixed TokenChallenge. Loaded once at start by the worker and by tallyctl; knows no state of the
 * contest. */
#ifndef TALLYD_CONFIG_ROUND_H
#define TALLYD_CONFIG_ROUND_H

#include <stddef.h>
#include <stdint.h>

#include "contest/contest.h"
#include "crypto/digest.h"
#include "crypto/keyring.h"
#include "crypto/privacypass.h"

#define ROUND_NAME_MAX (CONTEST_ID_MAX + 16) /* "<id>~rehearsal" and its NUL */
#define ROUND_WHY_MAX  4096

struct settings; /* config/settings.h */

struct round {
	struct contest *contest;
	char name[ROUND_NAME_MAX]; /* contest_round(): names keys, Redis keys and log */
	bool issues;               /* this host admits its voters; else another one does */
	struct keyring_public keys;
	char *rules;                     /* contest_rules(): canonical JSON */
	uint8_t rules_hash[SHA256_SIZE]; /* SHA-256 of it */
	uint8_t challenge[PP_CHALLENGE_MAX];
	size_t challenge_len;
	struct hmac_key *identity_key; /* of who is admitted; NULL: knows no persons, or the issuer
					  is another host */
	/* SHA-256("tallyd identity key v1\n" | key); zeros without that key. */
	uint8_t identity_fingerprint[SHA256_SIZE];
	uint8_t challenge_digest[SHA256_SIZE]; /* what each token's input must carry */
};

/* Loads the contest file at `path` (as its rehearsal where settings->rehearsal) with the public
 * keys of its round. 0; else -errno with ret_why, NUL-terminated: one message, or one a line for
 * the errors of the contest's file. The caller frees the round with round_free(). */
__attribute__((warn_unused_result)) int round_load(const struct settings *settings,
    const char *path, struct round **ret_round, char ret_why[ROUND_WHY_MAX]);
void round_free(struct round *round);

#endif
