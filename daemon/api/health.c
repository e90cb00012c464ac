/* Health for load balancers, metrics for Prometheus (text exposition format 0.0.4). */
#include "api/app.h"
#include "api/routes.h"

#include <inttypes.h>

#include "base/buf.h"
#include "config/round.h"
#include "office/acts.h"
#include "store/ledger.h"

#define METRICS_MAX (1024 * 1024)

void health_live(void *app, struct request *req)
{
	(void)app;
	reply_json(req, 200, json_pack("{s:s}", "status", "ok"), NULL, 0);
}

void health_ready(void *arg, struct request *req)
{
	const char *why;
	if (app_is_ready(arg, &why)) {
		reply_json(req, 200, json_pack("{s:s}", "status", "ready"), NULL, 0);
		return;
	}
	reply_problem(req, &(struct problem){.status = 503,
			       .type = "not-ready",
			       .title = "Not ready to take votes",
			       .detail = why,
			       .retry_after_s = 2});
}

struct metric {
	const char *name, *kind, *labels, *help;
	size_t offset; /* of the counter in struct stats */
};

#define METRIC(name, kind, labels, help, member)                                                   \
	{                                                                                          \
		name, kind, labels, help, offsetof(struct stats, member)                           \
	}

static const struct metric metrics[] = {
    METRIC(
	"tallyd_connections_accepted_total", "counter", "", "Connections accepted.", http.accepted),
    METRIC("tallyd_connections_closed_total", "counter", "", "Connections closed.", http.closed),
    METRIC("tallyd_connections_refused_total", "counter", "",
	"Connections refused above the limit.", http.refused),
    METRIC("tallyd_requests_total", "counter", "", "Requests read.", http.requests),
    METRIC("tallyd_bad_requests_total", "counter", "", "Requests that HTTP forbids.",
	http.bad_requests),
    METRIC("tallyd_forwarded_unbelieved_total", "counter", "",
	"Requests that name whom they are from, and come from no trusted proxy.", http.unbelieved),
    METRIC(
	"tallyd_timeouts_total", "counter", "", "Connections closed by a deadline.", http.timeouts),
    METRIC("tallyd_replies_total", "counter", "class=\"2xx\"", "Replies by status class.",
	http.replies[2]),
    METRIC("tallyd_replies_total", "counter", "class=\"3xx\"", NULL, http.replies[3]),
    METRIC("tallyd_replies_total", "counter", "class=\"4xx\"", NULL, http.replies[4]),
    METRIC("tallyd_replies_total", "counter", "class=\"5xx\"", NULL, http.replies[5]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"counted\"",
	"Well-formed ballots with a valid token, by what became of them.", casts[CAST_COUNTED]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"replaced\"", NULL, casts[CAST_REPLACED]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"same\"", NULL, casts[CAST_SAME]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"spent\"", NULL, casts[CAST_SPENT]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"never\"", NULL, casts[CAST_NEVER]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"replaced-too-often\"", NULL,
	casts[CAST_REPLACED_TOO_OFTEN]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"not-open\"", NULL, casts[CAST_NOT_OPEN]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"closed\"", NULL, casts[CAST_CLOSED]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"paused\"", NULL, casts[CAST_PAUSED]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"rules-differ\"", NULL,
	casts[CAST_RULES_DIFFER]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"fault\"", NULL, casts[CAST_FAULT]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"busy\"", NULL, casts[CAST_BUSY]),
    METRIC("tallyd_ballots_total", "counter", "verdict=\"unknown\"", NULL, casts[CAST_UNKNOWN]),
    METRIC("tallyd_ballots_invalid_total", "counter", "", "Ballots that were malformed.",
	ballots_invalid),
    METRIC("tallyd_tokens_invalid_total", "counter", "", "Ballots without a valid token.",
	tokens_invalid),
    METRIC("tallyd_tokens_issued_total", "counter", "", "Blind signatures given.", tokens_issued),
    METRIC("tallyd_tokens_refused_total", "counter", "", "Token requests refused.", tokens_refused),
    METRIC("tallyd_logins_total", "counter", "outcome=\"admitted\"",
	"Logins that ended on the voting page.", logins_admitted),
    METRIC("tallyd_logins_total", "counter", "outcome=\"failed\"", NULL, logins_failed),
    METRIC("tallyd_under_way", "gauge", "", "Votes and token requests under way.", under_way),
    METRIC(
	"tallyd_stream_deliveries_total", "counter", "", "Frames sent to subscribers.", deliveries),
    METRIC("tallyd_stream_subscribers", "gauge", "", "Subscribers of the tally's stream.",
	subscribers),
};

/* ---- the public logs, one line a shard ---- */

static uint64_t seal_size(const struct seal_stats *seal)
{
	return seal->size;
}

static uint64_t seal_sealed(const struct seal_stats *seal)
{
	return seal->sealed;
}

static uint64_t seal_epoch(const struct seal_stats *seal)
{
	return seal->epoch;
}

static uint64_t seal_halted(const struct seal_stats *seal)
{
	return seal->state == SEAL_HALTING;
}

static uint64_t seal_failures(const struct seal_stats *seal)
{
	return seal->failures;
}

static uint64_t seal_waits_s(const struct seal_stats *seal)
{
	return (uint64_t)seal_waits_ms(seal) / 1000;
}

static uint64_t seal_late_value(const struct seal_stats *seal)
{
	return seal_is_late(seal);
}

static const struct {
	const char *name, *kind, *help;
	uint64_t (*value)(const struct seal_stats *seal);
} log_metrics[] = {
    {"tallyd_log_size", "gauge", "Ballots in a shard's log.", seal_size},
    {"tallyd_log_sealed", "gauge", "Entries of the newest checkpoint on this host.", seal_sealed},
    {"tallyd_log_epoch", "gauge", "The epoch of the shard's log.", seal_epoch},
    {"tallyd_log_halted", "gauge", "1 while sealing stands still.", seal_halted},
    {"tallyd_log_waiting_seconds", "gauge",
	"How long the oldest ballot without a checkpoint on this host has waited, at least.",
	seal_waits_s},
    {"tallyd_log_late", "gauge", "1 while one waits longer than it should.", seal_late_value},
    {"tallyd_log_failures_total", "counter", "Steps of sealing that failed.", seal_failures},
};

static int print_labels(
    struct buf *text, const char *name, const struct service *service, unsigned shard)
{
	return buf_printf(
	    text, "%s{contest=\"%s\",shard=\"%u\"", name, service->round->contest->id, shard);
}

/* One of all states is 1. */
static int print_states(struct buf *text, const struct service *service, unsigned shard)
{
	int rc = 0;
	for (int state = 0; state < SEAL_STATES && rc == 0; state++) {
		rc = print_labels(text, "tallyd_log_state", service, shard);
		if (rc == 0)
			rc = buf_printf(text, ",state=\"%s\"} %d\n",
			    seal_state_name((enum seal_state)state),
			    (int)service->seals[shard].state == state);
	}
	return rc;
}

static int print_seal(
    struct buf *text, const struct service *service, unsigned shard, size_t metric)
{
	int rc = print_labels(text, log_metrics[metric].name, service, shard);
	return rc == 0 ? buf_printf(text, "} %" PRIu64 "\n",
			     log_metrics[metric].value(&service->seals[shard]))
		       : rc;
}

#define LOG_METRICS (sizeof(log_metrics) / sizeof(log_metrics[0]))

/* `metric` LOG_METRICS: the states. */
static int print_log_metric(struct buf *text, const struct app *app, size_t metric)
{
	bool states = metric == LOG_METRICS;
	const char *name = states ? "tallyd_log_state" : log_metrics[metric].name;
	int rc = buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name,
	    states ? "What this host's sealer does with a shard's log." : log_metrics[metric].help,
	    name, states ? "gauge" : log_metrics[metric].kind);
	for (size_t i = 0; i < app->n_services && rc == 0; i++) {
		const struct service *service = &app->services[i];
		for (unsigned s = 0; service->seals && s < service->round->contest->shards; s++)
			if (rc == 0)
				rc = states ? print_states(text, service, s)
					    : print_seal(text, service, s, metric);
	}
	return rc;
}

static int print_logs(struct buf *text, const struct app *app)
{
	int rc = 0;
	for (size_t m = 0; m <= LOG_METRICS && rc == 0; m++)
		rc = print_log_metric(text, app, m);
	return rc;
}

/* ---- what was refused ---- */

static int print_counters(struct buf *text, const struct app *app, const char *name,
    const char *label, const char *value, size_t offset)
{
	int rc = 0;
	for (size_t w = 0; w < app->n_workers && rc == 0; w++)
		rc = buf_printf(text, "%s{worker=\"%zu\",%s=\"%s\"} %" PRIu64 "\n", name, w + 1,
		    label, value, stats_sum(app->all, app->n_workers, w, offset));
	return rc;
}

static int print_refusals(struct buf *text, const struct app *app)
{
	static const char refused[] = "tallyd_refused_total",
			  limited[] = "tallyd_rate_limited_total";
	int rc = buf_printf(text,
	    "# HELP %s Requests refused before anything was counted or issued.\n# TYPE %s "
	    "counter\n",
	    refused, refused);
	for (int r = 0; r < REFUSALS && rc == 0; r++)
		rc = print_counters(text, app, refused, "reason", refusal_name((enum refusal)r),
		    offsetof(struct stats, refused) + (size_t)r * sizeof(uint64_t));
	if (rc == 0)
		rc = buf_printf(text,
		    "# HELP %s Requests above an address' rate, by kind.\n# TYPE %s counter\n",
		    limited, limited);
	for (int g = GATE_NONE + 1; g < GATES && rc == 0; g++)
		rc = print_counters(text, app, limited, "kind", gate_name((enum gate)g),
		    offsetof(struct stats, limited) + (size_t)g * sizeof(uint64_t));
	return rc;
}

/* As the worker that answers has seen it. */
static int print_excess(struct buf *text, const struct app *app)
{
	static const char name[] = "tallyd_spent_above_issued";
	int rc = buf_printf(text,
	    "# HELP %s Voting rights spent above those issued. Anything but 0 is an alarm.\n"
	    "# TYPE %s gauge\n",
	    name, name);
	for (size_t i = 0; i < app->n_services && rc == 0; i++)
		rc = buf_printf(text, "%s{contest=\"%s\"} %" PRIu64 "\n", name,
		    app->services[i].round->contest->id, acts_tend_excess(app->services[i].tend));
	return rc;
}

void health_metrics(void *arg, struct request *req)
{
	struct app *app = arg;
	struct buf text;
	buf_init(&text, METRICS_MAX);
	int rc = 0;
	for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]) && rc == 0; m++) {
		const struct metric *metric = &metrics[m];
		if (metric->help)
			rc = buf_printf(&text, "# HELP %s %s\n# TYPE %s %s\n", metric->name,
			    metric->help, metric->name, metric->kind);
		for (size_t w = 0; w < app->n_workers && rc == 0; w++)
			rc = buf_printf(&text, "%s{worker=\"%zu\"%s%s} %" PRIu64 "\n", metric->name,
			    w + 1, metric->labels[0] ? "," : "", metric->labels,
			    stats_sum(app->all, app->n_workers, w, metric->offset));
	}
	if (rc == 0)
		rc = print_refusals(&text, app);
	if (rc == 0)
		rc = print_logs(&text, app);
	if (rc == 0)
		rc = print_excess(&text, app);
	if (rc == 0)
		reply_bytes(req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_slice(&text),
		    NULL, 0);
	else
		reply_json(req, 200, NULL, NULL, 0);
	buf_release(&text);
}
