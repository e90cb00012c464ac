/* Loads a contest round: definition, keys, rules and challenge, in this order, since each needs the
 * one before. */
#include "config/round.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "config/contestfile.h"
#include "config/roundcheck.h"
#include "config/settings.h"

static int fail(int error, char ret_why[ROUND_WHY_MAX], const char *sentence)
{
	(void)snprintf(ret_why, ROUND_WHY_MAX, "%s", sentence);
	return error;
}

/* All errors of the contest's file, one a line; what does not fit is left out. */
static void tell_errors(const struct config_errors *errors, char ret_why[ROUND_WHY_MAX])
{
	FILE *out = fmemopen(ret_why, ROUND_WHY_MAX, "w");

	ret_why[0] = '\0';
	if (out == NULL)
		return;
	config_errors_print(errors, out);
	(void)fclose(out);
	ret_why[ROUND_WHY_MAX - 1] = '\0'; /* fmemopen ends the text only where it fits */
	while (ret_why[0] != '\0' && ret_why[strlen(ret_why) - 1] == '\n')
		ret_why[strlen(ret_why) - 1] = '\0';
}

static int load_contest(
    struct round *round, const char *path, bool rehearsal, char ret_why[ROUND_WHY_MAX])
{
	struct config_errors errors = {0};
	int r = contestfile_load(path, rehearsal, &round->contest, &errors);

	if (r < 0)
		tell_errors(&errors, ret_why);
	config_errors_release(&errors);
	return r;
}

static int load_identity_key(
    struct round *round, const char *keys_dir, char ret_why[KEYRING_WHY_MAX])
{
	uint8_t secret[32];
	int r = keyring_load_identity(keys_dir, round->name, secret, ret_why);

	if (r < 0)
		return r;
	sha256_parts((struct slice[]){slice_text("tallyd identity key v1\n"),
			 slice_make(secret, sizeof(secret))},
	    2, round->identity_fingerprint);
	round->identity_key = hmac_key_new(slice_make(secret, sizeof(secret)));
	OPENSSL_cleanse(secret, sizeof(secret));
	return round->identity_key ? 0 : -ENOMEM;
}

static int load_keys(struct round *round, const char *keys_dir, char ret_why[ROUND_WHY_MAX])
{
	char why[KEYRING_WHY_MAX] = "";
	int r;

	contest_round(round->contest, round->name, sizeof(round->name));
	r = keyring_load_public(keys_dir, round->name, &round->keys, why);
	if (r == 0 && round->issues && contest_knows_persons(round->contest))
		r = load_identity_key(round, keys_dir, why);
	return r < 0 ? fail(r, ret_why, why) : 0;
}

static int make_rules(
    struct round *round, const struct settings *settings, char ret_why[ROUND_WHY_MAX])
{
	struct contest_fingerprints prints;

	memcpy(prints.token_key, round->keys.token_key_id, sizeof(prints.token_key));
	memcpy(prints.log_key, round->keys.log_key_fingerprint, sizeof(prints.log_key));
	memcpy(prints.salt_key, round->keys.salt_fingerprint, sizeof(prints.salt_key));
	memcpy(prints.bearer_key, round->keys.bearer_fingerprint, sizeof(prints.bearer_key));
	memcpy(prints.result_key, round->keys.result_fingerprint, sizeof(prints.result_key));
	memcpy(prints.identity_key, round->identity_fingerprint, sizeof(prints.identity_key));
	round->rules = contest_rules(round->contest, settings->log_name, &prints);
	if (round->rules == NULL)
		return fail(-ENOMEM, ret_why, "There is not enough memory.");
	sha256(slice_text(round->rules), round->rules_hash);
	return 0;
}

static int make_challenge(
    struct round *round, const struct settings *settings, char ret_why[ROUND_WHY_MAX])
{
	uint8_t context[32];
	int r;

	pp_redemption_context(
	    round->contest->id, round->contest->rehearsal, round->keys.token_key_id, context);
	r = pp_challenge(settings->issuer_name, slice_make(context, sizeof(context)),
	    settings->origin_info, round->challenge, &round->challenge_len);
	if (r < 0)
		return fail(r, ret_why,
		    "The issuer's name and the origin make a token challenge that is too long; "
		    "choose shorter "
		    "ones.");
	sha256(slice_make(round->challenge, round->challenge_len), round->challenge_digest);
	return 0;
}

int round_load(const struct settings *settings, const char *path, struct round **ret_round,
    char ret_why[ROUND_WHY_MAX])
{
	struct round *round = calloc(1, sizeof(*round));
	int r;

	if (round == NULL)
		return fail(-ENOMEM, ret_why, "There is not enough memory.");
	round->issues = (settings->serves & SETTINGS_ISSUER) != 0;
	r = load_contest(round, path, settings->rehearsal, ret_why);
	if (r == 0)
		r = roundcheck_identity(round->contest, settings, ret_why);
	if (r == 0)
		r = load_keys(round, settings->keys, ret_why);
	if (r == 0)
		r = make_rules(round, settings, ret_why);
	if (r == 0)
		r = make_challenge(round, settings, ret_why);
	if (r < 0) {
		round_free(round);
		return r;
	}
	*ret_round = round;
	return 0;
}

void round_free(struct round *round)
{
	if (round == NULL)
		return;
	contest_free(round->contest);
	hmac_key_free(round->identity_key);
	keyring_public_release(&round->keys);
	free(round->rules);
	free(round);
}
