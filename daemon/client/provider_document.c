/* What a provider publishes: its configuration (Discovery 1.0 section 3) and its key set. Each is
 * read by whoever needs it first, kept, renewed and, after failures, left alone for a while.
 *
 *   document_need, document_again -> read -> on_answer -> take -> waiters */
#include "client/provider_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum {
	KEPT_S = 3600, /* where Cache-Control says nothing */
	KEPT_MIN_S = 60,
	KEPT_MAX_S = 86400,
	OLD_S = 86400, /* served after that, while it cannot be renewed */
	PAUSE_MIN_MS = 1000,
	PAUSE_MAX_MS = 30000,
	AGAIN_MS = 10000,
};

/* ---- the configuration ---- */

void endpoints_release(struct endpoints *endpoints)
{
	free(endpoints->authorization);
	free(endpoints->token);
	free(endpoints->jwks);
	free(endpoints->userinfo);
	*endpoints = (struct endpoints){0};
}

/* 0 with a copy; -EBADMSG: no address that anybody is sent to. */
static int read_endpoint(
    const struct provider *provider, const json_t *json, const char *name, char **ret_url)
{
	const char *url = json_string_value(json_object_get(json, name));

	if (!url || !call_may_go(url, provider->plain_http))
		return -EBADMSG;
	*ret_url = strdup(url);
	return *ret_url ? 0 : -ENOMEM;
}

/* Without the member it is client_secret_basic (Discovery 1.0 section 3); so it is where neither is
 * named, for want of anything better. */
static bool takes_post_only(const json_t *json)
{
	const json_t *method;
	bool basic = false, post = false;
	size_t i;

	json_array_foreach(
	    json_object_get(json, "token_endpoint_auth_methods_supported"), i, method)
	{
		const char *name = json_string_value(method);
		basic = basic || (name && strcmp(name, "client_secret_basic") == 0);
		post = post || (name && strcmp(name, "client_secret_post") == 0);
	}
	return post && !basic;
}

static int read_endpoints(
    const struct provider *provider, const json_t *json, struct endpoints *endpoints)
{
	const char *issuer = json_string_value(json_object_get(json, "issuer"));
	int r = issuer && strcmp(issuer, provider->issuer) == 0 ? 0 : -EBADMSG;

	if (r == 0)
		r = read_endpoint(
		    provider, json, "authorization_endpoint", &endpoints->authorization);
	if (r == 0)
		r = read_endpoint(provider, json, "token_endpoint", &endpoints->token);
	if (r == 0)
		r = read_endpoint(provider, json, "jwks_uri", &endpoints->jwks);
	if (r == 0 && provider->userinfo)
		r = read_endpoint(provider, json, "userinfo_endpoint", &endpoints->userinfo);
	endpoints->secret_post = takes_post_only(json);
	return r;
}

int configuration_take(struct provider *provider, struct slice body)
{
	json_t *json = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
	struct endpoints endpoints = {0};
	int r = read_endpoints(provider, json, &endpoints);

	json_decref(json);
	if (r < 0) {
		endpoints_release(&endpoints);
		return r;
	}
	/* Keys from elsewhere are not this provider's any more. */
	if (provider->endpoints.jwks && strcmp(provider->endpoints.jwks, endpoints.jwks) != 0) {
		provider->keys.kept = false;
		provider->keys.moved = provider->keys.reading;
	}
	endpoints_release(&provider->endpoints);
	provider->endpoints = endpoints;
	provider->keys.url = endpoints.jwks;
	return 0;
}

/* ---- the key set ---- */

int keys_take(struct provider *provider, struct slice body)
{
	struct jwks *jwks;
	int r = jwks_parse(body, &jwks);

	if (r < 0)
		return r;
	jwks_free(provider->jwks);
	provider->jwks = jwks;
	return 0;
}

/* ---- reading ---- */

static void keep(struct document *document, int64_t now_ms, long max_age_s)
{
	int64_t kept_s = max_age_s < 0 ? KEPT_S : max_age_s;

	kept_s = kept_s < KEPT_MIN_S ? KEPT_MIN_S : kept_s;
	kept_s = kept_s > KEPT_MAX_S ? KEPT_MAX_S : kept_s;
	document->kept = true;
	document->due_ms = now_ms + kept_s * 1000;
	document->old_ms = document->due_ms + OLD_S * 1000L;
	document->pause_ms = 0;
	document->ask_ms = now_ms;
}

static void leave_alone(struct document *document, int64_t now_ms)
{
	unsigned pause_ms = document->pause_ms ? 2 * document->pause_ms : PAUSE_MIN_MS;

	document->pause_ms = pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
	document->ask_ms = now_ms + document->pause_ms;
}

static int judge(struct document *document, int error, const struct call_answer *answer)
{
	const char *why = answer->why;
	int r = error == -E2BIG ? -EBADMSG : error;

	if (r == 0 && answer->status != 200) {
		(void)snprintf(document->why, sizeof(document->why), "%s: the answer is %d",
		    document->name, answer->status);
		return -EHOSTUNREACH;
	}
	if (r == 0) {
		r = document->take(document->provider, answer->body);
		why = r == -ENOKEY ? "it has no key of use" : "it is unsound, or of another issuer";
	}
	if (r < 0)
		(void)snprintf(document->why, sizeof(document->why), "%s: %s", document->name, why);
	return r;
}

static int start_reading(struct document *document);

static void on_answer(void *arg, int error, const struct call_answer *answer)
{
	struct document *document = arg;
	int64_t now_ms = document->provider->now_ms();
	bool moved = document->moved;
	struct waiter *waiters;
	int r;

	document->reading = false;
	document->moved = false;
	r = moved && error != -ECANCELED ? start_reading(document) : judge(document, error, answer);
	if (document->reading)
		return;
	if (r == 0) {
		if (document->pause_ms > 0)
			log_info("provider %s: the %s can be read again",
			    document->provider->issuer, document->name);
		keep(document, now_ms, answer->max_age_s);
	} else if (r != -ECANCELED && r != -ENOMEM) {
		leave_alone(document, now_ms);
		log_warn("provider %s: %s; asked again after %u s at the earliest",
		    document->provider->issuer, document->why, document->pause_ms / 1000);
	}
	waiters = document->waiters;
	document->waiters = NULL;
	while (waiters) {
		struct waiter *waiter = waiters;
		waiters = waiter->next;
		waiter->ready(waiter, r);
	}
}

static int start_reading(struct document *document)
{
	struct provider *provider = document->provider;
	const struct call call = {
	    .url = document->url,
	    .accept = "application/json",
	    .body_max = document->body_max,
	    .deadline_ms = provider->deadline_ms,
	    .plain_http = provider->plain_http,
	};
	int r = calls_start(provider->calls, &call, on_answer, document);

	document->reading = r == 0;
	if (r < 0)
		(void)snprintf(
		    document->why, sizeof(document->why), "%s: it cannot be asked", document->name);
	return r == -EINVAL ? -EBADMSG : r;
}

static int join(struct document *document, struct waiter *waiter)
{
	waiter->next = document->waiters;
	document->waiters = waiter;
	return -EINPROGRESS;
}

int document_need(struct document *document, struct waiter *waiter)
{
	int64_t now_ms = document->provider->now_ms();
	bool may_ask = !document->reading && now_ms >= document->ask_ms;
	int r;

	if (document->kept && now_ms < document->old_ms) {
		if (now_ms >= document->due_ms && may_ask)
			(void)start_reading(document);
		return 0;
	}
	if (document->reading)
		return join(document, waiter);
	if (!may_ask)
		return -EHOSTUNREACH;
	r = start_reading(document);
	return r < 0 ? r : join(document, waiter);
}

int document_again(struct document *document, struct waiter *waiter)
{
	int64_t now_ms = document->provider->now_ms();
	int r;

	if (document->reading)
		return join(document, waiter);
	if (now_ms < document->ask_ms || now_ms < document->again_ms)
		return -EAGAIN;
	r = start_reading(document);
	if (r < 0)
		return r;
	document->again_ms = now_ms + AGAIN_MS;
	return join(document, waiter);
}

void document_forget(struct document *document, const struct waiter *waiter)
{
	for (struct waiter **at = &document->waiters; *at; at = &(*at)->next)
		if (*at == waiter) {
			*at = waiter->next;
			return;
		}
}
