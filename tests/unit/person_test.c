/* admission/person, admission/login: what is signed is taken back, and nothing else is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admission/login.h"
#include "admission/person.h"

#define NOW 1796000000000

static struct hmac_key *key_of(const char *secret)
{
	struct hmac_key *key = hmac_key_new(slice_text(secret));

	assert_non_null(key);
	return key;
}

/* HMAC-SHA-256 of Python's hmac module, and its first 16 bytes. */
static void names_a_person_as_another_program_does(void **state)
{
	static const uint8_t expected[IDENTITY_SIZE] = {0x01, 0x1c, 0x60, 0x4f, 0x35, 0x4a, 0x85,
	    0xe7, 0xa8, 0x06, 0xb8, 0xbb, 0x03, 0xdb, 0xc0, 0x1b};
	struct hmac_key *key = key_of("0123456789abcdef0123456789abcdef");
	uint8_t identity[IDENTITY_SIZE], other[IDENTITY_SIZE];
	(void)state;

	person_identity(key, "kai", "ci", slice_text("김하나-1990"), identity);
	assert_memory_equal(identity, expected, IDENTITY_SIZE);
	person_identity(key, "kai~rehearsal", "ci", slice_text("김하나-1990"), other);
	assert_memory_not_equal(identity, other, IDENTITY_SIZE);
	person_identity(key, "kai", "sub", slice_text("김하나-1990"), other);
	assert_memory_not_equal(identity, other, IDENTITY_SIZE);
	person_identity(key, "kai", "ci", slice_text("김하나-1991"), other);
	assert_memory_not_equal(identity, other, IDENTITY_SIZE);
	hmac_key_free(key);
}

static void a_bearer_is_of_its_round_and_its_minutes(void **state)
{
	struct hmac_key *key = key_of("a"), *another = key_of("b");
	uint8_t identity[IDENTITY_SIZE] = {1, 2, 3}, read[IDENTITY_SIZE];
	char bearer[PERSON_BEARER_SIZE];
	struct slice text;
	(void)state;

	person_bearer_print(key, "kai", identity, NOW, bearer);
	text = slice_text(bearer);
	assert_int_equal(person_bearer_read(key, "kai", text, NOW, read), 0);
	assert_memory_equal(read, identity, IDENTITY_SIZE);
	assert_int_equal(
	    person_bearer_read(key, "kai", text, NOW + PERSON_BEARER_MS - 1001, read), 0);
	assert_int_equal(
	    person_bearer_read(key, "kai", text, NOW + PERSON_BEARER_MS, read), -ETIME);
	assert_int_equal(person_bearer_read(key, "kai~rehearsal", text, NOW, read), -EBADMSG);
	assert_int_equal(person_bearer_read(another, "kai", text, NOW, read), -EBADMSG);
	for (size_t len = 0; len < text.len; len++)
		assert_int_equal(
		    person_bearer_read(key, "kai", slice_make(bearer, len), NOW, read), -EBADMSG);
	for (size_t i = 0; i < text.len; i++) {
		bearer[i] ^= 1;
		assert_int_equal(person_bearer_read(key, "kai", text, NOW, read), -EBADMSG);
		bearer[i] ^= 1;
	}
	hmac_key_free(key);
	hmac_key_free(another);
}

static const struct login begun = {
    .contest = "kai-stage1", .provider = "pass", .english = true, .shared = true};

static void a_cookie_is_read_again(void **state)
{
	struct hmac_key *key = key_of("a"), *another = key_of("b");
	struct login login = begun, read;
	char cookie[LOGIN_COOKIE_SIZE], contest[CONTEST_ID_MAX + 1];
	struct slice text;
	(void)state;

	assert_int_equal(login_begin(&login, NOW), 0);
	text = slice_text(login_print(key, &login, cookie));
	assert_int_equal(login_contest(text, contest), 0);
	assert_string_equal(contest, "kai-stage1");
	assert_int_equal(login_read(key, text, NOW, &read), 0);
	assert_string_equal(read.contest, "kai-stage1");
	assert_string_equal(read.provider, "pass");
	assert_true(read.english && read.shared);
	assert_int_equal(read.ends_ms, NOW + LOGIN_MS);
	assert_memory_equal(read.seed, login.seed, sizeof(login.seed));
	assert_int_equal(login_read(key, text, NOW + LOGIN_MS, &read), -ETIME);
	assert_string_equal(read.contest, "kai-stage1");
	assert_int_equal(login_read(another, text, NOW, &read), -EBADMSG);
	for (size_t len = 0; len < text.len; len++)
		assert_int_equal(login_read(key, slice_make(cookie, len), NOW, &read), -EBADMSG);
	for (size_t i = 0; i < text.len; i++) {
		cookie[i] ^= 1;
		assert_int_equal(login_read(key, text, NOW, &read), -EBADMSG);
		cookie[i] ^= 1;
	}
	hmac_key_free(key);
	hmac_key_free(another);
}

/* The longest ids there may be. */
static void the_longest_cookie_fits(void **state)
{
	struct hmac_key *key = key_of("a");
	struct login login = begun, read;
	char cookie[LOGIN_COOKIE_SIZE];
	(void)state;

	memset(login.contest, 'c', CONTEST_ID_MAX);
	memset(login.provider, 'p', CONTEST_ID_MAX);
	assert_int_equal(login_begin(&login, NOW), 0);
	assert_int_equal(
	    login_read(key, slice_text(login_print(key, &login, cookie)), NOW, &read), 0);
	assert_string_equal(read.provider, login.provider);
	hmac_key_free(key);
}

/* Each word is another, and each login has its own. */
static void words_are_of_one_login(void **state)
{
	struct hmac_key *key = key_of("a");
	struct login login = begun;
	struct login_words words[2] = {0}, again = {0}; /* compared as bytes */
	(void)state;

	assert_int_equal(login_begin(&login, NOW), 0);
	login_words(key, &login, &words[0]);
	login_words(key, &login, &again);
	assert_memory_equal(&words[0], &again, sizeof(again));
	assert_int_equal(login_begin(&login, NOW), 0);
	login_words(key, &login, &words[1]);
	const char *all[] = {words[0].state, words[0].nonce, words[0].verifier, words[0].challenge,
	    words[1].state, words[1].nonce, words[1].verifier, words[1].challenge};
	bool english = false;
	char contest[CONTEST_ID_MAX + 1];

	assert_int_equal(login_hint(slice_text(words[0].state), &english, contest), 0);
	assert_true(english);
	assert_string_equal(contest, "kai-stage1");
	assert_int_equal(login_hint(slice_text("x.kai.1"), &english, contest), -EBADMSG);
	assert_int_equal(login_hint(slice_text(""), &english, contest), -EBADMSG);
	assert_int_equal(strlen(words[0].verifier), 43); /* RFC 7636: at least */
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(all[i], all[k]);
	}
	hmac_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_a_person_as_another_program_does),
	    cmocka_unit_test(a_bearer_is_of_its_round_and_its_minutes),
	    cmocka_unit_test(a_cookie_is_read_again),
	    cmocka_unit_test(the_longest_cookie_fits),
	    cmocka_unit_test(words_are_of_one_login),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
