/* office: records of people, invitations checked by themselves, tokens read without a desk, and
 * lines of text. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/text.h"
#include "contest_fixture.h"
#include "office/people.h"

/* ---- records ---- */

static void records_there_and_back(void **state)
{
	static const char *const records[] = {
	    "{\"expires\":2,\"issued\":1,\"jti\":\"j\",\"name\":\"김하늘\",\"role\":\"expert\"}",
	    "{\"affiliation\":\"KAIST\",\"email\":\"a@b\",\"expires\":2,\"issued\":1,\"jti\":\"j\","
	    "\"name\":\"n\",\"panel\":\"experts\",\"pledged\":3,\"revoked\":4,\"revoked_why\":"
	    "\"lost\","
	    "\"role\":\"expert\"}",
	    "{\"expires\":2,\"issued\":1,\"jti\":\"j\",\"name\":\"n\",\"role\":\"organiser\"}",
	    "{\"expires\":2,\"issued\":1,\"jti\":\"j\",\"name\":\"n\",\"role\":\"observer\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct person person;
		json_t *json;
		char *text, who[OFFICE_WHO_MAX];
		assert_int_equal(
		    person_read("expert-abcdefgh", slice_text(records[i]), &person), 0);
		json = person_json(&person);
		text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
		assert_string_equal(text, records[i]);
		assert_string_equal(strchr(person_who(&person, who), ':'), ":expert-abcdefgh");
		free(text);
		json_decref(json);
		person_release(&person);
	}
}

static void damaged_records(void **state)
{
	static const char *const records[] = {
	    "",
	    "[]",
	    "{}",
	    "{\"role\":\"king\",\"jti\":\"j\",\"name\":\"n\"}",
	    "{\"role\":\"expert\",\"name\":\"n\"}",
	    "{\"role\":\"expert\",\"jti\":\"\",\"name\":\"n\"}",
	    "{\"role\":\"expert\",\"jti\":\"01234567890123456789012345678901\",\"name\":\"n\"}",
	    "{\"role\":\"expert\",\"jti\":\"j\"}",
	    "{\"role\":\"expert\",\"jti\":\"j\",\"name\":1}",
	    "{\"role\":\"expert\",\"jti\":\"j\",\"name\":\"n\",\"revoked\":true}",
	    "{\"role\":\"expert\",\"jti\":\"j\",\"name\":\"n\",\"revoked\":-1}",
	    "{\"role\":\"expert\",\"jti\":\"j\",\"name\":\"n\",\"name\":\"m\"}",
	};
	struct person person;

	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		assert_int_equal(
		    person_read("expert-abcdefgh", slice_text(records[i]), &person), -EBADMSG);
	assert_int_equal(person_read("expert-abcdefgh", slice_make(NULL, 0), &person), -EBADMSG);
}

/* ---- invitations ---- */

static void add_panels(struct contest *contest, size_t n)
{
	static const char *const ids[] = {"experts", "users"};

	contest->panels = calloc(n, sizeof(*contest->panels));
	contest->n_panels = n;
	for (size_t i = 0; i < n; i++) {
		contest->panels[i].id = copy(ids[i]);
		contest->panels[i].name = text_of("패널", ids[i]);
	}
}

#define LONG_100                                                                                                                   \
	"가나다라마바사아자차가나다라마바사아자차가나다라마바사아자차가나다라마바사아자차" \
	"가나다라마바사아자차가나다라마바사아자차가나다라마바사아자차가나다라마바사아자차" \
	"가나다라마바사아자차가나다라마바사아자차"

static void invitations(void **state)
{
	static const struct {
		struct invitation invitation;
		const char *why; /* of it; NULL: good */
	} rows[] = {
	    {{ROLE_EXPERT, "김하늘", "KAIST", "a@b.example", "users", 1}, NULL},
	    {{ROLE_EXPERT, " 김하늘\t", NULL, NULL, NULL, 1}, NULL},
	    {{ROLE_EXPERT, LONG_100, LONG_100, "", "", 1}, NULL},
	    {{ROLE_ORGANISER, "n", NULL, NULL, NULL, 1}, NULL},
	    {{ROLE_OBSERVER, "n", "a", NULL, " ", 1}, NULL},
	    {{ROLE_EXPERT, NULL, NULL, NULL, NULL, 1}, "name is missing"},
	    {{ROLE_EXPERT, " \xe3\x80\x80 ", NULL, NULL, NULL, 1}, "name is missing"},
	    {{ROLE_EXPERT, LONG_100 "x", NULL, NULL, NULL, 1}, "101 characters"},
	    {{ROLE_EXPERT, "n", LONG_100 "x", NULL, NULL, 1}, "101 characters"},
	    {{ROLE_EXPERT, "a\nb", NULL, NULL, NULL, 1}, "plain text"},
	    {{ROLE_EXPERT, "a\x1b[2Jb", NULL, NULL, NULL, 1}, "plain text"},
	    {{ROLE_EXPERT, "\xe3\x85\xa4", NULL, NULL, NULL, 1}, "plain text"}, /* Hangul filler */
	    {{ROLE_EXPERT, "a\xffz", NULL, NULL, NULL, 1}, "plain text"},
	    {{ROLE_EXPERT, "n", "a\xc2\x85z", NULL, NULL, 1}, "plain text"},
	    {{ROLE_EXPERT, "n", NULL, "a", NULL, 1}, "e-mail"},
	    {{ROLE_EXPERT, "n", NULL, "a@", NULL, 1}, "e-mail"},
	    {{ROLE_EXPERT, "n", NULL, "@a", NULL, 1}, "e-mail"},
	    {{ROLE_EXPERT, "n", NULL, "a@b@c", NULL, 1}, "e-mail"},
	    {{ROLE_EXPERT, "n", NULL, "a b@c", NULL, 1}, "e-mail"},
	    {{ROLE_EXPERT, "n", NULL, NULL, "kings", 1}, "no panel"},
	    {{ROLE_ORGANISER, "n", NULL, NULL, "experts", 1}, "only an expert"},
	    {{ROLE_EXPERT | ROLE_ORGANISER, "n", NULL, NULL, NULL, 1}, "role"},
	};
	struct contest *contest = fixture_contest("choices", three, 3);

	(void)state;
	add_panels(contest, 2);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char why[300] = "";
		int r = invitation_check(contest, &rows[i].invitation, why);
		assert_int_equal(r, rows[i].why == NULL ? 0 : -EINVAL);
		if (rows[i].why != NULL && strstr(why, rows[i].why) == NULL)
			fail_msg("row %zu: %s", i, why);
	}
	contest_free(contest);
}

static void a_contest_without_panels(void **state)
{
	const struct invitation expert = {ROLE_EXPERT, "n", NULL, NULL, NULL, 1};
	const struct invitation observer = {ROLE_OBSERVER, "n", NULL, NULL, NULL, 1};
	struct contest *contest = fixture_contest("choices", three, 3);
	char why[300];

	(void)state;
	assert_int_equal(invitation_check(contest, &expert, why), -EINVAL);
	assert_int_equal(invitation_check(contest, &observer, why), 0);
	contest_free(contest);
}

/* ---- tokens ---- */

static struct jws_key *key, *other_key;
static struct round rounds;

static size_t pem_of(EVP_PKEY *pkey, bool private, char *ret_pem, size_t cap)
{
	BIO *bio = BIO_new(BIO_s_mem());
	size_t len;

	assert_int_equal(private ? PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)
				 : PEM_write_bio_PUBKEY(bio, pkey),
	    1);
	len = (size_t)BIO_read(bio, ret_pem, (int)cap);
	BIO_free(bio);
	return len;
}

static int make_keys(void **state)
{
	char pem[2000];
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	(void)state;
	assert_int_equal(
	    jws_key_private(slice_make(pem, pem_of(pkey, true, pem, sizeof(pem))), &key), 0);
	assert_int_equal(jws_key_public(slice_make(pem, pem_of(pkey, false, pem, sizeof(pem))),
			     &rounds.keys.bearer),
	    0);
	assert_int_equal(
	    jws_key_private(slice_make(pem, pem_of(other, true, pem, sizeof(pem))), &other_key), 0);
	(void)snprintf(rounds.name, sizeof(rounds.name), "kai~rehearsal");
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(other);
	return 0;
}

static int drop_keys(void **state)
{
	(void)state;
	jws_key_free(key);
	jws_key_free(other_key);
	jws_key_free(rounds.keys.bearer);
	return 0;
}

static int read_token(const char *token, int64_t now_ms, struct bearer *ret_bearer)
{
	return bearer_read(&rounds, "vote.example", slice_text(token), now_ms, ret_bearer);
}

static json_t *good_claims(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "iss", "vote.example", "aud",
	    "kai~rehearsal", "sub", "expert-abcdefgh", "role", "expert", "jti", "j", "iat", 1,
	    "exp", 100);
}

static void reads_tokens(void **state)
{
	json_t *claims = good_claims();
	char *token = jws_sign(key, claims);
	char *forged = jws_sign(other_key, claims);
	struct bearer bearer = {.expires_ms = 0};

	(void)state;
	assert_int_equal(read_token(token, 99999, &bearer), 0);
	assert_string_equal(bearer.id, "expert-abcdefgh");
	assert_string_equal(bearer.jti, "j");
	assert_int_equal(bearer.role, ROLE_EXPERT);
	assert_int_equal(bearer.expires_ms, 100000);
	assert_int_equal(read_token(token, 100000, &bearer), -ETIME);
	assert_int_equal(read_token(token, 100001, &bearer), -ETIME);
	assert_int_equal(read_token(forged, 1, &bearer), -EBADMSG);
	assert_int_equal(read_token("", 1, &bearer), -EBADMSG);
	assert_int_equal(
	    bearer_read(&rounds, "other.example", slice_text(token), 1, &bearer), -EBADMSG);
	(void)snprintf(rounds.name, sizeof(rounds.name), "kai"); /* the real round */
	assert_int_equal(read_token(token, 1, &bearer), -EBADMSG);
	(void)snprintf(rounds.name, sizeof(rounds.name), "kai~rehearsal");
	free(token);
	free(forged);
	json_decref(claims);
}

/* Each claim missing, and of another kind. */
static void refuses_other_claims(void **state)
{
	static const char *const names[] = {"iss", "aud", "sub", "role", "jti", "iat", "exp"};
	json_t *const values[] = {NULL, json_null(), json_true(), json_string(""),
	    json_string("king"), json_array(), json_integer(-1), json_real(1.5),
	    json_string("a text that is longer than any id or jti may be")};
	struct bearer bearer;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
			json_t *claims = good_claims();
			char *token;
			bool fits = (k == 4 && (i == 2 || i == 4)) || (k == 6 && i == 5);
			if (values[k] == NULL)
				assert_int_equal(json_object_del(claims, names[i]), 0);
			else
				assert_int_equal(json_object_set(claims, names[i], values[k]), 0);
			token = jws_sign(key, claims);
			if (read_token(token, 1, &bearer) != (fits ? 0 : -EBADMSG))
				fail_msg("%s, value %zu", names[i], k);
			free(token);
			json_decref(claims);
		}
	for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++)
		json_decref(values[k]);
}

/* ---- lines ---- */

static void lines(void **state)
{
	static const struct {
		const char *text;
		long characters;
	} rows[] = {
	    {"", 0}, {"abc", 3}, {"한글", 2}, {"\xf0\x9f\x98\x80", 1}, {"a\tb", -EINVAL},
	    {"a\nb", -EINVAL}, {"\x7f", -EINVAL}, {"\xc2\x80", -EINVAL}, /* C1 */
	    {"\xc0\xaf", -EINVAL},                                       /* not the shortest form */
	    {"\xe0\x80\xaf", -EINVAL}, {"\xed\xa0\x80", -EINVAL},        /* a surrogate */
	    {"\xf4\x90\x80\x80", -EINVAL},                               /* beyond U+10FFFF */
	    {"\xe2\x80", -EINVAL},                                       /* cut off */
	    {"\x80", -EINVAL}, {"\xff", -EINVAL}, {"\xe2\x80\xa8", -EINVAL}, /* U+2028 */
	    {"\xe2\x80\xae"
	     "abc",
		-EINVAL}, /* U+202E turns what follows round */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (text_characters(slice_text(rows[i].text)) != rows[i].characters)
			fail_msg("row %zu", i);
	assert_true(slice_is(text_trim(slice_text(" \t\xc2\xa0 a b\xe3\x80\x80\r\n")), "a b"));
	assert_true(slice_is(text_trim(slice_text(" \xe3\x80\x80")), ""));
	assert_true(slice_is(text_trim(slice_text("")), ""));
}

static void roles(void **state)
{
	static const enum role all[] = {ROLE_EXPERT, ROLE_ORGANISER, ROLE_OBSERVER};
	enum role role;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(role_parse(role_name(all[i]), &role), 0);
		assert_int_equal(role, all[i]);
	}
	assert_int_equal(role_parse("Expert", &role), -EINVAL);
	assert_int_equal(role_parse("", &role), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_there_and_back),
	    cmocka_unit_test(damaged_records),
	    cmocka_unit_test(invitations),
	    cmocka_unit_test(a_contest_without_panels),
	    cmocka_unit_test(reads_tokens),
	    cmocka_unit_test(refuses_other_claims),
	    cmocka_unit_test(lines),
	    cmocka_unit_test(roles),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
