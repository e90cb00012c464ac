/* Who answers what. */
#include "api/routes.h"

#define BODY_BALLOT   (64 * 1024)
#define BODY_TOKEN    1024 /* a token request has 259 bytes */
#define BODY_SHEET    (256 * 1024)
#define BODY_PLEDGE   1024
#define BODY_ACT      (256 * 1024) /* metrics are many rows */
#define BODY_DECISION (8 * 1024)

/* What people do under their name: pages may call it, and their address is nobody's business. */
#define NAMED (ROUTE_CORS_PAGES | ROUTE_PRIVATE)

const struct route api_routes[] = {
    {METHOD_GET, "/v1/contests", contests_list, ROUTE_CORS_PAGES, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest", contests_get, ROUTE_CORS_PAGES, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/challenge", tokens_challenge,
	ROUTE_CORS_PAGES | ROUTE_PRIVATE, 0, NULL},
    {METHOD_POST, "/v1/contests/:contest/tokens", tokens_issue, ROUTE_CORS_PAGES | ROUTE_PRIVATE,
	BODY_TOKEN, NULL},
    {METHOD_POST, "/v1/tokens", tokens_issue, ROUTE_CORS_PAGES | ROUTE_PRIVATE, BODY_TOKEN, NULL},
    {METHOD_POST, "/v1/contests/:contest/ballots", ballots_cast, ROUTE_CORS_PAGES | ROUTE_PRIVATE,
	BODY_BALLOT, NULL},
    {METHOD_GET, "/v1/contests/:contest/tally", tally_get, ROUTE_CORS_ANY, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/tally/stream", tally_stream, ROUTE_CORS_ANY, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/me", me_get, NAMED, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/sheet", sheets_show, NAMED, 0, NULL},
    {METHOD_PUT, "/v1/contests/:contest/sheet", sheets_save, NAMED, BODY_SHEET, NULL},
    {METHOD_POST, "/v1/contests/:contest/pledge", sheets_agree, NAMED, BODY_PLEDGE, NULL},
    {METHOD_GET, "/v1/contests/:contest/progress", progress_get, NAMED, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/progress/stream", progress_stream, NAMED, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/turnout", records_turnout, NAMED, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/audit", records_audit, NAMED, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/exports/:export", records_export, NAMED, 0, NULL},
    {METHOD_POST, "/v1/contests/:contest/acts", acts_post, NAMED, BODY_ACT, NULL},
    {METHOD_POST, "/v1/contests/:contest/requests/:request", requests_post, NAMED, BODY_DECISION,
	NULL},
    {METHOD_GET, "/v1/contests/:contest/results", results_list, ROUTE_CORS_ANY, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/results/:version", results_get, ROUTE_CORS_ANY, 0, NULL},
    {METHOD_GET, "/.well-known/private-token-issuer-directory", tokens_directory, ROUTE_CORS_ANY, 0,
	NULL},
    {METHOD_GET, "/healthz", health_live, 0, 0, NULL},
    {METHOD_GET, "/readyz", health_ready, 0, 0, NULL},
    {0, NULL, NULL, 0, 0, NULL},
};

const struct route admin_routes[] = {
    {METHOD_GET, "/metrics", health_metrics, 0, 0, NULL},
    {METHOD_GET, "/healthz", health_live, 0, 0, NULL},
    {METHOD_GET, "/readyz", health_ready, 0, 0, NULL},
    {0, NULL, NULL, 0, 0, NULL},
};
