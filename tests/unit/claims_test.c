/* admission/claims: what must hold of an ID token's or assertion's claims, row by row. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admission/claims.h"

/* 2026-12-21T00:00:00Z */
#define TIMES  "\"iat\":1797811200,\"exp\":1797811500,"
#define ORIGIN "\"iss\":\"https://id.example\",\"nonce\":\"n\",\"aud\":\"us\","
#define PERSON "\"acr\":\"strong\",\"birthdate\":\"2000-02-29\",\"nation\":\"KR\",\"ci\":\"c1\""
#define REST   TIMES PERSON "}"

static char *acr[] = {"strong", "stronger"};
static char *nations[] = {"KR", "true", "7"};
static char claim_birthdate[] = "birthdate", claim_nation[] = "nation", claim_ci[] = "ci";
static char first[] = "1900-01-01", last[] = "2008-12-21";
static struct claim_rule rules[] = {
    {.claim = claim_birthdate, .at_least = first, .at_most = last},
    {.claim = claim_nation, .one_of = nations, .n_one_of = 3},
};

static struct contest a_contest(void)
{
	return (struct contest){
	    .identity = {
		.person_claim = claim_ci, .acr = acr, .n_acr = 2, .claims = rules, .n_claims = 2}};
}

static const struct {
	const char *claims;
	enum claims_verdict verdict;
} rows[] = {
    {"{" ORIGIN REST, CLAIMS_GOOD},
    /* iss, nonce */
    {"{\"iss\":\"https://id.example/\",\"nonce\":\"n\",\"aud\":\"us\"," REST, CLAIMS_UNSOUND},
    {"{\"nonce\":\"n\",\"aud\":\"us\"," REST, CLAIMS_UNSOUND},
    {"{\"iss\":\"https://id.example\",\"nonce\":\"m\",\"aud\":\"us\"," REST, CLAIMS_UNSOUND},
    {"{\"iss\":\"https://id.example\",\"aud\":\"us\"," REST, CLAIMS_UNSOUND},
    {"{\"iss\":\"https://id.example\",\"nonce\":\"n\\u0000\",\"aud\":\"us\"," REST, CLAIMS_UNSOUND},
    /* aud, azp */
    {"{\"iss\":\"https://id.example\",\"nonce\":\"n\",\"aud\":[\"us\"]," REST, CLAIMS_GOOD},
    {"{\"iss\":\"https://id.example\",\"nonce\":\"n\",\"aud\":\"them\"," REST, CLAIMS_UNSOUND},
    {"{\"iss\":\"https://id.example\",\"nonce\":\"n\",\"aud\":[]," REST, CLAIMS_UNSOUND},
    {"{\"iss\":\"https://id.example\",\"nonce\":\"n\"," REST, CLAIMS_UNSOUND},
    {"{\"iss\":\"https://id.example\",\"nonce\":\"n\",\"aud\":[\"us\",\"them\"]," REST,
	CLAIMS_UNSOUND},
    {"{\"iss\":\"https://"
     "id.example\",\"nonce\":\"n\",\"aud\":[\"us\",\"them\"],\"azp\":\"us\"," REST,
	CLAIMS_GOOD},
    {"{\"iss\":\"https://"
     "id.example\",\"nonce\":\"n\",\"aud\":[\"us\",\"them\"],\"azp\":\"them\"," REST,
	CLAIMS_UNSOUND},
    {"{" ORIGIN "\"azp\":\"them\"," REST, CLAIMS_UNSOUND},
    /* exp, iat, nbf: a minute's difference of clocks is forgiven */
    {"{" ORIGIN "\"iat\":1797811000,\"exp\":1797811141," PERSON "}", CLAIMS_GOOD},
    {"{" ORIGIN "\"iat\":1797811000,\"exp\":1797811140," PERSON "}", CLAIMS_EXPIRED},
    {"{" ORIGIN "\"iat\":1797811260,\"exp\":1797811500," PERSON "}", CLAIMS_GOOD},
    {"{" ORIGIN "\"iat\":1797811261,\"exp\":1797811500," PERSON "}", CLAIMS_EARLY},
    {"{" ORIGIN "\"iat\":1797810541,\"exp\":1797811500," PERSON "}", CLAIMS_GOOD},
    {"{" ORIGIN "\"iat\":1797810540,\"exp\":1797811500," PERSON "}", CLAIMS_EXPIRED},
    {"{" ORIGIN "\"iat\":1797811200.75,\"exp\":1.7978115e9," PERSON "}", CLAIMS_GOOD},
    {"{" ORIGIN "\"iat\":\"1797811200\",\"exp\":1797811500," PERSON "}", CLAIMS_UNSOUND},
    {"{" ORIGIN "\"exp\":1797811500," PERSON "}", CLAIMS_UNSOUND},
    {"{" ORIGIN "\"iat\":1797811200," PERSON "}", CLAIMS_UNSOUND},
    {"{" ORIGIN "\"iat\":1797811200,\"exp\":9223372036854775807," PERSON "}", CLAIMS_UNSOUND},
    {"{" ORIGIN "\"iat\":1797811200,\"exp\":1e300," PERSON "}", CLAIMS_UNSOUND},
    {"{" ORIGIN "\"nbf\":1797811261," REST, CLAIMS_EARLY},
    {"{" ORIGIN "\"nbf\":1797811260," REST, CLAIMS_GOOD},
    /* acr */
    {"{" ORIGIN TIMES
     "\"acr\":\"weak\",\"birthdate\":\"2000-01-01\",\"nation\":\"KR\",\"ci\":\"c\"}",
	CLAIMS_WEAK},
    {"{" ORIGIN TIMES "\"birthdate\":\"2000-01-01\",\"nation\":\"KR\",\"ci\":\"c\"}", CLAIMS_WEAK},
/* dates */
#define BORN(value)                                                                                \
	"{" ORIGIN TIMES "\"acr\":\"strong\",\"nation\":\"KR\",\"ci\":\"c\",\"birthdate\":" value  \
	"}"
    {BORN("\"2008-12-21\""), CLAIMS_GOOD},
    {BORN("\"2008-12-22\""), CLAIMS_EXCLUDED},
    {BORN("\"1899-12-31\""), CLAIMS_EXCLUDED},
    {BORN("\"0000-12-31\""), CLAIMS_SILENT},
    {BORN("\"2000\""), CLAIMS_SILENT},
    {BORN("\"20000101\""), CLAIMS_SILENT},
    {BORN("\"2000-1-1\""), CLAIMS_SILENT},
    {BORN("20000101"), CLAIMS_SILENT},
    {BORN("null"), CLAIMS_SILENT},
/* values */
#define FROM(value)                                                                                \
	"{" ORIGIN TIMES                                                                           \
	"\"acr\":\"strong\",\"birthdate\":\"2000-01-01\",\"ci\":\"c\",\"nation\":" value "}"
    {FROM("\"KR\""), CLAIMS_GOOD},
    {FROM("\"kr\""), CLAIMS_EXCLUDED},
    {FROM("[\"JP\",\"KR\"]"), CLAIMS_GOOD},
    {FROM("[\"JP\"]"), CLAIMS_EXCLUDED},
    {FROM("true"), CLAIMS_GOOD},
    {FROM("false"), CLAIMS_EXCLUDED},
    {FROM("7"), CLAIMS_GOOD},
    {FROM("{\"KR\":1}"), CLAIMS_EXCLUDED},
/* the person */
#define NAMED(value)                                                                               \
	"{" ORIGIN TIMES                                                                           \
	"\"acr\":\"strong\",\"birthdate\":\"2000-01-01\",\"nation\":\"KR\",\"ci\":" value "}"
    {NAMED("\"\""), CLAIMS_SILENT},
    {NAMED("true"), CLAIMS_SILENT},
    {NAMED("[\"c\"]"), CLAIMS_SILENT},
    {NAMED("12345"), CLAIMS_GOOD},
};

static enum claims_verdict judge(const char *text, const char *nonce)
{
	const struct claims_expected expected = {"https://id.example", "us", nonce, 1797811200};
	const struct contest contest = a_contest();
	json_t *claims = json_loads(text, JSON_ALLOW_NUL, NULL);
	char why[CLAIMS_WHY_MAX];
	enum claims_verdict verdict;

	assert_non_null(claims);
	verdict = claims_judge(claims, &expected, &contest, why);
	assert_int_equal(verdict == CLAIMS_GOOD, *why == '\0');
	json_decref(claims);
	return verdict;
}

static void judges_each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum claims_verdict verdict = judge(rows[i].claims, "n");
		if (verdict != rows[i].verdict)
			fail_msg("%s: %d, not %d", rows[i].claims, verdict, rows[i].verdict);
	}
}

#define ASSERTED "{\"iss\":\"https://id.example\",\"aud\":\"us\","

static void an_assertion_is_short(void **state)
{
	(void)state;
	assert_int_equal(judge(ASSERTED REST, NULL), CLAIMS_GOOD);
	assert_int_equal(
	    judge(ASSERTED "\"iat\":1797811200,\"exp\":1797811800," PERSON "}", NULL), CLAIMS_GOOD);
	assert_int_equal(judge(ASSERTED "\"iat\":1797811200,\"exp\":1797811801," PERSON "}", NULL),
	    CLAIMS_UNSOUND);
}

static void names_the_person(void **state)
{
	const struct contest contest = a_contest();
	json_t *claims = json_loads("{\"ci\":12345}", 0, NULL);
	char number[24];
	(void)state;

	assert_true(slice_is(claims_person(claims, &contest, number), "12345"));
	json_object_set_new(claims, "ci", json_string("c1"));
	assert_true(slice_is(claims_person(claims, &contest, number), "c1"));
	json_decref(claims);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judges_each_row),
	    cmocka_unit_test(an_assertion_is_short),
	    cmocka_unit_test(names_the_person),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
