/* admission/assertion: which files are key sets, and whose word a token is where a contest takes
 * several gateways'. What its claims must say is tests/unit/claims_test.c's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "admission/admission.h"
#include "admission/assertion.h"
#include "token_fixture.h"

#define NOW_MS 1797811200000 /* 2026-12-21T00:00:00Z */
#define REST   "\"aud\":\"us\",\"iat\":1797811200,\"exp\":1797811500,\"member\":\"m1\"}"
#define PATH   64

enum { ONE, OTHER, STRANGER, KEYS_N };

struct fixture {
	char dir[PATH], files[KEYS_N][PATH + 16];
	EVP_PKEY *pkeys[KEYS_N];
	struct gateway_settings its[2];
	struct sign_in places[2];
	struct settings settings;
	struct contest contest;
	struct hmac_key *identity_key;
};

static char id_one[] = "one", id_other[] = "other", us[] = "us", member[] = "member",
	    vote[] = "vote";
static char iss_one[] = "https://one.example", iss_other[] = "https://other.example";

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/tallyd-assertion-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	for (int i = 0; i < KEYS_N; i++) {
		json_t *set;
		char *text;

		f->pkeys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		set = json_pack("{s:[o]}", "keys", fixture_jwk(f->pkeys[i], NULL));
		text = json_dumps(set, 0);
		(void)snprintf(f->files[i], sizeof(f->files[i]), "%s/%d.json", f->dir, i);
		write_file(f->files[i], text);
		free(text);
		json_decref(set);
	}
	f->its[0] = (struct gateway_settings){
	    .id = id_one, .issuer = iss_one, .audience = us, .keys = f->files[ONE]};
	f->its[1] = (struct gateway_settings){
	    .id = id_other, .issuer = iss_other, .audience = us, .keys = f->files[OTHER]};
	f->places[0].id = id_one;
	f->places[1].id = id_other;
	f->settings = (struct settings){
	    .gateways = f->its, .n_gateways = 2, .serves = SETTINGS_ISSUER | SETTINGS_BALLOTS};
	f->contest = (struct contest){.id = vote,
	    .admission = ADMISSION_ASSERTION,
	    .identity = {.person_claim = member, .providers = f->places, .n_providers = 2}};
	f->identity_key = hmac_key_new(slice_text("a key of 32 bytes, as rounds have"));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < KEYS_N; i++) {
		EVP_PKEY_free(f->pkeys[i]);
		(void)unlink(f->files[i]);
	}
	(void)rmdir(f->dir);
	hmac_key_free(f->identity_key);
	free(f);
	return 0;
}

/* ---- key sets ---- */

static int load(struct fixture *f, size_t *ret_n, char why[GATEWAY_WHY_MAX])
{
	struct gateway *gateways;
	int r = gateways_load(&f->contest, &f->settings, &gateways, ret_n, why);

	if (r == 0)
		gateways_free(gateways, *ret_n);
	return r;
}

static void reads_key_sets_where_it_issues(void **state)
{
	struct fixture *f = *state;
	char why[GATEWAY_WHY_MAX];
	size_t n;

	assert_int_equal(load(f, &n, why), 0);
	assert_int_equal(n, 2);
	f->settings.serves = SETTINGS_BALLOTS; /* admits nobody, and need not have the files */
	f->settings.n_gateways = 0;
	assert_int_equal(load(f, &n, why), 0);
	assert_int_equal(n, 0);
	f->settings.serves = SETTINGS_ISSUER;
	f->contest.admission = ADMISSION_OIDC;
	assert_int_equal(load(f, &n, why), 0);
	assert_int_equal(n, 0);
}

static const struct {
	const char *text; /* NULL: no file */
	int error;
	const char *why;
} bad_sets[] = {
    {NULL, -ENOENT, "No such file"},
    {"", -EBADMSG, "are no JWK Set"},
    {"[]", -EBADMSG, "are no JWK Set"},
    {"{\"keys\":[]}", -ENOKEY, "have no public key"},
    {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}", -ENOKEY, "have no public key"},
};

static void names_the_file_that_is_no_key_set(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad_sets) / sizeof(bad_sets[0]); i++) {
		char why[GATEWAY_WHY_MAX];
		size_t n;

		if (bad_sets[i].text)
			write_file(f->files[OTHER], bad_sets[i].text);
		else
			assert_int_equal(unlink(f->files[OTHER]), 0);
		assert_int_equal(load(f, &n, why), bad_sets[i].error);
		assert_non_null(strstr(why, bad_sets[i].why));
		assert_non_null(strstr(why, f->files[OTHER]));
		assert_non_null(strstr(why, "\"other\""));
	}
}

/* ---- whose word a token is ---- */

static enum admission_verdict admit(
    struct fixture *f, int key, const char *payload, struct admission_answer *ret_answer)
{
	char *token = fixture_token(f->pkeys[key], "ES256", "{\"alg\":\"ES256\"}", payload);
	char why[GATEWAY_WHY_MAX];
	struct gateway *gateways;
	size_t n;

	assert_int_equal(gateways_load(&f->contest, &f->settings, &gateways, &n, why), 0);
	const struct admission_request request = {.contest = &f->contest,
	    .identity_key = f->identity_key,
	    .gateways = gateways,
	    .n_gateways = n,
	    .now_ms = NOW_MS,
	    .bearer = slice_text(token)};
	enum admission_verdict verdict = admission_assertion.admit(&request, ret_answer);
	gateways_free(gateways, n);
	free(token);
	return verdict;
}

static const struct {
	int key;
	const char *issuer;
	enum admission_verdict verdict;
} words[] = {
    {ONE, "https://one.example", ADMITTED},
    {OTHER, "https://other.example", ADMITTED},
    {ONE, "https://other.example", ADMISSION_MALFORMED},
    {OTHER, "https://one.example", ADMISSION_MALFORMED},
    {STRANGER, "https://one.example", ADMISSION_MALFORMED},
    {ONE, "https://one.example/", ADMISSION_MALFORMED},
};

static void a_gateway_speaks_for_itself_alone(void **state)
{
	struct fixture *f = *state;
	uint8_t admitted[IDENTITY_SIZE];
	bool any = false;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct admission_answer answer = {0};
		char payload[300];

		(void)snprintf(payload, sizeof(payload), "{\"iss\":\"%s\"," REST, words[i].issuer);
		assert_int_equal(admit(f, words[i].key, payload, &answer), words[i].verdict);
		if (words[i].verdict == ADMITTED && any) /* the same person at either */
			assert_memory_equal(answer.identity, admitted, IDENTITY_SIZE);
		if (words[i].verdict == ADMITTED)
			memcpy(admitted, answer.identity, IDENTITY_SIZE);
		else
			assert_true(answer.why[0] != '\0');
		any = any || words[i].verdict == ADMITTED;
	}
}

/* Two gateways of one key, as a trial and the real one may have: each its own issuer. */
static void a_key_of_two_gateways(void **state)
{
	struct fixture *f = *state;
	struct admission_answer answer = {0};

	f->its[1].keys = f->files[ONE];
	assert_int_equal(
	    admit(f, ONE, "{\"iss\":\"https://other.example\"," REST, &answer), ADMITTED);
	assert_int_equal(
	    admit(f, ONE, "{\"iss\":\"https://one.example\"," REST, &answer), ADMITTED);
}

static void nobody_where_there_is_no_gateway_or_no_bearer(void **state)
{
	struct fixture *f = *state;
	struct admission_answer answer = {0};
	struct admission_request request = {
	    .contest = &f->contest, .identity_key = f->identity_key};
	char why[GATEWAY_WHY_MAX];
	struct gateway *gateways;
	size_t n;

	assert_int_equal(admission_assertion.admit(&request, &answer), ADMISSION_CLOSED);
	assert_int_equal(gateways_load(&f->contest, &f->settings, &gateways, &n, why), 0);
	request.gateways = gateways;
	request.n_gateways = n;
	assert_int_equal(admission_assertion.admit(&request, &answer), ADMISSION_ABSENT);
	request.bearer = slice_text("x");
	assert_int_equal(admission_assertion.admit(&request, &answer), ADMISSION_MALFORMED);
	request.identity_key = NULL;
	assert_int_equal(admission_assertion.admit(&request, &answer), ADMISSION_CLOSED);
	gateways_free(gateways, n);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ROW(reads_key_sets_where_it_issues),
	    ROW(names_the_file_that_is_no_key_set),
	    ROW(a_gateway_speaks_for_itself_alone),
	    ROW(a_key_of_two_gateways),
	    ROW(nobody_where_there_is_no_gateway_or_no_bearer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
