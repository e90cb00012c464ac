/* One key a round, each the other half of what is published. */
#include "worker/signer_keys.h"

#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "config/round.h"

/* Signatures by another key than the published one would be worth nothing to voters. */
static bool is_pair(const struct blindrsa_private *key, const struct round *round)
{
	struct blindrsa_public *public;
	uint8_t key_id[PP_KEY_ID_SIZE];
	if (blindrsa_public_of(key, &public) != 0)
		return false;
	pp_key_id(public, key_id);
	blindrsa_public_free(public);
	return memcmp(key_id, round->keys.token_key_id, sizeof(key_id)) == 0;
}

int signer_keys_load(const char *keys_dir, struct round *const *rounds, size_t n_rounds,
    struct blindrsa_private **ret_keys)
{
	for (size_t i = 0; i < n_rounds; i++) {
		char why[KEYRING_WHY_MAX];
		if (keyring_load_token_private(keys_dir, rounds[i]->name, &ret_keys[i], why) != 0) {
			log_error("%s", why);
			return EX_NOINPUT;
		}
		if (!is_pair(ret_keys[i], rounds[i])) {
			log_error(
			    "%s/%s: token.private.pem does not belong to token.public.pem; restore "
			    "both from one backup",
			    keys_dir, rounds[i]->name);
			return EX_CONFIG;
		}
	}
	return EX_OK;
}
