/* crypto/rsa_ifma against OpenSSL: random numbers, the edges, numbers full of ones and of zeros
 * (carries), under several moduli. Skipped where the processor lacks AVX-512 IFMA. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "crypto/rsa_ifma.h"

enum { MODULI = 2, RANDOM_NUMBERS = 300 };

struct pair {
	BIGNUM *n, *e, *x, *expected;
	BN_CTX *scratch;
	struct rsa_ifma *key;
};

static void pair_init(struct pair *pair, BIGNUM *n)
{
	*pair = (struct pair){
	    .n = n, .e = BN_new(), .x = BN_new(), .expected = BN_new(), .scratch = BN_CTX_new()};
	BN_set_word(pair->e, RSA_F4);
	pair->key = rsa_ifma_new(n, pair->scratch);
	assert_non_null(pair->key);
}

static void pair_release(struct pair *pair)
{
	rsa_ifma_free(pair->key);
	BN_free(pair->n);
	BN_free(pair->e);
	BN_free(pair->x);
	BN_free(pair->expected);
	BN_CTX_free(pair->scratch);
}

static void same(struct pair *pair, const BIGNUM *x)
{
	uint8_t in[RSA_IFMA_BYTES], want[RSA_IFMA_BYTES], have[RSA_IFMA_BYTES];

	assert_true(BN_bn2binpad(x, in, sizeof(in)) >= 0);
	assert_true(BN_mod_exp(pair->expected, x, pair->e, pair->n, pair->scratch));
	assert_true(BN_bn2binpad(pair->expected, want, sizeof(want)) >= 0);
	rsa_ifma_power(pair->key, in, have);
	assert_memory_equal(have, want, sizeof(want));
}

static void same_for_all(struct pair *pair)
{
	for (int i = 0; i < RANDOM_NUMBERS; i++) {
		assert_true(BN_rand_range(pair->x, pair->n));
		same(pair, pair->x);
	}
	/* 2^bit, 2^bit - 1, and as far below n: every run of ones and zeros, every digit's edge. */
	for (int bit = 0; bit < 2047; bit++) {
		BN_zero(pair->x);
		assert_true(BN_set_bit(pair->x, bit));
		same(pair, pair->x);
		assert_true(BN_sub_word(pair->x, 1));
		same(pair, pair->x);
		assert_true(BN_sub(pair->x, pair->n, pair->x) && BN_sub_word(pair->x, 1));
		same(pair, pair->x);
	}
}

static void random_moduli(void **state)
{
	(void)state;
	if (!rsa_ifma_is_here())
		skip();
	for (int i = 0; i < MODULI; i++) {
		BIGNUM *n = BN_new();
		struct pair pair;

		assert_true(BN_rand(n, 2048, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD));
		pair_init(&pair, n);
		same_for_all(&pair);
		pair_release(&pair);
	}
}

/* The arithmetic asks only that n be odd and of 2048 bits: 2^2048 - 1 and 2^2047 + 1 are as far as
 * it goes. */
static void extreme_moduli(void **state)
{
	(void)state;
	if (!rsa_ifma_is_here())
		skip();
	for (int greatest = 0; greatest < 2; greatest++) {
		BIGNUM *n = BN_new();
		struct pair pair;

		BN_set_bit(n, greatest ? 2048 : 2047);
		assert_true(greatest ? BN_sub_word(n, 1) : BN_add_word(n, 1));
		pair_init(&pair, n);
		same_for_all(&pair);
		pair_release(&pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_moduli),
	    cmocka_unit_test(extreme_moduli),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
