/* office/act, metrics, results: what is an act and what is not, which metrics are taken, and that a
 * signed result verifies and a changed one does not. Deciding against the desk is tested live. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "contest_fixture.h"
#include "crypto/digest.h"
#include "base/encode.h"
#include "crypto/note.h"
#include "office/act.h"
#include "office/metrics.h"
#include "office/results.h"

static struct contest *make_contest(void)
{
	struct contest *contest = fixture_contest("choices", three, 3);

	fixture_alias(
	    fixture_organisation(contest, "kaist", "한국과학기술원", "KAIST"), "카이스트");
	fixture_participant(contest, 2, "kaist");
	contest->conflict_scope = SCOPE_ORGANISATION;
	fixture_part(contest, "citizens", PART_CITIZENS, NULL, NULL, 40, SCALE_SHARE, 0);
	fixture_part(contest, "bench", PART_METRIC, NULL, NULL, 60, SCALE_POINTS, 100);
	return contest;
}

static int read_text(
    const struct contest *contest, const char *text, struct act *ret, char why[ACT_WHY_MAX])
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	int rc;

	assert_non_null(json);
	rc = act_read(contest, json, ret, why);
	json_decref(json);
	return rc;
}

#define METRIC                                                                                     \
	"{\"part\":\"bench\",\"entry\":\"nc-ai\",\"value\":\"83.25\",\"source\":\"TTA\","          \
	"\"as_of\":\"2026-12-20\",\"method\":\"mean\"}"

static void good_acts(void **state)
{
	static const struct {
		const char *text, *json; /* as it is kept */
	} cases[] = {
	    {"{\"act\":\"open\"}", NULL},
	    {"{\"act\":\"publish\",\"why\":\"\",\"confirm\":\"x\"}", "{\"act\":\"publish\"}"},
	    {"{\"act\":\"close\",\"why\":\"홍수\",\"confirm\":\"콘테스트\"}",
		"{\"act\":\"close\"}"},
	    {"{\"act\":\"extend\",\"closes_at\":\"2026-12-31T18:00:00+09:00\",\"why\":\"x\"}",
		"{\"act\":\"extend\",\"closes_at\":\"2026-12-31T18:00:00+09:00\"}"},
	    {"{\"act\":\"notice\",\"notice\":null}", NULL},
	    {"{\"act\":\"notice\",\"notice\":{\"ko\":\"하나\",\"en\":\"one\"}}", NULL},
	    {"{\"act\":\"disqualify\",\"entry\":\"nc-ai\",\"reason\":{\"ko\":\"가\",\"en\":\"a\"}}",
		NULL},
	    {"{\"act\":\"requalify\",\"entry\":\"nc-ai\",\"why\":\"x\"}",
		"{\"act\":\"requalify\",\"entry\":\"nc-ai\"}"},
	    {"{\"act\":\"metrics\",\"why\":\"x\",\"metrics\":[" METRIC "]}",
		"{\"act\":\"metrics\",\"metrics\":[" METRIC "]}"},
	};
	struct contest *contest = make_contest();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[ACT_WHY_MAX] = "";
		struct act act;
		json_t *kept = json_loads(
		    cases[i].json ? cases[i].json : cases[i].text, JSON_REJECT_DUPLICATES, NULL);

		if (read_text(contest, cases[i].text, &act, why) != 0)
			fail_msg("%s: %s", cases[i].text, why);
		assert_true(json_equal(act.json, kept));
		json_decref(kept);
		act_release(&act);
	}
	contest_free(contest);
}

static void bad_acts(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
	    {"{}", "must be one of"},
	    {"{\"act\":null}", "must be one of"},
	    {"{\"act\":\"certify\",\"why\":\"x\"}", "must be one of"},
	    {"{\"act\":\"close\"}", "1 to 400"},
	    {"{\"act\":\"close\",\"why\":\" \"}", "1 to 400"},
	    {"{\"act\":\"close\",\"why\":7}", "1 to 400"},
	    {"{\"act\":\"close\",\"why\":\"a\\u0007b\"}", "1 to 400"},
	    {"{\"act\":\"close\",\"why\":\"a\\u202eb\"}", "1 to 400"},
	    {"{\"act\":\"close\",\"why\":\"a\\u061cb\"}", "1 to 400"},
	    {"{\"act\":\"close\",\"why\":\" \\u200b\\u3164\"}", "1 to 400"},
	    {"{\"act\":\"notice\",\"notice\":{\"ko\":\"가\",\"en\":\"a\\udb40\\udc41\"}}",
		"1 to 300"},
	    {"{\"act\":\"notice\",\"notice\":{\"ko\":\"가\",\"en\":\"a\\ufdd0\"}}", "1 to 300"},
	    {"{\"act\":\"open\",\"when\":1}", "\"when\""},
	    {"{\"act\":\"open\",\"entry\":\"nc-ai\"}", "\"entry\""},
	    {"{\"act\":\"extend\",\"why\":\"x\",\"closes_at\":\"2026-12-31T18:00:00\"}", "offset"},
	    {"{\"act\":\"notice\"}", "1 to 300"},
	    {"{\"act\":\"notice\",\"notice\":{\"ko\":\"하나\",\"en\":\"one\",\"fr\":\"un\"}}",
		"1 to 300"},
	    {"{\"act\":\"requalify\",\"entry\":\"nobody\",\"why\":\"x\"}", "\"nobody\""},
	    {"{\"act\":\"disqualify\",\"entry\":\"nc-ai\",\"reason\":{\"ko\":\"가\",\"en\":\" \"}}",
		"1 to 400"},
	    {"{\"act\":\"metrics\",\"why\":\"x\",\"metrics\":[]}", "1 to 1024"},
	    {"{\"act\":\"metrics\",\"why\":\"x\",\"metrics\":[" METRIC "," METRIC "]}",
		"Metric 2: bench/nc-ai is given twice"},
	    {"{\"act\":\"metrics\",\"why\":\"x\",\"file\":\"\",\"metrics\":[" METRIC "]}", "file"},
	};
	struct contest *contest = make_contest();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[ACT_WHY_MAX] = "";
		struct act act;

		assert_int_equal(read_text(contest, cases[i].text, &act, why), -EINVAL);
		if (!strstr(why, cases[i].why))
			fail_msg("%s: %s", cases[i].text, why);
	}
	contest_free(contest);
}

/* Characters count, not bytes: three of UTF-8 for each of these. */
static void lengths(void **state)
{
	char text[3 * 401 + 1] = "", body[1400], why[ACT_WHY_MAX];
	struct contest *contest = make_contest();
	struct act act;

	(void)state;
	for (size_t i = 0; i < 401; i++)
		memcpy(text + 3 * i, "가", 4);
	(void)snprintf(body, sizeof(body), "{\"act\":\"close\",\"why\":\"%s\"}", text);
	assert_int_equal(read_text(contest, body, &act, why), -EINVAL);
	(void)snprintf(body, sizeof(body), "{\"act\":\"close\",\"why\":\"%s\"}", text + 3);
	assert_int_equal(read_text(contest, body, &act, why), 0);
	assert_string_equal(act.why, text + 3);
	act_release(&act);
	contest_free(contest);
}

/* A name cut for a sentence stays UTF-8, or the sentence could not be JSON. */
static void quoting(void **state)
{
	char quoted[48];

	(void)state;
	assert_string_equal(act_quote("upstage", quoted), "upstage");
	assert_string_equal(
	    act_quote("가나다라마바사아자차카타파하가나", quoted), "가나다라마바사아자차카타파…");
}

static void metrics(void **state)
{
	static const struct {
		struct metric metric;
		const char *why; /* NULL: good */
	} cases[] = {
	    {{"bench", "nc-ai", "83.25", "TTA", "2026-12-20", "mean"}, NULL},
	    {{"bench", "nc-ai", "0", "TTA", "2024-02-29", "mean"}, NULL},
	    {{"bench", "nc-ai", "100.0000", "TTA", "2024-02-29", "mean"}, NULL},
	    {{"bench", "nc-ai", "100.0001", "TTA", "2024-02-29", "mean"}, "above 100"},
	    {{"bench", "nc-ai", "-0.0001", "TTA", "2024-02-29", "mean"}, "below 0"},
	    {{"bench", "nc-ai", "1", "KAIST", "2026-12-20", "mean"}, NULL},
	    {{"bench", "upstage", "1", "kaist", "2026-12-20", "mean"}, "conflict with upstage"},
	    {{"bench", "upstage", "1", "카이스트 산학협력단", "2026-12-20", "mean"}, "kaist in it"},
	    {{"bench", "nc-ai", "1", "기관", "2026-12-20", "mean"}, "conflict with nc-ai"},
	    {{"bench", "nobody", "1", "TTA", "2026-12-20", "mean"}, "\"nobody\""},
	    {{"nothing", "nc-ai", "1", "TTA", "2026-12-20", "mean"}, "\"nothing\""},
	    {{"citizens", "nc-ai", "1", "TTA", "2026-12-20", "mean"}, "citizens' votes"},
	    {{"bench", "nc-ai", "", "TTA", "2026-12-20", "mean"}, "no value"},
	    {{"bench", "nc-ai", "1,5", "TTA", "2026-12-20", "mean"}, "no value"},
	    {{"bench", "nc-ai", "1.23456", "TTA", "2026-12-20", "mean"}, "no value"},
	    {{"bench", "nc-ai", "1000000000.0001", "TTA", "2026-12-20", "mean"}, "range"},
	    {{"bench", "nc-ai", "1", " ", "2026-12-20", "mean"}, "source"},
	    {{"bench", "nc-ai", "1", "TTA", "2026-02-29", "mean"}, "no date"},
	    {{"bench", "nc-ai", "1", "TTA", "2026-12-2", "mean"}, "no date"},
	    {{"bench", "nc-ai", "1", "TTA", "20-12-2026", "mean"}, "no date"},
	    {{"bench", "nc-ai", "1", "TTA", "2026-12-20", "a\tb"}, "method"},
	};
	struct contest *contest = make_contest();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[300] = "";
		int rc = metric_check(contest, &cases[i].metric, why);

		if (rc != (cases[i].why ? -EINVAL : 0) ||
		    (cases[i].why && !strstr(why, cases[i].why)))
			fail_msg("row %zu: %d %s", i, rc, why);
	}
	contest_free(contest);
}

/* ---- results ---- */

#define DOCUMENT "{\"ballots\":3,\"version\":2}"

static void sign_note(struct round *round, const char *text, const char *name, struct buf *note)
{
	uint8_t seed[32] = {7};

	assert_int_equal(note_public(seed, round->keys.result_key), 0);
	buf_init(note, 1000);
	assert_int_equal(note_sign(slice_text(text), name, seed, note), 0);
}

static void signed_results(void **state)
{
	struct round round = {.name = "kai~rehearsal"};
	uint8_t hash[SHA256_SIZE];
	char hex[HEX_SIZE(SHA256_SIZE)], text[200];
	struct buf note;

	(void)state;
	sha256(slice_text(DOCUMENT), hash);
	hex_encode(hash, sizeof(hash), hex);
	(void)snprintf(text, sizeof(text), "tallyd result v1\nkai~rehearsal\n2\n%s\n", hex);
	sign_note(&round, text, "log.example/kai~rehearsal/result", &note);

	struct slice good = slice_text(DOCUMENT), signed_one = buf_slice(&note);
	assert_int_equal(result_verify(&round, "log.example", good, signed_one), 0);
	assert_int_equal(result_verify(&round, "log.other", good, signed_one), -EBADMSG);
	assert_int_equal(result_verify(&round, "log.example",
			     slice_text("{\"ballots\":4,\"version\":2}"), signed_one),
	    -EBADMSG);
	assert_int_equal(
	    result_verify(&round, "log.example", slice_text("not JSON"), signed_one), -EBADMSG);
	assert_int_equal(
	    result_verify(&round, "log.example", good, slice_make(note.data, note.len - 9)),
	    -EBADMSG);
	struct round other = round;
	(void)snprintf(other.name, sizeof(other.name), "kai");
	assert_int_equal(result_verify(&other, "log.example", good, signed_one), -EBADMSG);
	round.keys.result_key[0] ^= 1;
	assert_int_equal(result_verify(&round, "log.example", good, signed_one), -EBADMSG);
	buf_release(&note);
}

/* Signed by the right key, but for another version than the document's own. */
static void notes_of_other_versions(void **state)
{
	struct round round = {.name = "kai"};
	uint8_t hash[SHA256_SIZE];
	char hex[HEX_SIZE(SHA256_SIZE)], text[200];
	struct buf note;

	(void)state;
	sha256(slice_text(DOCUMENT), hash);
	hex_encode(hash, sizeof(hash), hex);
	(void)snprintf(text, sizeof(text), "tallyd result v1\nkai\n3\n%s\n", hex);
	sign_note(&round, text, "log.example/kai/result", &note);
	assert_int_equal(
	    result_verify(&round, "log.example", slice_text(DOCUMENT), buf_slice(&note)), -EBADMSG);
	buf_release(&note);
}

static void annexes(void **state)
{
	(void)state;
	/* SHA-256 of "{}" */
	static const char document[] =
	    "{\"annex_sha256\":"
	    "\"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}";
	assert_int_equal(result_verify_annex(slice_text(document), slice_text("{}")), 0);
	assert_int_equal(result_verify_annex(slice_text(document), slice_text("{ }")), -EBADMSG);
	assert_int_equal(result_verify_annex(slice_text("{}"), slice_text("{}")), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_acts),
	    cmocka_unit_test(bad_acts),
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(quoting),
	    cmocka_unit_test(metrics),
	    cmocka_unit_test(signed_results),
	    cmocka_unit_test(notes_of_other_versions),
	    cmocka_unit_test(annexes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
