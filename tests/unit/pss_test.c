/* crypto/pss: what is encoded checks, for every size of key, and no single flipped bit does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/pss.h"

static void no_flipped_bit(void **state)
{
	(void)state;
	const size_t sizes[] = {PSS_EM_MIN, 256, 257, PSS_EM_MAX};
	uint8_t em[PSS_EM_MAX], salt[PSS_SALT];

	for (size_t i = 0; i < PSS_SALT; i++)
		salt[i] = (uint8_t)(7 * i);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		pss_encode(slice_text("text"), salt, em, sizes[i]);
		assert_true(pss_check(slice_text("text"), em, sizes[i]));
		assert_false(pss_check(slice_text("test"), em, sizes[i]));
		/* The mask depends on H alone: a flipped bit of the masked block is one of the
		 * padding or of the salt, so each of the check's conditions is met here by itself.
		 */
		for (size_t bit = 0; bit < 8 * sizes[i]; bit++) {
			em[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			assert_false(pss_check(slice_text("text"), em, sizes[i]));
			em[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		}
		assert_true(pss_check(slice_text("text"), em, sizes[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_flipped_bit)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
