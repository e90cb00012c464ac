/* What a blind RSA key is inside: shared by blindrsa.c and blindrsa_key.c only. */
#ifndef TALLYD_CRYPTO_BLINDRSA_KEY_H
#define TALLYD_CRYPTO_BLINDRSA_KEY_H

#include <openssl/bn.h>
#include <openssl/evp.h>

#include "crypto/blindrsa.h"

struct blindrsa_public {
	BIGNUM *n, *e;
	BN_MONT_CTX *mont; /* of n: made once, since making it costs a tenth of a verification */
	BN_CTX *scratch;
	BIGNUM *in, *out; /* operands of public_operation() */
	unsigned size;
};

struct blindrsa_private {
	EVP_PKEY *pkey; /* a plain RSA key: one restricted to PSS refuses raw operations */
	struct blindrsa_public *public;
};

#endif
