/* Health for load balancers, metrics for Prometheus (text exposition format 0.0.4). */
#include "api/app.h"
#include "api/routes.h"

#include <inttypes.h>

#include "base/buf.h"
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
    METRIC("tallyd_rate_limited_total", "counter", "", "Requests above an address' rate.",
	rate_limited),
    METRIC(
	"tallyd_stream_deliveries_total", "counter", "", "Frames sent to subscribers.", deliveries),
    METRIC("tallyd_stream_subscribers", "gauge", "", "Subscribers of the tally's stream.",
	subscribers),
};

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
		for (size_t w = 0; w < app->n_workers && rc == 0; w++) {
			const char *counter = (const char *)&app->all[w] + metric->offset;
			rc = buf_printf(&text, "%s{worker=\"%zu\"%s%s} %" PRIu64 "\n", metric->name,
			    w, metric->labels[0] ? "," : "", metric->labels,
			    *(const uint64_t *)(const void *)counter);
		}
	}
	if (rc == 0)
		reply_bytes(req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_slice(&text),
		    NULL, 0);
	else
		reply_json(req, 200, NULL, NULL, 0);
	buf_release(&text);
}
