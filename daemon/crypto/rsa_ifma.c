/* x^65537 mod n in numbers of 40 digits of 52 bits, five registers of eight digits each.
 *
 * Almost-Montgomery multiplication (Gueron, "Efficient software implementations of modular
 * exponentiation", 2012): with R = 2^2080 > 4n and factors below 2n, a product a*b/R mod n comes
 * out below 2n again without any comparison, so only the last result is brought below n. */
#include "crypto/rsa_ifma.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS     40
#define DIGIT_BITS 52
#define DIGIT_MASK ((UINT64_C(1) << DIGIT_BITS) - 1)

struct number {
	_Alignas(64) uint64_t digit[DIGITS]; /* the least first */
};

struct rsa_ifma {
	struct number n;
	struct number r_squared; /* R^2 mod n */
	uint64_t n_inverse;      /* -1/n mod 2^52 */
};

/* ---- to and from bytes ---- */

/* A digit begins at every 52nd bit, which is a whole or a half byte. */
static void number_read(const uint8_t bytes[RSA_IFMA_BYTES], struct number *ret)
{
	uint8_t little[DIGITS * DIGIT_BITS / 8 + 8] = {0};

	for (size_t i = 0; i < RSA_IFMA_BYTES; i++)
		little[i] = bytes[RSA_IFMA_BYTES - 1 - i];
	for (size_t i = 0; i < DIGITS; i++) {
		size_t bit = i * DIGIT_BITS;
		uint64_t word;
		memcpy(&word, little + bit / 8, sizeof(word));
		ret->digit[i] = word >> bit % 8 & DIGIT_MASK;
	}
}

static void number_write(const struct number *number, uint8_t ret[RSA_IFMA_BYTES])
{
	uint8_t little[DIGITS * DIGIT_BITS / 8 + 8] = {0};

	for (size_t i = 0; i < DIGITS; i++) {
		size_t bit = i * DIGIT_BITS;
		uint64_t word;
		memcpy(&word, little + bit / 8, sizeof(word));
		word |= number->digit[i] << bit % 8;
		memcpy(little + bit / 8, &word, sizeof(word));
	}
	for (size_t i = 0; i < RSA_IFMA_BYTES; i++)
		ret[i] = little[RSA_IFMA_BYTES - 1 - i];
}

/* ---- arithmetic ---- */

/* number - n where that is not negative. */
static void reduce_once(struct number *number, const struct number *n)
{
	struct number less;
	uint64_t borrow = 0;

	for (size_t i = 0; i < DIGITS; i++) {
		uint64_t digit = number->digit[i] - n->digit[i] - borrow;
		borrow = digit >> 63;
		less.digit[i] = digit & DIGIT_MASK;
	}
	if (!borrow)
		*number = less;
}

/* -1/n mod 2^52: each round of Newton's doubles the bits that are right, beginning with three. */
static uint64_t negative_inverse(uint64_t n)
{
	uint64_t inverse = n;

	for (int i = 0; i < 5; i++)
		inverse *= 2 - n * inverse;
	return (0 - inverse) & DIGIT_MASK;
}

#if defined(__x86_64__)

#include <immintrin.h>

#define WITH_IFMA __attribute__((target("avx512f,avx512ifma,bmi2")))
#define LANES     8
#define VECTORS   (DIGITS / LANES)

typedef unsigned __int128 wide;

bool rsa_ifma_is_here(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma") &&
	       __builtin_cpu_supports("bmi2");
}

/* Unrolled, or the vectors would live in memory. */
#define EACH_VECTOR(j) _Pragma("GCC unroll 5") for (size_t j = 0; j < VECTORS; j++)

/* ret = a * b / R mod n, below 2n; `ret` may be a factor. Row i adds a * b[i] and the multiple of n
 * that makes the lowest digit zero, then moves down a digit. The lowest digit is kept in `low`, as
 * a plain word, for each row's multiple hangs on it. A lane gathers four products below 2^52 a row,
 * so 40 rows stay below 2^60 and carries can wait until the end. */
WITH_IFMA static void multiply(
    const struct rsa_ifma *key, const struct number *a, const struct number *b, struct number *ret)
{
	const __m512i zero = _mm512_setzero_si512();
	__m512i va[VECTORS], vn[VECTORS], sum[VECTORS];
	uint64_t low = 0;

	EACH_VECTOR(j)
	{
		va[j] = _mm512_load_si512(a->digit + j * LANES);
		vn[j] = _mm512_load_si512(key->n.digit + j * LANES);
		sum[j] = zero;
	}
	for (size_t i = 0; i < DIGITS; i++) {
		wide lowest = (wide)a->digit[0] * b->digit[i] + low;
		uint64_t multiple = (uint64_t)lowest * key->n_inverse & DIGIT_MASK;
		const __m512i vb = _mm512_set1_epi64((long long)b->digit[i]);
		const __m512i vm = _mm512_set1_epi64((long long)multiple);

		lowest += (wide)key->n.digit[0] * multiple;
		EACH_VECTOR(j)
		sum[j] = _mm512_madd52lo_epu64(sum[j], va[j], vb);
		EACH_VECTOR(j)
		sum[j] = _mm512_madd52lo_epu64(sum[j], vn[j], vm);
		EACH_VECTOR(j)
		sum[j] = _mm512_alignr_epi64(j + 1 < VECTORS ? sum[j + 1] : zero, sum[j], 1);
		low = (uint64_t)(lowest >> DIGIT_BITS) +
		      (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(sum[0]));
		EACH_VECTOR(j)
		sum[j] = _mm512_madd52hi_epu64(sum[j], va[j], vb);
		EACH_VECTOR(j)
		sum[j] = _mm512_madd52hi_epu64(sum[j], vn[j], vm);
	}
	EACH_VECTOR(j)
	_mm512_store_si512(ret->digit + j * LANES, sum[j]);
	ret->digit[0] = low;
	for (size_t i = 0; i + 1 < DIGITS; i++) {
		ret->digit[i + 1] += ret->digit[i] >> DIGIT_BITS;
		ret->digit[i] &= DIGIT_MASK;
	}
}

#else

bool rsa_ifma_is_here(void)
{
	return false;
}

static void multiply(
    const struct rsa_ifma *key, const struct number *a, const struct number *b, struct number *ret)
{
	(void)key;
	(void)a;
	(void)b;
	(void)ret;
	abort();
}

#endif

/* ---- public ---- */

static int set_modulus(struct rsa_ifma *key, const BIGNUM *n, BN_CTX *scratch)
{
	uint8_t bytes[RSA_IFMA_BYTES];
	BIGNUM *r_squared = BN_new();
	int r = -1;

	if (r_squared != NULL && BN_set_bit(r_squared, 2 * DIGITS * DIGIT_BITS) &&
	    BN_mod(r_squared, r_squared, n, scratch) &&
	    BN_bn2binpad(r_squared, bytes, sizeof(bytes)) >= 0) {
		number_read(bytes, &key->r_squared);
		r = 0;
	}
	BN_free(r_squared);
	if (BN_bn2binpad(n, bytes, sizeof(bytes)) < 0)
		r = -1;
	number_read(bytes, &key->n);
	key->n_inverse = negative_inverse(key->n.digit[0]);
	return r;
}

struct rsa_ifma *rsa_ifma_new(const BIGNUM *n, BN_CTX *scratch)
{
	struct rsa_ifma *key = aligned_alloc(64, sizeof(*key));

	if (key != NULL && set_modulus(key, n, scratch) < 0) {
		rsa_ifma_free(key);
		return NULL;
	}
	return key;
}

void rsa_ifma_free(struct rsa_ifma *key)
{
	free(key);
}

/* As in blindrsa.c: the last factor is the plain number, which takes the product out of Montgomery
 * form at no cost. */
void rsa_ifma_power(
    const struct rsa_ifma *key, const uint8_t x[RSA_IFMA_BYTES], uint8_t ret[RSA_IFMA_BYTES])
{
	struct number plain, power;

	number_read(x, &plain);
	multiply(key, &plain, &key->r_squared, &power);
	for (int i = 0; i < 16; i++)
		multiply(key, &power, &power, &power);
	multiply(key, &power, &plain, &power);
	reduce_once(&power, &key->n);
	number_write(&power, ret);
}
