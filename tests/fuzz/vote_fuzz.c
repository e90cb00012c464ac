/* The whole way of a vote into the ledger, but for HTTP before it and Redis behind it: whatever
 * stands in Authorization, If-Match, Content-Type and the body, there is one answer; and only with
 * the one token that the issuer signed a ballot goes on, as text that reads back as the same
 * ballot. Key and token are those of RFC 9578's vectors; the private key is never used.
 *
 * The input is a byte for the contest, one for the ledger's verdict, a line for each field, and the
 * body. What the way leads to is replaced in here: replies, the gate, the ledger. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/vectors.h"
#include "api/app.h"
#include "api/routes.h"
#include "contest/form.h"
#include "crypto/digest.h"
#include "starve.h"
#include "store/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct entry entries[] = {{.id = "naver-cloud"}, {.id = "upstage"}, {.id = "nc-ai"}};
static struct contest contest = {.id = "fuzz", .entries = entries, .n_entries = 3, .shards = 1};
static struct round round_ = {.contest = &contest, .name = "fuzz"};
static char origins[1][ORIGIN_MAX] = {"vote.example/fuzz/0"};
static struct settings settings;
static struct stats stats;
static struct service service = {
    .round = &round_, .origins = origins, .www_authenticate = "PrivateToken challenge=\"\""};
static struct app app = {.settings = &settings, .services = &service, .n_services = 1};
static uint8_t spent[SPENT_SIZE]; /* of the one token */

/* What happened to the request in hand. */
static struct {
	unsigned replies, casts, finds, under_way;
	int status;
	cast_cb *cb;
	void *arg;
	struct buf text;
} seen;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	json_t *file = vectors_load("rfc9578.json");
	const json_t *vector = json_array_get(json_object_get(file, "vectors"), 0);
	struct bytes pem = vector_bytes(file, "skS"), id = vector_bytes(file, "token_key_id");
	struct bytes challenge = vector_bytes(vector, "token_challenge");
	struct bytes token = vector_bytes(vector, "token");
	struct blindrsa_private *private;

	(void)argc;
	(void)argv;
	if (blindrsa_private_from_pem(bytes_slice(&pem), &private) < 0 ||
	    blindrsa_public_of(private, &round_.keys.token) < 0)
		abort();
	blindrsa_private_free(private);
	memcpy(round_.keys.token_key_id, id.data, PP_KEY_ID_SIZE);
	sha256(bytes_slice(&challenge), round_.challenge_digest);
	commitment_spent(slice_make(token.data, PP_TOKEN_INPUT_SIZE), spent);
	service.app = &app;
	service.salt_key = hmac_key_new(slice_text("salt"));
	app.stats = &stats;
	json_decref(file);
	return 0;
}

/* ---- what is replaced ---- */

void reply_problem(struct request *req, const struct problem *problem)
{
	(void)req;
	assert(problem->status >= 400 && problem->type[0] && problem->title[0]);
	assert(problem->status != 401 || problem->www_authenticate);
	seen.replies++;
	seen.status = problem->status;
	json_decref(problem->members);
}

void reply_bytes(struct request *req, int status, const char *content_type, struct slice body,
    const struct reply_header *headers, size_t n_headers)
{
	json_t *json;

	(void)req;
	(void)headers;
	starving(false);
	json = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
	assert(strcmp(content_type, "application/json") == 0 && n_headers == 1);
	assert(json_is_object(json));
	json_decref(json);
	seen.replies++;
	seen.status = status;
	starving(true);
}

bool gate_is_exempt(const struct app *given, const struct request *req)
{
	(void)given;
	(void)req;
	return false;
}

bool gate_is_too_fast(struct app *given, struct request *req, enum gate_identity whose,
    struct slice identity, const struct rate_limit *limit, const char *title, const char *detail)
{
	(void)given;
	(void)req;
	(void)limit;
	(void)title;
	(void)detail;
	assert(whose == GATE_TOKEN && identity.len == PP_TOKEN_INPUT_SIZE);
	return false;
}

void gate_enter(struct app *given)
{
	(void)given;
	seen.under_way++;
}

void gate_leave(struct app *given)
{
	(void)given;
	assert(seen.under_way == 1);
	seen.under_way--;
}

/* Both keep who asks, to be told once the handler has returned. */
void ledger_cast(struct ledger *ledger, const struct ledger_ballot *given, cast_cb *cb, void *arg)
{
	struct ballot ballot;

	(void)ledger;
	starving(false);
	assert(memcmp(given->spent, spent, SPENT_SIZE) == 0);
	assert(given->text.len > 0 && given->text.len <= LEDGER_BALLOT_MAX);
	assert(ballot_read(&contest, given->text, &ballot) == 0);
	assert(ballot_print(&contest, &ballot, &seen.text) == 0);
	assert(slice_equal(buf_slice(&seen.text), given->text));
	assert(given->replaces >= LEDGER_NOT_REPLACING);
	assert(given->n_increments <= CONTEST_INCREMENTS_MAX);
	seen.casts++;
	seen.cb = cb;
	seen.arg = arg;
	starving(true);
}

void ledger_find(
    struct ledger *ledger, const uint8_t given[LEDGER_SPENT_SIZE], cast_cb *cb, void *arg)
{
	(void)ledger;
	assert(memcmp(given, spent, SPENT_SIZE) == 0 && contest.revote == REVOTE_REPLACE);
	seen.finds++;
	seen.cb = cb;
	seen.arg = arg;
}

/* ---- one request ---- */

static struct slice take_line(struct slice *rest)
{
	const char *lf = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
	size_t n = lf ? (size_t)(lf - rest->ptr) : rest->len;
	struct slice line = slice_make(rest->ptr, n);

	n += lf ? 1 : 0;
	*rest = slice_make(rest->ptr + n, rest->len - n);
	return line;
}

static void choose_contest(uint8_t byte)
{
	static const char *const forms[] = {"choices", "scores", "ranking"};

	contest.form = form_find(slice_text(forms[byte % 3]));
	contest.revote = byte & 0x10 ? REVOTE_REPLACE : REVOTE_REFUSE;
	contest.ballot.choices_min = contest.ballot.ranking_min = 1;
	contest.ballot.choices_max = contest.ballot.ranking_max = 2;
	contest.ballot.score_min = 1;
	contest.ballot.score_max = 10;
	contest.ballot.score_step = 3;
}

/* The ledger's word, and again where that led to a second question. */
static void tell(uint8_t byte)
{
	for (int asked = 0; seen.cb; asked++) {
		cast_cb *cb = seen.cb;
		struct cast_result result = {
		    .verdict = (enum cast_verdict)(byte % (CAST_UNKNOWN + 1)),
		    .index = byte,
		    .replacements = byte >> 6,
		    .ballot = buf_slice(&seen.text)};

		assert(seen.replies == 0 && asked < 2);
		seen.cb = NULL;
		if (seen.text.len == 0)
			result.ballot = slice_text("choices\nupstage\n");
		starving(true);
		cb(seen.arg, &result);
		starving(false);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice params[REQUEST_PARAMS_MAX] = {{"fuzz", 4}};
	struct request req = {.method = METHOD_POST};
	struct slice rest;
	char *copy;

	if (size < 2)
		return 0;
	copy = malloc(size); /* of exactly this length, for the sanitizer */
	assert(copy);
	memcpy(copy, data, size);
	rest = slice_make(copy + 2, size - 2);
	memcpy(req.params, params, sizeof(params));
	req.authorization = take_line(&rest);
	req.if_match = take_line(&rest);
	req.content_type = take_line(&rest);
	req.body = rest;
	choose_contest(data[0]);

	memset(&seen, 0, sizeof(seen));
	buf_init(&seen.text, LEDGER_BALLOT_MAX);
	starving(true);
	ballots_cast(&app, &req);
	starving(false);
	assert(seen.replies + (seen.cb != NULL) == 1);
	tell(data[1]);
	assert(seen.replies == 1 && seen.under_way == 0);
	assert(seen.casts <= 1 && seen.finds <= 1);
	assert(seen.status >= 400 || seen.casts + seen.finds > 0);
	buf_release(&seen.text);
	free(copy);
	return 0;
}
