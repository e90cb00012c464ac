/* POST …/ballots: the path of a vote. Checks the token, then the ballot, has the ledger count it,
 * and answers with the receipt.
 *
 *   ballots_cast -> (replacing: on_found ->) on_cast -> reply */
#include "api/app.h"
#include "api/bearer.h"
#include "api/receipt.h"
#include "api/routes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/encode.h"
#include "contest/form.h"
#include "crypto/digest.h"
#include "store/ledger.h"

_Static_assert(STATS_VERDICTS > CAST_UNKNOWN, "every verdict has a counter");

_Static_assert(TAG_SIZE == LEDGER_TAG_SIZE, "a tag is kept whole");

struct casting {
	struct service *service;
	struct request *req;
	uint8_t spent[SPENT_SIZE];
	int64_t replaces; /* the index in If-Match, or LEDGER_NOT_REPLACING */
	struct ballot ballot;
	struct buf canonical;
};

static void casting_free(struct casting *casting)
{
	gate_leave(casting->service->app);
	buf_release(&casting->canonical);
	free(casting);
}

/* ---- what may be wrong with a request ---- */

static void refuse_ballot(
    struct casting *casting, int status, const char *type, const char *title, const char *detail)
{
	casting->service->app->stats->ballots_invalid++;
	reply_problem(casting->req,
	    &(struct problem){.status = status, .type = type, .title = title, .detail = detail});
	casting_free(casting);
}

static void refuse_token(struct casting *casting, const char *detail)
{
	casting->service->app->stats->tokens_invalid++;
	reply_problem(casting->req, &(struct problem){
					.status = 401,
					.type = "invalid-token",
					.title = "No valid voting token",
					.detail = detail,
					.www_authenticate = casting->service->www_authenticate,
				    });
	casting_free(casting);
}

/* 0, or 1 when the request has been refused. */
static int read_ballot(struct casting *casting)
{
	struct request *req = casting->req;
	const struct contest *contest = casting->service->round->contest;
	char why[FORM_WHY_MAX + 64];
	json_t *body;
	if (!request_document(req, &body)) {
		casting->service->app->stats->ballots_invalid++;
		casting_free(casting);
		return 1;
	}
	int rc = ballot_parse(contest, body, &casting->ballot, why);
	json_decref(body);
	if (rc != 0) {
		refuse_ballot(
		    casting, 422, "invalid-ballot", "Not a ballot of this contest's form", why);
		return 1;
	}
	if (ballot_print(contest, &casting->ballot, &casting->canonical) != 0) {
		refuse_ballot(casting, 503, "busy", "Out of memory", "Nothing was counted.");
		return 1;
	}
	return 0;
}

/* RFC 9577 section 2.2.2: PrivateToken token="<base64url>"; the quotes may be missing. */
static int read_authorization(struct slice value, uint8_t ret_token[PP_TOKEN_SIZE])
{
	static const char scheme[] = "PrivateToken ";
	static const char name[] = "token=";
	if (value.len < sizeof(scheme) || strncasecmp(value.ptr, scheme, sizeof(scheme) - 1) != 0)
		return -EINVAL;
	const char *at = value.ptr + sizeof(scheme) - 1, *end = value.ptr + value.len;
	while (at < end && *at == ' ')
		at++;
	if ((size_t)(end - at) < sizeof(name) - 1 || strncasecmp(at, name, sizeof(name) - 1) != 0)
		return -EINVAL;
	at += sizeof(name) - 1;
	if (at < end && *at == '"') {
		if (end - at < 2 || end[-1] != '"')
			return -EINVAL;
		at++;
		end--;
	}
	size_t len;
	int rc =
	    base64url_decode(slice_make(at, (size_t)(end - at)), ret_token, PP_TOKEN_SIZE, &len);
	return rc != 0 || len != PP_TOKEN_SIZE ? -EINVAL : 0;
}

/* By what is random in a token, which nobody knows but who has it: before its signature, so that
 * one request sent over and over costs little. */
static bool is_too_often(struct casting *casting, struct slice input)
{
	struct app *app = casting->service->app;

	return !gate_is_exempt(app, casting->req) &&
	       gate_is_too_fast(app, casting->req, GATE_TOKEN, input, &app->settings->voter_rate,
		   "Too many requests",
		   "This voting right was used too often in a short time. Nothing was done by this "
		   "request.");
}

/* 0, or 1 when the request has been refused. The cheap comparisons stand before the signature. */
static int read_token(struct casting *casting)
{
	const struct round *round = casting->service->round;
	uint8_t bytes[PP_TOKEN_SIZE];
	struct pp_token token;
	if (casting->req->authorization.len == 0)
		refuse_token(casting, "A ballot needs Authorization: PrivateToken token=\"…\".");
	else if (read_authorization(casting->req->authorization, bytes) != 0 ||
		 pp_token_read(slice_make(bytes, sizeof(bytes)), &token) != 0)
		refuse_token(casting,
		    "Authorization is not PrivateToken token=\"…\" with the 354 "
		    "bytes of a token in base64url.");
	else if (token.type != PP_TOKEN_TYPE)
		refuse_token(casting, "The token is of another type; this contest takes 0x0002.");
	else if (memcmp(token.challenge_digest.ptr, round->challenge_digest, SHA256_SIZE) != 0)
		refuse_token(casting,
		    "The token answers another challenge: it is for another "
		    "contest, or for a rehearsal or the real contest only.");
	else if (memcmp(token.key_id.ptr, round->keys.token_key_id, PP_KEY_ID_SIZE) != 0)
		refuse_token(casting, "The token names another key.");
	else if (is_too_often(casting, token.input)) {
		casting_free(casting);
	} else if (!blindrsa_verify(round->keys.token, token.input, token.authenticator))
		refuse_token(casting, "The token's signature does not verify.");
	else {
		commitment_spent(token.input, casting->spent);
		return 0;
	}
	return 1;
}

/* If-Match: "<index>". 0, or 1 when the request has been refused. */
static int read_replaces(struct casting *casting)
{
	struct slice value = casting->req->if_match;
	casting->replaces = LEDGER_NOT_REPLACING;
	if (value.len == 0)
		return 0;
	if (casting->service->round->contest->revote != REVOTE_REPLACE) {
		refuse_ballot(casting, 409, "replacing-not-allowed", "Ballots are final here",
		    "In this contest a ballot cannot be replaced; send it without If-Match.");
		return 1;
	}
	int64_t index = 0;
	bool valid = value.len >= 3 && value.len <= 18 && value.ptr[0] == '"' &&
		     value.ptr[value.len - 1] == '"' && (value.len == 3 || value.ptr[1] != '0');
	for (size_t i = 1; valid && i + 1 < value.len; i++) {
		valid = value.ptr[i] >= '0' && value.ptr[i] <= '9';
		index = index * 10 + (value.ptr[i] - '0');
	}
	if (!valid) {
		refuse_ballot(casting, 400, "invalid-if-match", "If-Match is not an index",
		    "If-Match must be the quoted index of the ballot to replace, as in the ETag "
		    "of its receipt: \"123\".");
		return 1;
	}
	casting->replaces = index;
	return 0;
}

/* ---- answers ---- */

static void reply_receipt(
    struct casting *casting, int status, const struct cast_result *result, struct slice ballot)
{
	struct receipt receipt;
	receipt_make(casting->service, result, casting->spent, ballot, &receipt);
	const struct reply_header headers[] = {{"ETag", receipt.etag}};
	reply_bytes(casting->req, status, "application/json", slice_make(receipt.json, receipt.len),
	    headers, 1);
}

/* A problem that shows the receipt of the ballot that stands for this token. */
static void reply_standing(struct casting *casting, const struct cast_result *result,
    const char *type, const char *title, const char *detail)
{
	struct receipt receipt;
	receipt_make(casting->service, result, casting->spent, result->ballot, &receipt);
	reply_problem(casting->req, &(struct problem){
					.status = 409,
					.type = type,
					.title = title,
					.detail = detail,
					.members = json_pack("{s:o}", "receipt",
					    json_loadb(receipt.json, receipt.len, 0, NULL)),
				    });
}

/* Outside the hours: says when, on the server's clock. */
static void reply_hours(struct casting *casting, const struct cast_result *result, const char *type,
    const char *title, const char *member, int64_t when_ms)
{
	char when[CLOCK_TEXT_SIZE], now[CLOCK_TEXT_SIZE], detail[160];
	clock_format(result->server_ms ? result->server_ms : clock_wall_ms(), 1, now);
	json_t *members = json_pack("{s:s}", "now", now);
	if (when_ms) {
		clock_format(when_ms, 0, when);
		json_object_set_new(members, member, json_string(when));
		snprintf(detail, sizeof(detail),
		    "Nothing was counted: voting %s at %s, and it is %s.",
		    result->verdict == CAST_NOT_OPEN ? "opens" : "closed", when, now);
	} else {
		snprintf(detail, sizeof(detail), "Nothing was counted; it is %s.", now);
	}
	reply_problem(casting->req,
	    &(struct problem){
		.status = 403, .type = type, .title = title, .detail = detail, .members = members});
}

static void reply_unavailable(
    struct casting *casting, const char *type, const char *title, const char *detail)
{
	reply_problem(casting->req,
	    &(struct problem){
		.status = 503, .type = type, .title = title, .detail = detail, .retry_after_s = 2});
}

static void on_cast(void *arg, const struct cast_result *result)
{
	struct casting *casting = arg;
	const struct contest *contest = casting->service->round->contest;
	struct slice ballot = buf_slice(&casting->canonical);
	casting->service->app->stats->casts[result->verdict]++;

	switch (result->verdict) {
	case CAST_COUNTED:
	case CAST_REPLACED:
		reply_receipt(casting, 201, result, ballot);
		break;
	case CAST_SAME:
		reply_receipt(casting, 200, result, ballot);
		break;
	case CAST_SPENT:
		reply_standing(casting, result, "token-spent", "This token has voted already",
		    contest->revote == REVOTE_REPLACE
			? "Another ballot stands for this token. To replace it, send If-Match "
			  "with the index in its receipt."
			: "Another ballot was counted for this token, and it stands.");
		break;
	case CAST_REPLACED_TOO_OFTEN:
		reply_standing(casting, result, "replaced-too-often", "Replaced too often",
		    "A ballot can be replaced 10 times; the one in the receipt stands.");
		break;
	case CAST_NEVER:
		reply_problem(casting->req,
		    &(struct problem){.status = 412,
			.type = "nothing-to-replace",
			.title = "Nothing to replace",
			.detail = "This token has not voted yet; send the ballot without "
				  "If-Match."});
		break;
	case CAST_NOT_OPEN:
		reply_hours(casting, result, "not-open", "Voting has not begun", "opens_at",
		    contest->opens_ms);
		break;
	case CAST_CLOSED:
		reply_hours(
		    casting, result, "closed", "Voting is closed", "closes_at", contest->closes_ms);
		break;
	case CAST_PAUSED:
		reply_hours(casting, result, "paused", "Voting is paused", NULL, 0);
		break;
	case CAST_RULES_DIFFER:
		reply_unavailable(casting, "rules-differ", "This server has other rules",
		    "Nothing was counted: this server's configuration differs from the rules "
		    "under which the contest was opened.");
		break;
	case CAST_FAULT:
		reply_unavailable(casting, "unavailable", "This ballot cannot be counted now",
		    "Nothing was counted: what is stored of this token, or the ballot log that "
		    "this "
		    "ballot would go to, is damaged. The server's log tells the organisers more.");
		break;
	case CAST_BUSY:
		reply_unavailable(casting, "unavailable", "The ballot box cannot be reached now",
		    "Nothing was counted. Send the same ballot again.");
		break;
	case CAST_UNKNOWN:
		reply_unavailable(casting, "outcome-unknown",
		    "It is not known yet whether it counted",
		    "Send the same ballot again: it is counted once, and you will get its "
		    "receipt.");
		break;
	}
	casting_free(casting);
}

/* ---- the path ---- */

static void cast_ballot(struct casting *casting, const struct ballot *old)
{
	const struct service *service = casting->service;
	const struct contest *contest = service->round->contest;
	struct form_increment increments[CONTEST_INCREMENTS_MAX];
	size_t n = ballot_increments(contest, &casting->ballot, old, increments);
	uint8_t tag[TAG_SIZE];
	commitment_tag(service->salt_key,
	    service->origins[contest_shard_of(contest, casting->spent)], casting->replaces,
	    casting->spent, buf_slice(&casting->canonical), tag);
	const struct ledger_ballot ballot = {.spent = casting->spent,
	    .tag = tag,
	    .text = buf_slice(&casting->canonical),
	    .replaces = casting->replaces,
	    .increments = increments,
	    .n_increments = n};
	ledger_cast(service->ledger, &ballot, on_cast, casting);
}

/* The increments of a replacement are the new ballot's less those of the ballot at that very index;
 * the ledger counts them only while that ballot still stands. */
static void on_found(void *arg, const struct cast_result *found)
{
	struct casting *casting = arg;
	struct ballot old;
	if (found->verdict != CAST_SPENT) {
		on_cast(casting, found);
		return;
	}
	bool same = slice_equal(found->ballot, buf_slice(&casting->canonical));
	if (!same && found->index == (uint64_t)casting->replaces) {
		if (ballot_read(casting->service->round->contest, found->ballot, &old) == 0) {
			cast_ballot(casting, &old);
			return;
		}
		on_cast(casting, &(struct cast_result){.verdict = CAST_FAULT});
		return;
	}
	struct cast_result result = *found;
	result.verdict = same ? CAST_SAME : CAST_SPENT;
	on_cast(casting, &result);
}

void ballots_cast(void *arg, struct request *req)
{
	struct app *app = arg;
	struct service *service = app_service(app, req);
	if (!service)
		return;
	struct casting *casting = malloc(sizeof(*casting));
	if (!casting) {
		reply_problem(req, &(struct problem){.status = 503,
				       .type = "busy",
				       .title = "Out of memory",
				       .detail = "Nothing was counted."});
		return;
	}
	gate_enter(app);
	casting->service = service;
	casting->req = req;
	buf_init(&casting->canonical, LEDGER_BALLOT_MAX);
	/* The token first: a body of 64 KiB costs more to read than a signature to verify. */
	if (read_token(casting) != 0 || read_ballot(casting) != 0 || read_replaces(casting) != 0)
		return;
	if (casting->replaces == LEDGER_NOT_REPLACING)
		cast_ballot(casting, NULL);
	else
		ledger_find(service->ledger, casting->spent, on_found, casting);
}
