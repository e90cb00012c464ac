/* What a worker serves with: everything that handlers share. Built and torn down by worker/worker.
 */
#ifndef TALLYD_API_APP_H
#define TALLYD_API_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/gate.h"
#include "api/turn.h"
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
struct logs;
struct lookout;
struct progress;
struct redis;
struct signer;
struct admission_method;
struct gateway;

#define STATS_VERDICTS 16 /* at least as many as enum cast_verdict has */

/* Why a request was refused that no cast_verdict tells of. */
enum refusal {
	REFUSED_ADDRESS,  /* too many from this address */
	REFUSED_IDENTITY, /* too many of this code, login, voting right, or person */
	REFUSED_GUESSING, /* too many codes that do not exist, from this address */
	REFUSED_OVERLOAD, /* too many under way */
	REFUSED_ISSUED,   /* a token was issued already, for another request */
	REFUSED_ADMISSION,
	REFUSED_EXPIRED, /* the login was too long ago */
	REFUSED_EXCLUDED,
	REFUSED_MISTYPED,
	REFUSED_UNKNOWN, /* a code that does not exist */
	REFUSED_REVOKED,
	REFUSED_REQUEST, /* no token request */
	REFUSED_NOT_OPEN,
	REFUSED_CLOSED,
	REFUSED_UNAVAILABLE, /* issuer or Redis */
	REFUSALS
};

/* As /metrics and organisers see it: rate-limited, … */
const char *refusal_name(enum refusal refusal);

/* Counters of one worker, in memory that all processes share: one writer, read by /metrics. While a
 * worker drains, its successor counts elsewhere, so each place in the row has two of these, which
 * are read as their sum (stats_sum()). */
struct stats {
	struct server_stats http;
	uint64_t casts[STATS_VERDICTS]; /* by enum cast_verdict */
	uint64_t ballots_invalid;       /* malformed, or not of the form */
	uint64_t tokens_invalid;        /* a token that does not verify or is for something else */
	uint64_t tokens_issued;
	uint64_t tokens_refused;
	uint64_t limited[GATES]; /* requests above their address' rate */
	uint64_t
	    refused[REFUSALS]; /* every request that was refused, but for ballots' own reasons */
	uint64_t under_way;    /* votes and token requests */
	uint64_t logins_admitted;
	uint64_t logins_failed;
	uint64_t deliveries; /* frames sent to stream subscribers */
	uint64_t subscribers;
	int64_t beat_steady_ms; /* the last turn of its loop; at least one a second */
	bool unbelieved_told;   /* of the first worker: this host's log has said so */
};

/* Of what is counted at `offset` in the `n` workers' stats, the one of `worker`. */
uint64_t stats_sum(const struct stats *all, size_t n, size_t worker, size_t offset);
/* The process that wrote these has ended, however: nothing is open or under way there any more. */
void stats_end(struct stats *stats);

enum seal_state {
	SEAL_OFF,
	SEAL_STARTING,
	SEAL_SIGNING,
	SEAL_FOLLOWING,
	SEAL_HALTING, /* it stands still */
	SEAL_STATES,
};

/* off, starting, signing, following, halted */
const char *seal_state_name(enum seal_state state);

/* How far this host's sealer is with one shard, in memory that all processes share: the sealer
 * writes, all read. */
struct seal_stats {
	enum seal_state state;
	uint64_t epoch;
	uint64_t size;                   /* ballots in Redis' log, when it looked last */
	uint64_t sealed;                 /* entries of the newest checkpoint on this host's disk */
	int64_t sealed_wall_ms;          /* when that was published here */
	uint64_t failures;               /* steps that failed: disk, Redis */
	int64_t waiting_since_steady_ms; /* when a ballot was seen that no checkpoint here covers
					    yet; 0: there is none */
	unsigned late_after_ms; /* longer than so long it should not wait: the contest's max_wait,
				   and a lease */
};

/* How long the oldest ballot that this host knows of has waited for a checkpoint here, at least. */
int64_t seal_waits_ms(const struct seal_stats *seal);
bool seal_is_late(const struct seal_stats *seal);

/* One contest round as this worker serves it. */
struct service {
	struct app *app;
	struct round *round;
	const struct admission_method *admission; /* NULL: not built in */
	struct gateway *gateways;                 /* of the contest, where it takes assertions */
	size_t n_gateways;
	uint32_t signer_key;   /* its number at the signer */
	int64_t tell_again_ms; /* steady: when a bearer that is none is logged again */
	struct ledger *ledger;
	struct live *live;
	struct desk *desk;
	struct office office; /* round, desk, ledger */
	struct lookout *lookout;
	struct progress *progress;
	struct acts_tend *tend;
	const struct seal_stats *seals; /* one a shard; NULL: no sealer on this host */
	struct logs *logs;              /* NULL: this host keeps no log */
	struct hmac_key *salt_key;
	char (*origins)[ORIGIN_MAX]; /* of each shard's log */
	char *token_key;             /* SubjectPublicKeyInfo in base64url */
	char *challenge;             /* TokenChallenge in base64url */
	char *www_authenticate;      /* PrivateToken challenge="…", token-key="…" */
	char *definition;      /* the contest's public JSON but for its last brace, phase, hours and
				  clock */
	struct packed *packed; /* its gzip */
};

struct app {
	struct event_base *base;
	const struct settings *settings;
	struct service *services;
	size_t n_services;
	struct redis *redis;
	/* Redis' clock less the steady one, and whether it is known. */
	int64_t clock_ahead_ms;
	bool clock_known;
	struct signer *signer;
	struct logins *logins; /* NULL: the settings name no provider */
	struct rate_table *rates;
	struct turns turns;        /* of token requests */
	struct hmac_key *host_key; /* the same in all workers of a host */
	struct stats *stats;       /* this worker's */
	const struct stats *all;   /* every worker's, two for each */
	size_t n_workers;
};

/* What time it is for contests and for whoever has a right until then: by Redis' clock, which
 * judges the hours, whatever this host's says; by this host's as long as Redis was not asked. */
int64_t app_now_ms(const struct app *app);
/* Redis' clock, as it was at a moment of the steady one. */
void app_set_clock(struct app *app, int64_t now_ms, int64_t steady_ms);

/* The service that the route's first parameter names; replies 404 and returns NULL otherwise. */
struct service *app_service(struct app *app, struct request *req);

/* A shard's number as a path has it. 0 or -EINVAL: the contest has none of that name. */
__attribute__((warn_unused_result)) int app_shard(
    const struct service *service, struct slice text, unsigned *ret_shard);

/* True when every service's ledger is ready; else *ret_why says which is not. */
bool app_is_ready(const struct app *app, const char **ret_why);

/* Fills the parts of a service that follow from its round. 0 or -ENOMEM/-ENOBUFS. */
__attribute__((warn_unused_result)) int service_init(
    struct service *service, struct app *app, struct round *round, uint32_t signer_key);
void service_release(struct service *service);

#endif
