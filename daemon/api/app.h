/* What a worker serves with: everything that handlers share. Built and torn down by worker/worker.
 */
#ifndef TALLYD_API_APP_H
#define TALLYD_API_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rate.h"
#include "config/round.h"
#include "config/settings.h"
#include "contest/commitment.h"
#include "http/request.h"
#include "http/server.h"
#include "office/office.h"

struct event_base;
struct hmac_key;
struct ledger;
struct acts_tend;
struct live;
struct lookout;
struct progress;
struct redis;
struct signer;
struct admission_method;

#define STATS_VERDICTS 16 /* at least as many as enum cast_verdict has */

/* Counters of one worker, in memory that all processes share: one writer, read by /metrics. */
struct stats {
	struct server_stats http;
	uint64_t casts[STATS_VERDICTS]; /* by enum cast_verdict */
	uint64_t ballots_invalid;       /* malformed, or not of the form */
	uint64_t tokens_invalid;        /* a token that does not verify or is for something else */
	uint64_t tokens_issued;
	uint64_t tokens_refused;
	uint64_t rate_limited;
	uint64_t deliveries; /* frames sent to stream subscribers */
	uint64_t subscribers;
	int64_t beat_steady_ms; /* the last turn of its loop; at least one a second */
};

/* One contest round as this worker serves it. */
struct service {
	struct app *app;
	struct round *round;
	const struct admission_method *admission; /* NULL: not built in */
	uint32_t signer_key;                      /* its number at the signer */
	struct ledger *ledger;
	struct live *live;
	struct desk *desk;
	struct office office; /* round, desk, ledger */
	struct lookout *lookout;
	struct progress *progress;
	struct acts_tend *tend;
	struct hmac_key *salt_key;
	char (*origins)[ORIGIN_MAX]; /* of each shard's log */
	char *token_key;             /* SubjectPublicKeyInfo in base64url */
	char *challenge;             /* TokenChallenge in base64url */
	char *www_authenticate;      /* PrivateToken challenge="…", token-key="…" */
	char *definition; /* the contest's public JSON but for its last brace, phase, hours and
			     clock */
};

struct app {
	struct event_base *base;
	const struct settings *settings;
	struct service *services;
	size_t n_services;
	struct redis *redis;
	struct signer *signer;
	struct rate_table *rates;
	struct stats *stats;     /* this worker's */
	const struct stats *all; /* every worker's, n_workers of them */
	size_t n_workers;
};

/* The service that the route's first parameter names; replies 404 and returns NULL otherwise. */
struct service *app_service(struct app *app, struct request *req);

/* True when every service's ledger is ready; else *ret_why says which is not. */
bool app_is_ready(const struct app *app, const char **ret_why);

/* Fills the parts of a service that follow from its round. 0 or -ENOMEM/-ENOBUFS. */
__attribute__((warn_unused_result)) int service_init(
    struct service *service, struct app *app, struct round *round, uint32_t signer_key);
void service_release(struct service *service);

#endif
