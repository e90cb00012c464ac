/* client/provider against a provider within the test: what goes out, what comes back, how long
 * documents are kept, and every way in which a provider fails. The clock of what is kept is turned
 * by hand; deadlines are the machine's. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include "client/call.h"
#include "client/provider.h"
#include "peer_fixture.h"
#include "token_fixture.h"

#define N(rows)     (sizeof(rows) / sizeof((rows)[0]))
#define GENEROUS_MS 30000
#define SHORT_MS    300
#define SECRET_POST "\"token_endpoint_auth_methods_supported\":[\"client_secret_post\"],"
#define CLAIMS      "{\"sub\":\"a\",\"name\":\"token\"}"
#define TOKEN_TYPE  "\"access_token\":\"at.1\",\"token_type\":\"bearer\""

static EVP_PKEY *first_key, *second_key;
static int64_t now_ms;

static int64_t turned_clock(void)
{
	return now_ms;
}

static int make_keys(void **state)
{
	(void)state;
	first_key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	second_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	return 0;
}

static int drop_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(first_key);
	EVP_PKEY_free(second_key);
	return 0;
}

/* ---- the provider ---- */

struct answer {
	int status;       /* 0: the one of a good provider; -1: none, ever */
	const char *body; /* NULL: the good one */
};

struct outcome {
	unsigned n;
	int error;
	json_t *claims;
	char word[PROVIDER_WORD_SIZE], why[500], endpoint[300];
};

struct world {
	struct event_base *base;
	struct calls *calls;
	struct evhttp *http;
	struct provider *provider;
	unsigned port;
	char issuer[100];
	const char *extra;     /* members of the configuration */
	const char *max_age;   /* of configuration and keys */
	const char *token_url; /* NULL: its own */
	bool moved;            /* the key set is at /moved, with the second key */
	bool hold_keys;        /* the old one's request waits in held_keys */
	struct evhttp_request *held_keys;
	struct answer configuration, keys, token, userinfo;
	unsigned n_configuration, n_keys, n_moved, n_token, n_userinfo;
	EVP_PKEY *published, *signing;
	const char *published_kid, *signing_kid, *claims;
	char authorization[600], form[5000], userinfo_authorization[100];
	struct outcome outcomes[8];
};

static char *configuration_of(const struct world *world)
{
	char *text = malloc(2000), own[200];

	(void)snprintf(own, sizeof(own), "%s/token", world->issuer);
	(void)snprintf(text, 2000,
	    "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/authorize?tenant=1\",%s"
	    "\"token_endpoint\":\"%s\",\"jwks_uri\":\"%s/%s\",\"userinfo_endpoint\":\"%s/me\"}",
	    world->issuer, world->issuer, world->extra ? world->extra : "",
	    world->token_url ? world->token_url : own, world->issuer,
	    world->moved ? "moved" : "keys", world->issuer);
	return text;
}

static char *keys_of(const struct world *world)
{
	json_t *set =
	    json_pack("{s:[o]}", "keys", fixture_jwk(world->published, world->published_kid));
	char *text = json_dumps(set, 0);

	json_decref(set);
	return text;
}

static char *tokens_of(const struct world *world)
{
	const char *alg = world->signing == first_key ? "RS256" : "ES256";
	char header[100], *token, *text = malloc(5000);

	(void)snprintf(
	    header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\"}", alg, world->signing_kid);
	token = fixture_token(world->signing, alg, header, world->claims);
	(void)snprintf(text, 5000, "{\"id_token\":\"%s\"," TOKEN_TYPE "}", token);
	free(token);
	return text;
}

static void answer_with(struct evhttp_request *req, const struct answer *answer, char *good)
{
	if (answer->status >= 0)
		peer_reply(req, answer->status ? answer->status : 200, "application/json",
		    answer->body ? answer->body : good);
	free(good);
}

static void note_header(struct evhttp_request *req, char *ret_text, size_t cap)
{
	const char *value =
	    evhttp_find_header(evhttp_request_get_input_headers(req), "Authorization");

	(void)snprintf(ret_text, cap, "%s", value ? value : "");
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct world *world = arg;
	const char *path = evhttp_request_get_uri(req);

	if (world->max_age)
		(void)evhttp_add_header(
		    evhttp_request_get_output_headers(req), "Cache-Control", world->max_age);
	if (strcmp(path, "/op/.well-known/openid-configuration") == 0) {
		world->n_configuration++;
		answer_with(req, &world->configuration, configuration_of(world));
	} else if (strcmp(path, "/op/keys") == 0 && world->hold_keys) {
		world->held_keys = req;
		world->n_keys++;
	} else if (strcmp(path, "/op/moved") == 0) {
		world->n_moved++;
		json_t *set = json_pack("{s:[o]}", "keys", fixture_jwk(second_key, "1"));
		answer_with(req, &(struct answer){0}, json_dumps(set, 0));
		json_decref(set);
	} else if (strcmp(path, "/op/keys") == 0) {
		world->n_keys++;
		answer_with(req, &world->keys, keys_of(world));
	} else if (strcmp(path, "/op/token") == 0) {
		world->n_token++;
		note_header(req, world->authorization, sizeof(world->authorization));
		peer_body(req, world->form, sizeof(world->form));
		answer_with(req, &world->token, tokens_of(world));
	} else if (strcmp(path, "/op/me") == 0) {
		world->n_userinfo++;
		note_header(
		    req, world->userinfo_authorization, sizeof(world->userinfo_authorization));
		answer_with(req, &world->userinfo, strdup("{\"sub\":\"a\"}"));
	} else {
		peer_reply(req, 404, "text/plain", path);
	}
}

static int open_world(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	now_ms = 1000000;
	world->base = event_base_new();
	world->http = peer_http(world->base, on_request, world, &world->port);
	(void)snprintf(world->issuer, sizeof(world->issuer), "http://127.0.0.1:%u/op", world->port);
	world->published = world->signing = first_key;
	world->published_kid = world->signing_kid = "1";
	world->claims = CLAIMS;
	assert_int_equal(calls_new(world->base, 64, &world->calls), 0);
	*state = world;
	return 0;
}

static int close_world(void **state)
{
	struct world *world = *state;

	provider_free(world->provider);
	calls_free(world->calls);
	evhttp_free(world->http);
	event_base_free(world->base);
	for (size_t i = 0; i < N(world->outcomes); i++)
		json_decref(world->outcomes[i].claims);
	free(world);
	return 0;
}

/* ---- the client ---- */

static void make_provider(struct world *world, struct provider_options options)
{
	options.issuer = options.issuer ? options.issuer : world->issuer;
	options.client_id = options.client_id ? options.client_id : "tallyd";
	options.scopes = "openid";
	options.deadline_ms = options.deadline_ms ? options.deadline_ms : GENEROUS_MS;
	options.now_ms = turned_clock;
	provider_free(world->provider);
	world->provider = NULL;
	assert_int_equal(provider_new(world->base, world->calls, &options, &world->provider), 0);
}

static void on_redeemed(void *arg, int error, const struct provider_outcome *result)
{
	struct outcome *outcome = arg;

	outcome->n++;
	outcome->error = error;
	outcome->claims = json_incref(result->claims);
	(void)snprintf(outcome->word, sizeof(outcome->word), "%s", result->word);
	(void)snprintf(outcome->why, sizeof(outcome->why), "%s", result->why);
}

static void on_located(void *arg, int error, const char *endpoint)
{
	struct outcome *outcome = arg;

	outcome->n++;
	outcome->error = error;
	(void)snprintf(outcome->endpoint, sizeof(outcome->endpoint), "%s", endpoint);
}

static struct outcome *begin(struct world *world, size_t i)
{
	static const struct provider_grant grant = {
	    "the code/1", "https://vote.example/back?x=y", "verifier-._~"};
	struct outcome *outcome = &world->outcomes[i];

	json_decref(outcome->claims);
	*outcome = (struct outcome){0};
	assert_int_equal(provider_redeem(world->provider, &grant, on_redeemed, outcome), 0);
	assert_int_equal(outcome->n, 0);
	return outcome;
}

static const struct outcome *redeem(struct world *world)
{
	struct outcome *outcome = begin(world, 0);

	peer_wait(world->base, &outcome->n, 1);
	assert_int_equal(outcome->error == 0, outcome->claims != NULL);
	assert_int_equal(outcome->error == 0, outcome->why[0] == '\0');
	return outcome;
}

static const struct outcome *locate(struct world *world)
{
	struct outcome *outcome = &world->outcomes[1];

	*outcome = (struct outcome){0};
	assert_int_equal(provider_locate(world->provider, on_located, outcome), 0);
	assert_int_equal(outcome->n, 0);
	peer_wait(world->base, &outcome->n, 1);
	return outcome;
}

static const char *claim(const struct outcome *outcome, const char *name)
{
	const char *text = json_string_value(json_object_get(outcome->claims, name));

	return text ? text : "";
}

/* ---- good ---- */

static void a_code_becomes_claims(void **state)
{
	struct world *world = *state;

	make_provider(world, (struct provider_options){.client_secret = "secret"});
	const struct outcome *outcome = redeem(world);
	assert_int_equal(outcome->error, 0);
	assert_string_equal(claim(outcome, "sub"), "a");
	assert_string_equal(world->form,
	    "grant_type=authorization_code&code=the+code%2F1"
	    "&redirect_uri=https%3A%2F%2Fvote.example%2Fback%3Fx%3Dy&code_verifier=verifier-._~");
	assert_string_equal(world->authorization, "Basic dGFsbHlkOnNlY3JldA==");
	assert_int_equal(redeem(world)->error, 0);
	assert_int_equal(world->n_configuration, 1);
	assert_int_equal(world->n_keys, 1);
	assert_int_equal(world->n_token, 2);
	assert_int_equal(world->n_userinfo, 0);
}

/* RFC 6749 appendix B has these characters and what they become. */
static void how_a_client_names_itself(void **state)
{
	struct world *world = *state;
	static const char odd[] = " %&+\xc2\xa3\xe2\x82\xac";

	make_provider(world, (struct provider_options){.client_id = odd, .client_secret = "p:w"});
	assert_int_equal(redeem(world)->error, 0);
	/* "+%25%26%2B%C2%A3%E2%82%AC:p%3Aw" */
	assert_string_equal(
	    world->authorization, "Basic KyUyNSUyNiUyQiVDMiVBMyVFMiU4MiVBQzpwJTNBdw==");
	assert_null(strstr(world->form, "client_"));

	make_provider(world, (struct provider_options){.client_id = odd}); /* public */
	assert_int_equal(redeem(world)->error, 0);
	assert_string_equal(world->authorization, "");
	assert_non_null(strstr(world->form, "&client_id=+%25%26%2B%C2%A3%E2%82%AC"));
	assert_null(strstr(world->form, "client_secret"));

	world->extra = SECRET_POST;
	make_provider(world, (struct provider_options){.client_secret = "p w"});
	assert_int_equal(redeem(world)->error, 0);
	assert_string_equal(world->authorization, "");
	assert_non_null(strstr(world->form, "&client_id=tallyd&client_secret=p+w"));

	world->extra =
	    "\"token_endpoint_auth_methods_supported\":[\"client_secret_post\","
	    "\"client_secret_basic\"],";
	make_provider(world, (struct provider_options){.client_secret = "p"});
	assert_int_equal(redeem(world)->error, 0);
	assert_true(strncmp(world->authorization, "Basic ", 6) == 0);
}

static void where_people_are_sent(void **state)
{
	struct world *world = *state;
	char expected[300];

	make_provider(world, (struct provider_options){0});
	(void)snprintf(expected, sizeof(expected), "%s/authorize?tenant=1", world->issuer);
	for (int i = 0; i < 2; i++) {
		const struct outcome *outcome = locate(world);
		assert_int_equal(outcome->error, 0);
		assert_string_equal(outcome->endpoint, expected);
	}
	assert_int_equal(world->n_configuration, 1);
	assert_int_equal(world->n_keys, 0);
	assert_string_equal(provider_issuer(world->provider), world->issuer);
	assert_string_equal(provider_client_id(world->provider), "tallyd");
	assert_string_equal(provider_scopes(world->provider), "openid");
}

/* Discovery section 4.1: the slash goes for the address, and stays in the name. */
static void issuer_that_ends_in_a_slash(void **state)
{
	struct world *world = *state;

	char issuer[120], body[1000];
	(void)snprintf(issuer, sizeof(issuer), "%s/", world->issuer);
	make_provider(world, (struct provider_options){.issuer = issuer});
	assert_int_equal(locate(world)->error, -EBADMSG); /* it names itself without */
	(void)snprintf(body, sizeof(body),
	    "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s\",\"token_endpoint\":\"%s\","
	    "\"jwks_uri\":\"%s\"}",
	    issuer, issuer, issuer, issuer);
	world->configuration.body = body;
	make_provider(world, (struct provider_options){.issuer = issuer});
	assert_int_equal(locate(world)->error, 0);
	assert_int_equal(world->n_configuration, 2);
}

static void several_at_once_share_a_reading(void **state)
{
	struct world *world = *state;

	make_provider(world, (struct provider_options){0});
	for (size_t i = 0; i < 8; i++)
		(void)begin(world, i);
	for (size_t i = 0; i < 8; i++) {
		peer_wait(world->base, &world->outcomes[i].n, 1);
		assert_int_equal(world->outcomes[i].error, 0);
	}
	assert_int_equal(world->n_configuration, 1);
	assert_int_equal(world->n_keys, 1);
	assert_int_equal(world->n_token, 8);
}

/* ---- documents ---- */

static void what_no_issuer_is(void **state)
{
	struct world *world = *state;
	const struct provider_options good = {.issuer = "https://op.example/t",
	    .client_id = "c",
	    .scopes = "openid",
	    .deadline_ms = 1};
	static const char *const issuers[] = {"http://op.example", "op.example", "",
	    "https://op.example/?a=b", "https://op.example/#a", "https://a:b@op.example/"};
	struct provider_options options = good;
	struct provider *provider = NULL;

	assert_int_equal(provider_new(world->base, world->calls, &good, &provider), 0);
	provider_free(provider);
	provider = NULL;
	for (size_t i = 0; i < N(issuers); i++) {
		options.issuer = issuers[i];
		assert_int_equal(
		    provider_new(world->base, world->calls, &options, &provider), -EINVAL);
	}
	options = good;
	options.client_id = "";
	assert_int_equal(provider_new(world->base, world->calls, &options, &provider), -EINVAL);
	options = good;
	options.deadline_ms = 0;
	assert_int_equal(provider_new(world->base, world->calls, &options, &provider), -EINVAL);
	assert_null(provider);
}

/* Each row is laid over a good configuration. */
static void unsound_configurations(void **state)
{
	struct world *world = *state;
	static const struct {
		const char *change;
		int error;
	} rows[] = {
	    {"{}", 0},
	    {"{\"issuer\":\"https://other.example\"}", -EBADMSG},
	    {"{\"issuer\":\"http://127.0.0.1/op\"}", -EBADMSG},
	    {"{\"issuer\":null}", -EBADMSG},
	    {"{\"authorization_endpoint\":null}", -EBADMSG},
	    {"{\"authorization_endpoint\":\"http://op.example/\"}", -EBADMSG},
	    {"{\"authorization_endpoint\":\"javascript:alert(1)\"}", -EBADMSG},
	    {"{\"authorization_endpoint\":\"https://op.example/#x\"}", -EBADMSG},
	    {"{\"token_endpoint\":\"http://op.example/\"}", -EBADMSG},
	    {"{\"token_endpoint\":7}", -EBADMSG},
	    {"{\"jwks_uri\":\"file:///etc/passwd\"}", -EBADMSG},
	    {"{\"jwks_uri\":null}", -EBADMSG},
	    {"{\"userinfo_endpoint\":null}", -EBADMSG},
	    {"{\"token_endpoint_auth_methods_supported\":7}", 0},
	};

	for (size_t i = 0; i < N(rows); i++) {
		char *text = configuration_of(world);
		json_t *json = json_loads(text, 0, NULL),
		       *change = json_loads(rows[i].change, 0, NULL);
		free(text);
		(void)json_object_update(json, change);
		text = json_dumps(json, 0);
		json_decref(json);
		json_decref(change);
		world->configuration.body = text;
		make_provider(world, (struct provider_options){.userinfo = true});
		int error = redeem(world)->error;
		if (error != rows[i].error)
			fail_msg("%s: %d", rows[i].change, error);
		assert_int_equal(
		    world->n_token, error == 0 ? i == 0 ? 1 : 2 : 1); /* no code spent */
		free(text);
	}
	world->configuration.body = "<html>";
	make_provider(world, (struct provider_options){0});
	assert_int_equal(redeem(world)->error, -EBADMSG);
}

static void fails_and_recovers(void **state)
{
	struct world *world = *state;
	static const int pauses_s[] = {1, 2, 4, 8, 16, 30, 30};

	make_provider(world, (struct provider_options){0});
	world->configuration.status = 503;
	for (size_t i = 0; i < N(pauses_s); i++) {
		assert_int_equal(redeem(world)->error, -EHOSTUNREACH);
		assert_int_equal(world->n_configuration, i + 1);
		now_ms += pauses_s[i] * 1000 - 1;
		assert_int_equal(redeem(world)->error, -EHOSTUNREACH);
		assert_non_null(strstr(world->outcomes[0].why, "503"));
		assert_int_equal(locate(world)->error, -EHOSTUNREACH);
		assert_int_equal(world->n_configuration, i + 1); /* it was left alone */
		now_ms++;
	}
	world->configuration.status = 0;
	assert_int_equal(redeem(world)->error, 0);

	/* the pauses begin anew */
	now_ms += 3LL * 86400 * 1000;
	world->configuration.status = 500;
	assert_int_equal(redeem(world)->error, -EHOSTUNREACH);
	now_ms += 1000;
	world->configuration.status = 0;
	assert_int_equal(redeem(world)->error, 0);
}

static void key_set_that_fails(void **state)
{
	struct world *world = *state;

	make_provider(world, (struct provider_options){0});
	world->keys.status = 404;
	assert_int_equal(redeem(world)->error, -EHOSTUNREACH);
	now_ms += 1000;
	world->keys = (struct answer){.body = "[]"};
	assert_int_equal(redeem(world)->error, -EBADMSG);
	now_ms += 2000;
	world->keys = (struct answer){.body = "{\"keys\":[]}"};
	assert_int_equal(redeem(world)->error, -ENOKEY);
	now_ms += 4000;
	assert_int_equal(world->n_token, 0); /* no code was spent */
	world->keys = (struct answer){0};
	assert_int_equal(redeem(world)->error, 0);
	assert_int_equal(world->n_configuration, 1);
}

static void kept_and_renewed(void **state)
{
	struct world *world = *state;
	static const struct {
		const char *max_age;
		int64_t kept_s;
	} rows[] = {
	    {NULL, 3600},
	    {"max-age=600", 600},
	    {"max-age=0", 60},
	    {"no-store", 60},
	    {"max-age=31536000", 86400},
	};

	for (size_t i = 0; i < N(rows); i++) {
		world->max_age = rows[i].max_age;
		world->n_configuration = world->n_keys = 0;
		make_provider(world, (struct provider_options){0});
		assert_int_equal(redeem(world)->error, 0);
		now_ms += rows[i].kept_s * 1000 - 1;
		assert_int_equal(redeem(world)->error, 0);
		assert_int_equal(world->n_configuration, 1);
		assert_int_equal(world->n_keys, 1);
		now_ms++;
		world->configuration.status = -1; /* the renewal hangs: the old one serves */
		assert_int_equal(redeem(world)->error, 0);
		peer_wait(world->base, &world->n_configuration, 2);
		peer_wait(world->base, &world->n_keys, 2);
		world->configuration.status = 0;
	}
}

static void old_documents_end(void **state)
{
	struct world *world = *state;

	make_provider(world, (struct provider_options){0});
	assert_int_equal(redeem(world)->error, 0);
	world->configuration.status = world->keys.status = 500;
	now_ms += (3600 + 86400) * 1000LL - 1;
	assert_int_equal(redeem(world)->error, 0);
	peer_wait(world->base, &world->n_configuration, 2);
	peer_settle(world->base, 20);
	now_ms += 2000;
	assert_int_equal(redeem(world)->error, -EHOSTUNREACH);
}

/* ---- keys that change ---- */

static void keys_are_rotated(void **state)
{
	struct world *world = *state;

	make_provider(world, (struct provider_options){0});
	assert_int_equal(redeem(world)->error, 0);
	world->published = world->signing = second_key;
	world->published_kid = world->signing_kid = "2";
	const struct outcome *outcome = redeem(world);
	assert_int_equal(outcome->error, 0);
	assert_string_equal(claim(outcome, "sub"), "a");
	assert_int_equal(world->n_keys, 2);
	assert_int_equal(world->n_token, 2); /* the same token was tried once more */
}

static void key_that_is_not_published(void **state)
{
	struct world *world = *state;

	make_provider(world, (struct provider_options){0});
	world->signing_kid = "unknown";
	assert_int_equal(redeem(world)->error, -ENOKEY);
	assert_int_equal(world->n_keys, 2);
	now_ms += 9999;
	assert_int_equal(redeem(world)->error, -ENOKEY);
	assert_int_equal(world->n_keys, 2);
	now_ms += 1;
	assert_int_equal(redeem(world)->error, -ENOKEY);
	assert_int_equal(world->n_keys, 3);
	now_ms += 10000;
	world->keys.status = 500; /* then it is the provider that fails */
	assert_int_equal(redeem(world)->error, -EHOSTUNREACH);
	world->signing_kid = "1"; /* and the old set still serves */
	assert_int_equal(redeem(world)->error, 0);
	/* a key that has another's kid */
	world->signing = second_key;
	assert_int_equal(redeem(world)->error, -EBADMSG);
}

/* The configuration names another place: what is kept of the old one goes, and what is on its way.
 */
static void key_set_that_moves(void **state)
{
	struct world *world = *state;

	for (int on_its_way = 0; on_its_way < 2; on_its_way++) {
		world->n_configuration = world->n_keys = world->n_moved = 0;
		world->moved = false;
		world->signing = first_key;
		make_provider(world, (struct provider_options){0});
		assert_int_equal(redeem(world)->error, 0);
		world->moved = true;
		world->hold_keys = on_its_way;
		now_ms += 3600 * 1000;
		assert_int_equal(redeem(world)->error, 0); /* by what is kept */
		peer_wait(world->base, &world->n_keys, 2);
		peer_wait(world->base, &world->n_configuration, 2);
		peer_settle(world->base, 50);
		if (on_its_way)
			answer_with(world->held_keys, &world->keys, keys_of(world));
		world->hold_keys = false;
		world->signing = second_key; /* under the same kid */
		assert_int_equal(redeem(world)->error, 0);
		assert_int_equal(world->n_moved, 1);
		assert_int_equal(world->n_keys, 2);
	}
}

/* ---- the token endpoint ---- */

static void answers_of_the_token_endpoint(void **state)
{
	struct world *world = *state;
	static const struct {
		int status;
		const char *body;
		int error;
		const char *word;
	} rows[] = {
	    {400, "{\"error\":\"invalid_grant\",\"error_description\":\"x\"}", -EACCES,
		"invalid_grant"},
	    {401, "{\"error\":\"invalid_client\"}", -EACCES, "invalid_client"},
	    {400, "{\"error\":7}", -EBADMSG, ""},
	    {400, "{\"error\":\"\"}", -EBADMSG, ""},
	    {400, "{\"error\":\"a\\nb\"}", -EBADMSG, ""},
	    {400, "{\"error\":\"\\u00e4\"}", -EBADMSG, ""},
	    {400, "{\"error\":\"a\\\"b\"}", -EBADMSG, ""},
	    {400,
		"{\"error\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
		-EBADMSG, ""},
	    {400, "bad", -EBADMSG, ""},
	    {403, "{\"error\":\"invalid_grant\"}", -EBADMSG, ""},
	    {302, "{}", -EBADMSG, ""},
	    {429, "{\"error\":\"slow_down\"}", -EHOSTUNREACH, ""},
	    {500, "{\"error\":\"invalid_grant\"}", -EHOSTUNREACH, ""},
	    {503, "", -EHOSTUNREACH, ""},
	    {200, "", -EBADMSG, ""},
	    {200, "[]", -EBADMSG, ""},
	    {200, "{}", -EBADMSG, ""},
	    {200, "{\"error\":\"invalid_grant\"}", -EBADMSG, ""},
	    {200, "{\"id_token\":7}", -EBADMSG, ""},
	    {200, "{\"id_token\":\"\"}", -EBADMSG, ""},
	    {200, "{\"id_token\":\"a.b.c\"}", -EBADMSG, ""},
	    {200, "{\"id_token\":\"eyJhbGciOiJub25lIn0.e30.\"}", -EBADMSG, ""},
	};

	make_provider(world, (struct provider_options){0});
	for (size_t i = 0; i < N(rows); i++) {
		world->token = (struct answer){rows[i].status, rows[i].body};
		const struct outcome *outcome = redeem(world);
		if (outcome->error != rows[i].error || strcmp(outcome->word, rows[i].word) != 0)
			fail_msg("row %zu: %d %s", i, outcome->error, outcome->word);
	}
	assert_int_equal(world->n_token, N(rows));
	world->token = (struct answer){0};
	assert_int_equal(redeem(world)->error, 0); /* nothing of it is held against the provider */
}

static void answer_that_is_too_long(void **state)
{
	struct world *world = *state;
	char *body = malloc(300001);

	memset(body, ' ', 300000);
	body[300000] = '\0';
	make_provider(world, (struct provider_options){0});
	world->token.body = body;
	assert_int_equal(redeem(world)->error, -EBADMSG);
	free(body);
}

static void token_endpoint_closes_early(void **state)
{
	struct world *world = *state;
	struct peer_raw raw;
	unsigned port;
	char url[100];

	peer_raw_open(world->base, &raw, "", 0, &port);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	world->token_url = url;
	make_provider(world, (struct provider_options){0});
	assert_int_equal(redeem(world)->error, -EHOSTUNREACH);
	assert_int_equal(raw.asked, 1);
	evconnlistener_free(raw.listener);
}

/* One deadline for all steps, whichever of them hangs. */
static void slow_steps(void **state)
{
	struct world *world = *state;
	struct answer *const steps[] = {
	    &world->configuration, &world->keys, &world->token, &world->userinfo};

	for (size_t i = 0; i < N(steps); i++) {
		make_provider(
		    world, (struct provider_options){.deadline_ms = SHORT_MS, .userinfo = true});
		steps[i]->status = -1;
		assert_int_equal(redeem(world)->error, -ETIMEDOUT);
		/* its end may come before that of the reading that it waited for; this one's
		 * does not */
		int error = redeem(world)->error;
		assert_true(error == -ETIMEDOUT || error == -EHOSTUNREACH);
		steps[i]->status = 0;
	}
}

/* ---- UserInfo ---- */

static void userinfo_adds_claims(void **state)
{
	struct world *world = *state;

	world->userinfo.body =
	    "{\"sub\":\"a\",\"name\":\"info\",\"email\":\"a@b\",\"nonce\":\"n\","
	    "\"iss\":\"i\",\"aud\":\"c\",\"exp\":9}";
	make_provider(world, (struct provider_options){.userinfo = true});
	const struct outcome *outcome = redeem(world);
	assert_int_equal(outcome->error, 0);
	assert_string_equal(world->userinfo_authorization, "Bearer at.1");
	assert_string_equal(claim(outcome, "name"), "token");
	assert_string_equal(claim(outcome, "email"), "a@b");
	assert_int_equal(json_object_size(outcome->claims), 3); /* nothing of a token's own */
}

static void userinfo_that_does_not_fit(void **state)
{
	struct world *world = *state;
	static const struct {
		int status;
		const char *body;
		int error;
	} rows[] = {
	    {200, "{\"sub\":\"b\"}", -EBADMSG},
	    {200, "{\"sub\":7}", -EBADMSG},
	    {200, "{\"email\":\"a@b\"}", -EBADMSG},
	    {200, "{\"sub\":\"a\",\"sub\":\"a\"}", -EBADMSG},
	    {200, "eyJhbGciOiJub25lIn0.e30.", -EBADMSG},
	    {200, "", -EBADMSG},
	    {401, "{\"sub\":\"a\"}", -EBADMSG},
	    {302, "{\"sub\":\"a\"}", -EBADMSG},
	    {500, "{\"sub\":\"a\"}", -EHOSTUNREACH},
	    {200, "{\"sub\":\"a\"}", 0},
	};
	static const char *const claims[] = {"{}", "{\"sub\":7}", "{\"sub\":null}"};
	char *tokens, *cut;

	make_provider(world, (struct provider_options){.userinfo = true});
	for (size_t i = 0; i < N(rows); i++) {
		world->userinfo = (struct answer){rows[i].status, rows[i].body};
		int error = redeem(world)->error;
		if (error != rows[i].error)
			fail_msg("row %zu: %d", i, error);
	}
	for (size_t i = 0; i < N(claims); i++) {
		world->claims = claims[i];
		world->userinfo.body = claims[i];
		assert_int_equal(redeem(world)->error, -EBADMSG);
	}
	/* an access token that is none, or would end the header's line */
	static const char *const ends[] = {"}", ",\"access_token\":\"a\",\"token_type\":\"mac\"}",
	    ",\"access_token\":\"a\\r\\nX: y\",\"token_type\":\"Bearer\"}"};
	unsigned before = world->n_userinfo;
	world->claims = CLAIMS;
	for (size_t i = 0; i < N(ends); i++) {
		tokens = tokens_of(world);
		cut = strstr(tokens, ",\"access_token");
		(void)snprintf(cut, 200, "%s", ends[i]);
		world->token.body = tokens;
		assert_int_equal(redeem(world)->error, -EBADMSG);
		free(tokens);
	}
	assert_int_equal(world->n_userinfo, before);
}

/* ---- ends ---- */

static void freed_at_every_step(void **state)
{
	struct world *world = *state;
	struct answer *const steps[] = {
	    &world->configuration, &world->keys, &world->token, &world->userinfo};
	const unsigned *const counts[] = {
	    &world->n_configuration, &world->n_keys, &world->n_token, &world->n_userinfo};

	for (size_t i = 0; i < N(steps); i++) {
		make_provider(world, (struct provider_options){.userinfo = true});
		steps[i]->status = -1;
		unsigned before = *counts[i];
		struct outcome *outcome = begin(world, 0);
		peer_wait(world->base, counts[i], before + 1);
		struct outcome *unbegun = begin(world, 1);
		provider_free(world->provider);
		world->provider = NULL;
		assert_int_equal(outcome->n, 1);
		assert_int_equal(outcome->error, -ECANCELED);
		assert_int_equal(unbegun->error, -ECANCELED);
		steps[i]->status = 0;
	}
	peer_settle(world->base, 20);
}

static void codes_that_are_none(void **state)
{
	struct world *world = *state;
	char *code = malloc(PROVIDER_CODE_MAX + 2);
	struct provider_grant grant = {"", "https://vote.example/", NULL};

	make_provider(world, (struct provider_options){0});
	assert_int_equal(
	    provider_redeem(world->provider, &grant, on_redeemed, &world->outcomes[0]), -EINVAL);
	memset(code, '/', PROVIDER_CODE_MAX + 1);
	code[PROVIDER_CODE_MAX + 1] = '\0';
	grant.code = code;
	assert_int_equal(
	    provider_redeem(world->provider, &grant, on_redeemed, &world->outcomes[0]), -EINVAL);
	grant.code++; /* the longest, without a verifier */
	assert_int_equal(
	    provider_redeem(world->provider, &grant, on_redeemed, &world->outcomes[0]), 0);
	peer_wait(world->base, &world->outcomes[0].n, 1);
	assert_int_equal(world->outcomes[0].error, 0);
	assert_null(strstr(world->form, "code_verifier"));
	free(code);
}

static void only_so_many_wait(void **state)
{
	struct world *world = *state;
	struct outcome many = {0};
	static const struct provider_grant grant = {"c", "https://vote.example/", NULL};

	make_provider(world, (struct provider_options){0});
	world->configuration.status = -1;
	for (unsigned i = 0; i < PROVIDER_WAITING_MAX; i++)
		assert_int_equal(provider_redeem(world->provider, &grant, on_redeemed, &many), 0);
	assert_int_equal(provider_redeem(world->provider, &grant, on_redeemed, &many), -EBUSY);
	assert_int_equal(provider_locate(world->provider, on_located, &many), -EBUSY);
	provider_free(world->provider);
	world->provider = NULL;
	assert_int_equal(many.n, PROVIDER_WAITING_MAX);
}

/* Of two that share the documents one finds no room for its call; the provider is not blamed. */
static void no_room_for_a_call(void **state)
{
	struct world *world = *state;

	calls_free(world->calls);
	assert_int_equal(calls_new(world->base, 1, &world->calls), 0);
	make_provider(world, (struct provider_options){0});
	(void)begin(world, 0);
	(void)begin(world, 1);
	peer_wait(world->base, &world->outcomes[0].n, 1);
	peer_wait(world->base, &world->outcomes[1].n, 1);
	assert_int_equal(world->outcomes[0].error + world->outcomes[1].error, -EBUSY);
	assert_int_equal(redeem(world)->error, 0);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
	const struct CMUnitTest tests[] = {
	    ROW(a_code_becomes_claims),
	    ROW(how_a_client_names_itself),
	    ROW(where_people_are_sent),
	    ROW(issuer_that_ends_in_a_slash),
	    ROW(several_at_once_share_a_reading),
	    ROW(what_no_issuer_is),
	    ROW(unsound_configurations),
	    ROW(fails_and_recovers),
	    ROW(key_set_that_fails),
	    ROW(kept_and_renewed),
	    ROW(old_documents_end),
	    ROW(keys_are_rotated),
	    ROW(key_that_is_not_published),
	    ROW(key_set_that_moves),
	    ROW(answers_of_the_token_endpoint),
	    ROW(answer_that_is_too_long),
	    ROW(token_endpoint_closes_early),
	    ROW(slow_steps),
	    ROW(userinfo_adds_claims),
	    ROW(userinfo_that_does_not_fit),
	    ROW(freed_at_every_step),
	    ROW(codes_that_are_none),
	    ROW(only_so_many_wait),
	    ROW(no_room_for_a_call),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
