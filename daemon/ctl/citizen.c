/* A citizen's way, step by step: contest, challenge, token, ballot. */
#include "ctl/citizen.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/buf.h"
#include "base/encode.h"
#include "config/round.h"
#include "contest/commitment.h"
#include "contest/form.h"

#define TRIES_MAX     6
#define PAUSE_MS      300 /* before another try, growing with each */
#define CANONICAL_MAX 8192

static void send_step(struct citizen *citizen);

/* ---- which ballot ---- */

/* SplitMix64: a stream that a seed repeats. For ballots only; tokens take OpenSSL's randomness. */
static uint64_t next_random(struct crowd *crowd)
{
	uint64_t z = crowd->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static double next_unit(struct crowd *crowd)
{
	return (double)(next_random(crowd) >> 11) / 9007199254740992.0; /* 2^53 */
}

void crowd_init(struct crowd *crowd, uint64_t seed)
{
	crowd->random = seed;
	for (size_t i = 0; i < CONTEST_ENTRIES_MAX; i++) {
		double liking = 0.5 + next_unit(crowd);
		crowd->weight[i] = liking * liking;
	}
}

/* An entry not taken so far, by weight. */
static size_t draw_entry(struct crowd *crowd, const bool *taken, size_t n)
{
	double total = 0;
	double at;
	size_t last = 0;

	for (size_t i = 0; i < n; i++)
		total += taken[i] ? 0 : crowd->weight[i];
	at = next_unit(crowd) * total;
	for (size_t i = 0; i < n; i++) {
		if (taken[i])
			continue;
		last = i;
		at -= crowd->weight[i];
		if (at < 0)
			break;
	}
	return last;
}

/* From min to max entries, in the order in which they were drawn: the better liked ones tend to
 * stand further ahead, as a ranking needs it. */
static json_t *draw_list(struct crowd *crowd, const struct contest *contest, int min, int max)
{
	bool taken[CONTEST_ENTRIES_MAX] = {false};
	json_t *array = json_array();
	int wanted = min + (int)(next_unit(crowd) * (max - min + 1));

	for (int i = 0; i < (wanted > 0 ? wanted : 1) && i < (int)contest->n_entries; i++) {
		size_t entry = draw_entry(crowd, taken, contest->n_entries);
		taken[entry] = true;
		(void)json_array_append_new(array, json_string(contest->entries[entry].id));
	}
	return array;
}

static json_t *draw_scores(struct crowd *crowd, const struct contest *contest)
{
	json_t *object = json_object();
	int steps =
	    (contest->ballot.score_max - contest->ballot.score_min) / contest->ballot.score_step;

	for (size_t i = 0; i < contest->n_entries; i++) {
		/* weight runs from 0.25 to 2.25 */
		double at = (crowd->weight[i] / 2.25 + next_unit(crowd)) / 2;
		int step = (int)(at * (steps + 1));
		(void)json_object_set_new(object, contest->entries[i].id,
		    json_integer(contest->ballot.score_min +
				 (step > steps ? steps : step) * contest->ballot.score_step));
	}
	return object;
}

static json_t *draw_ballot(struct crowd *crowd)
{
	const struct contest *contest = crowd->round->contest;
	json_t *items;

	if (strcmp(contest->form->name, "scores") == 0)
		items = draw_scores(crowd, contest);
	else if (strcmp(contest->form->name, "ranking") == 0)
		items = draw_list(
		    crowd, contest, contest->ballot.ranking_min, contest->ballot.ranking_max);
	else
		items = draw_list(
		    crowd, contest, contest->ballot.choices_min, contest->ballot.choices_max);
	return json_pack("{s:o}", contest->form->name, items);
}

/* ---- the end ---- */

__attribute__((format(printf, 2, 3))) static void fail(
    struct citizen *citizen, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(citizen->why, sizeof(citizen->why), format, args);
	va_end(args);
	citizen->on_done(citizen->arg, citizen->why);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	send_step(arg);
}

/* The same request once more after a while: safe in every step, also after an unknown outcome. */
static void try_again(struct citizen *citizen, const char *why)
{
	struct timeval pause = {.tv_usec = PAUSE_MS * 1000};

	if (++citizen->tries >= TRIES_MAX) {
		fail(citizen, "gave up after %d tries: %s", citizen->tries, why);
		return;
	}
	pause.tv_usec *= citizen->tries;
	pause.tv_sec = pause.tv_usec / 1000000;
	pause.tv_usec %= 1000000;
	(void)evtimer_add(citizen->again, &pause);
}

static void next_step(struct citizen *citizen, enum citizen_step step)
{
	citizen->step = step;
	citizen->tries = 0;
	send_step(citizen);
}

/* ---- CITIZEN_CONTEST, CITIZEN_CHALLENGE ---- */

static const char *text_member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static void take_contest(struct citizen *citizen, const json_t *body)
{
	const struct round *round = citizen->crowd->round;
	char rules_hash[HEX_SIZE(SHA256_SIZE)];

	(void)hex_encode(round->rules_hash, SHA256_SIZE, rules_hash);
	if (!json_is_true(json_object_get(body, "rehearsal")) &&
	    !json_is_true(json_object_get(body, "demonstration"))) {
		fail(citizen, "the server runs this contest for real: synthetic votes stay away");
		return;
	}
	if (strcmp(text_member(body, "rules_hash"), rules_hash) != 0) {
		fail(citizen, "the server counts by other rules than this configuration");
		return;
	}
	if (strcmp(text_member(body, "phase"), "open") != 0) {
		fail(citizen, "the contest is %s", text_member(body, "phase"));
		return;
	}
	next_step(citizen, CITIZEN_CHALLENGE);
}

/* Draws a nonce, blinds the token's input, and keeps the request for every further try. */
static int make_request(struct citizen *citizen)
{
	const struct keyring_public *keys = &citizen->crowd->round->keys;
	uint8_t nonce[PP_NONCE_SIZE];
	const struct slice none = {0};

	if (RAND_bytes(nonce, sizeof(nonce)) <= 0)
		return -EIO;
	pp_token_input(
	    nonce, citizen->crowd->round->challenge_digest, keys->token_key_id, citizen->token);
	put_u16be(citizen->request, PP_TOKEN_TYPE);
	citizen->request[2] = keys->token_key_id[PP_KEY_ID_SIZE - 1];
	return blindrsa_blind(keys->token, slice_make(citizen->token, PP_TOKEN_INPUT_SIZE), none,
	    none, citizen->request + 3, citizen->inverse);
}

static void take_challenge(struct citizen *citizen, const json_t *body)
{
	const struct round *round = citizen->crowd->round;
	char challenge[BASE64_SIZE(PP_CHALLENGE_MAX)];

	(void)base64url_encode_padded(round->challenge, round->challenge_len, challenge);
	if (strcmp(text_member(body, "challenge"), challenge) != 0) {
		fail(citizen, "the server's challenge is not the one that everybody gets");
		return;
	}
	if (make_request(citizen) < 0) {
		fail(citizen, "the token could not be blinded");
		return;
	}
	next_step(citizen, CITIZEN_TOKEN);
}

/* ---- CITIZEN_TOKEN ---- */

static void take_token(struct citizen *citizen, struct slice body)
{
	json_t *ballot;
	int r = blindrsa_finalize(citizen->crowd->round->keys.token,
	    slice_make(citizen->token, PP_TOKEN_INPUT_SIZE), body,
	    slice_make(citizen->inverse, BLINDRSA_BYTES), citizen->token + PP_TOKEN_INPUT_SIZE);

	if (r < 0) {
		fail(citizen, "the signature on the token is wrong");
		return;
	}
	ballot = draw_ballot(citizen->crowd);
	if (ballot == NULL || json_dumpb(ballot, citizen->ballot, CITIZEN_BODY_MAX - 1,
				  JSON_COMPACT) >= CITIZEN_BODY_MAX) {
		json_decref(ballot);
		fail(citizen, "the ballot could not be written");
		return;
	}
	json_decref(ballot);
	next_step(citizen, CITIZEN_BALLOT);
}

/* ---- CITIZEN_BALLOT ---- */

/* The entry that this ballot makes at the receipt's place in the log, as base64. */
static int expected_entry(const struct citizen *citizen, unsigned shard, uint64_t index,
    const uint8_t salt[SALT_SIZE], char ret_text[BASE64_SIZE(COMMITMENT_SIZE)])
{
	const struct contest *contest = citizen->crowd->round->contest;
	uint8_t spent[SPENT_SIZE];
	uint8_t entry[COMMITMENT_SIZE];
	char origin[ORIGIN_MAX];
	char why[FORM_WHY_MAX];
	struct ballot ballot;
	struct buf canonical;
	json_t *json = json_loads(citizen->ballot, 0, NULL);
	int r = json ? ballot_parse(contest, json, &ballot, why) : -ENOMEM;

	json_decref(json);
	buf_init(&canonical, CANONICAL_MAX);
	if (r == 0)
		r = ballot_print(contest, &ballot, &canonical);
	if (r == 0)
		r = commitment_origin(citizen->crowd->log_name, contest, shard, origin);
	if (r == 0) {
		commitment_spent(slice_make(citizen->token, PP_TOKEN_INPUT_SIZE), spent);
		commitment_entry(origin, index, spent, salt, buf_slice(&canonical), entry);
		(void)base64_encode(entry, sizeof(entry), ret_text);
	}
	buf_release(&canonical);
	return r;
}

static void take_receipt(struct citizen *citizen, const json_t *body)
{
	json_int_t shard = json_integer_value(json_object_get(body, "shard"));
	json_int_t index = json_integer_value(json_object_get(body, "index"));
	char entry[BASE64_SIZE(COMMITMENT_SIZE)];
	uint8_t salt[SALT_SIZE];
	size_t salt_len = 0;

	if (shard < 0 || shard >= citizen->crowd->round->contest->shards || index < 0 ||
	    base64_decode(slice_text(text_member(body, "salt")), salt, sizeof(salt), &salt_len) <
		0 ||
	    salt_len != sizeof(salt) ||
	    expected_entry(citizen, (unsigned)shard, (uint64_t)index, salt, entry) < 0 ||
	    strcmp(entry, text_member(body, "entry")) != 0) {
		fail(citizen, "the receipt is not one for this token and ballot");
		return;
	}
	citizen->on_done(citizen->arg, NULL);
}

/* ---- requests and replies ---- */

static void take_reply(struct citizen *citizen, int status, struct slice body)
{
	json_t *json;

	if (citizen->step == CITIZEN_TOKEN && status == 200) {
		take_token(citizen, body);
		return;
	}
	json = json_loadb(body.ptr ? body.ptr : "", body.len, JSON_REJECT_DUPLICATES, NULL);
	if (status == 503)
		try_again(citizen, text_member(json, "detail"));
	else if (status != 200 && status != 201)
		fail(citizen, "%d %s %s", status, text_member(json, "title"),
		    text_member(json, "detail"));
	else if (citizen->step == CITIZEN_CONTEST)
		take_contest(citizen, json);
	else if (citizen->step == CITIZEN_CHALLENGE)
		take_challenge(citizen, json);
	else
		take_receipt(citizen, json);
	json_decref(json);
}

/* libevent gives no request, or one without a status, when the connection failed. */
static void on_reply(struct evhttp_request *reply, void *arg)
{
	struct citizen *citizen = arg;
	struct evbuffer *body;
	size_t len;

	if (reply == NULL || evhttp_request_get_response_code(reply) == 0) {
		try_again(citizen, "the server did not answer");
		return;
	}
	body = evhttp_request_get_input_buffer(reply);
	len = evbuffer_get_length(body);
	take_reply(citizen, evhttp_request_get_response_code(reply),
	    slice_make(evbuffer_pullup(body, -1), len));
}

static int add_body(struct citizen *citizen, struct evhttp_request *request)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evhttp_request_get_output_buffer(request);
	char token[BASE64_SIZE(PP_TOKEN_SIZE)];
	char authorization[sizeof(token) + 32];

	if (citizen->step == CITIZEN_TOKEN)
		return evhttp_add_header(
			   headers, "Content-Type", "application/private-token-request") < 0 ||
			       evbuffer_add(body, citizen->request, sizeof(citizen->request)) < 0
			   ? -ENOMEM
			   : 0;
	(void)base64url_encode_padded(citizen->token, PP_TOKEN_SIZE, token);
	(void)snprintf(authorization, sizeof(authorization), "PrivateToken token=\"%s\"", token);
	return evhttp_add_header(headers, "Content-Type", "application/json") < 0 ||
		       evhttp_add_header(headers, "Authorization", authorization) < 0 ||
		       evbuffer_add(body, citizen->ballot, strlen(citizen->ballot)) < 0
		   ? -ENOMEM
		   : 0;
}

static void send_step(struct citizen *citizen)
{
	static const char *const suffix[] = {
	    [CITIZEN_CONTEST] = "",
	    [CITIZEN_CHALLENGE] = "/challenge",
	    [CITIZEN_TOKEN] = "/tokens",
	    [CITIZEN_BALLOT] = "/ballots",
	};
	bool posts = citizen->step == CITIZEN_TOKEN || citizen->step == CITIZEN_BALLOT;
	struct evhttp_request *request = evhttp_request_new(on_reply, citizen);
	char path[CONTEST_ID_MAX + 64];

	if (request == NULL) {
		try_again(citizen, "memory is short");
		return;
	}
	(void)snprintf(path, sizeof(path), "/v1/contests/%s%s", citizen->crowd->round->contest->id,
	    suffix[citizen->step]);
	if (evhttp_add_header(evhttp_request_get_output_headers(request), "Host",
		citizen->crowd->authority) < 0 ||
	    (posts && add_body(citizen, request) < 0)) {
		evhttp_request_free(request);
		try_again(citizen, "memory is short");
		return;
	}
	/* On failure libevent has freed the request and does not call back. */
	if (evhttp_make_request(
		citizen->connection, request, posts ? EVHTTP_REQ_POST : EVHTTP_REQ_GET, path) < 0)
		try_again(citizen, "the server cannot be reached");
}

int citizen_start(struct citizen *citizen, struct crowd *crowd,
    struct evhttp_connection *connection, void (*on_done)(void *arg, const char *why), void *arg)
{
	citizen_release(citizen);
	*citizen = (struct citizen){
	    .crowd = crowd,
	    .connection = connection,
	    .on_done = on_done,
	    .arg = arg,
	    .step = CITIZEN_CONTEST,
	};
	citizen->again = evtimer_new(crowd->base, on_again, citizen);
	if (citizen->again == NULL)
		return -ENOMEM;
	/* From the loop, so that nothing is done before this returns. */
	return evtimer_add(citizen->again, &(struct timeval){0}) < 0 ? -ENOMEM : 0;
}

void citizen_release(struct citizen *citizen)
{
	if (citizen->again != NULL)
		event_free(citizen->again);
	OPENSSL_cleanse(citizen, sizeof(*citizen));
}
