/* Looks up what a request is about. Knows no route. */
#include "api/app.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/admission.h"
#include "admission/assertion.h"
#include "api/logs.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "http/packed.h"
#include "office/showing.h"
#include "store/ledger.h"

const char *seal_state_name(enum seal_state state)
{
	static const char *const names[] = {"off", "starting", "signing", "following", "halted"};

	_Static_assert(sizeof(names) / sizeof(names[0]) == SEAL_STATES, "one a state");
	return (unsigned)state < SEAL_STATES ? names[state] : "off";
}

int64_t seal_waits_ms(const struct seal_stats *seal)
{
	int64_t since_ms = seal->waiting_since_steady_ms;

	return since_ms ? clock_steady_ms() - since_ms : 0;
}

bool seal_is_late(const struct seal_stats *seal)
{
	return seal_waits_ms(seal) > seal->late_after_ms;
}

uint64_t stats_sum(const struct stats *all, size_t n, size_t worker, size_t offset)
{
	uint64_t sum = 0;

	for (size_t i = worker; i < 2 * n; i += n)
		sum += *(const uint64_t *)(const void *)((const char *)&all[i] + offset);
	return sum;
}

void stats_end(struct stats *stats)
{
	stats->http.closed = stats->http.accepted;
	stats->under_way = 0;
	stats->subscribers = 0;
	stats->beat_steady_ms = 0;
}

const char *refusal_name(enum refusal refusal)
{
	static const char *const names[] = {"rate-limited", "rate-limited-identity", "guessing",
	    "overload", "already-issued", "not-admitted", "admission-expired", "not-eligible",
	    "mistyped-code", "unknown-code", "code-revoked", "invalid-token-request", "not-open",
	    "closed", "unavailable"};

	_Static_assert(sizeof(names) / sizeof(names[0]) == REFUSALS, "one a reason");
	return (unsigned)refusal < REFUSALS ? names[refusal] : "";
}

int64_t app_now_ms(const struct app *app)
{
	return app->clock_known ? clock_steady_ms() + app->clock_ahead_ms : clock_wall_ms();
}

void app_set_clock(struct app *app, int64_t now_ms, int64_t steady_ms)
{
	app->clock_ahead_ms = now_ms - steady_ms;
	app->clock_known = true;
}

struct service *app_service(struct app *app, struct request *req)
{
	for (size_t i = 0; i < app->n_services; i++)
		if (slice_is(req->params[0], app->services[i].round->contest->id))
			return &app->services[i];
	reply_problem(
	    req, &(struct problem){
		     .status = 404,
		     .type = "no-such-contest",
		     .title = "No such contest",
		     .detail = "This server does not serve a contest of that id; GET /v1/contests "
			       "lists those it serves.",
		 });
	return NULL;
}

int app_shard(const struct service *service, struct slice text, unsigned *ret_shard)
{
	unsigned shard = 0;

	if (text.len == 0 || text.len > 6 || (text.len > 1 && text.ptr[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -EINVAL;
		shard = shard * 10 + (unsigned)(text.ptr[i] - '0');
	}
	if (shard >= service->round->contest->shards)
		return -EINVAL;
	*ret_shard = shard;
	return 0;
}

bool app_is_ready(const struct app *app, const char **ret_why)
{
	for (size_t i = 0; i < app->n_services; i++)
		if (!ledger_is_ready(app->services[i].ledger)) {
			*ret_why = ledger_why(app->services[i].ledger);
			return false;
		}
	return true;
}

/* RFC 9577 section 2.2: the challenge and the key as an HTTP authentication challenge, in base64url
 * with padding. */
static int prepare_challenge(struct service *service)
{
	const struct round *round = service->round;
	uint8_t spki[PP_SPKI_MAX];
	size_t spki_len = pp_spki(round->keys.token, spki);
	service->token_key = malloc(BASE64_SIZE(spki_len));
	service->challenge = malloc(BASE64_SIZE(round->challenge_len));
	if (!service->token_key || !service->challenge)
		return -ENOMEM;
	base64url_encode_padded(spki, spki_len, service->token_key);
	base64url_encode_padded(round->challenge, round->challenge_len, service->challenge);
	if (asprintf(&service->www_authenticate, "PrivateToken challenge=\"%s\", token-key=\"%s\"",
		service->challenge, service->token_key) < 0)
		return -ENOMEM;
	return 0;
}

/* What does not change of a contest's definition is printed and compressed once: pages ask for it
 * all the time. */
static int prepare_definition(struct service *service)
{
	service->definition = showing_definition(service->round);
	if (!service->definition)
		return -ENOMEM;
	service->packed = packed_new(slice_text(service->definition));
	return service->packed ? 0 : -ENOMEM;
}

static int prepare_logs(struct service *service)
{
	const char *dir = service->app->settings->ballot_log.dir;
	if (!dir)
		return 0;
	service->logs = logs_new(&(struct logs_options){
	    .dir = dir,
	    .round = service->round->name,
	    .shards = service->round->contest->shards,
	    .origins = (const char(*)[ORIGIN_MAX])service->origins,
	    .log_key = service->round->keys.log_key,
	});
	return service->logs ? 0 : -ENOMEM;
}

static int prepare_gateways(struct service *service)
{
	char why[GATEWAY_WHY_MAX];
	int r = gateways_load(service->round->contest, service->app->settings, &service->gateways,
	    &service->n_gateways, why);

	if (r < 0)
		log_error("%s", why);
	return r;
}

int service_init(struct service *service, struct app *app, struct round *round, uint32_t signer_key)
{
	const struct contest *contest = round->contest;
	*service = (struct service){
	    .app = app,
	    .round = round,
	    .admission = admission_method(contest->admission),
	    .signer_key = signer_key,
	    .office = {.round = round},
	};
	service->origins = calloc(contest->shards, sizeof(service->origins[0]));
	service->salt_key = hmac_key_new(slice_make(round->keys.salt, sizeof(round->keys.salt)));
	if (!service->origins || !service->salt_key || prepare_challenge(service) != 0 ||
	    prepare_definition(service) != 0)
		return -ENOMEM;
	for (unsigned shard = 0; shard < contest->shards; shard++) {
		int rc = commitment_origin(
		    app->settings->log_name, contest, shard, service->origins[shard]);
		if (rc != 0)
			return rc;
	}
	int r = prepare_gateways(service);
	return r == 0 ? prepare_logs(service) : r;
}

void service_release(struct service *service)
{
	gateways_free(service->gateways, service->n_gateways);
	logs_free(service->logs);
	hmac_key_free(service->salt_key);
	free(service->origins);
	free(service->www_authenticate);
	free(service->challenge);
	free(service->token_key);
	packed_free(service->packed);
	free(service->definition);
	round_free(service->round);
}
