/* Who answers what. */
#include "api/gate.h"
#include "api/routes.h"

#include "config/settings.h"

#define BODY_BALLOT   (64 * 1024)
#define BODY_TOKEN    1024 /* a token request has 259 bytes */
#define BODY_SHEET    (256 * 1024)
#define BODY_PLEDGE   1024
#define BODY_ACT      (256 * 1024) /* metrics are many rows */
#define BODY_DECISION (8 * 1024)

/* What people do under their name: pages may call it, and their address is nobody's business. */
#define NAMED (ROUTE_CORS_PAGES | ROUTE_PRIVATE | ROUTE_GATE(GATE_NAMED))

#define READS ROUTE_GATE(GATE_READS)
#define ASKS  (ROUTE_CORS_PAGES | ROUTE_PRIVATE | ROUTE_GATE(GATE_TOKENS))
#define CASTS (ROUTE_CORS_PAGES | ROUTE_PRIVATE | ROUTE_GATE(GATE_BALLOTS))

/* What of the settings' roles a row is for. */
#define ISSUER  SETTINGS_ISSUER
#define BALLOTS SETTINGS_BALLOTS
#define TALLY   SETTINGS_TALLY
#define EVERY   0

static const struct {
	struct route route;
	unsigned roles;
} api_routes[] = {
    {{METHOD_GET, "/v1/contests", contests_list, ROUTE_CORS_PAGES | READS, 0, NULL},
	BALLOTS | TALLY},
    {{METHOD_GET, "/v1/contests/:contest", contests_get, ROUTE_CORS_PAGES | READS, 0, NULL},
	BALLOTS | TALLY},
    {{METHOD_GET, "/v1/contests/:contest/challenge", tokens_challenge,
	 ROUTE_CORS_PAGES | ROUTE_PRIVATE | READS, 0, NULL},
	EVERY},
    {{METHOD_POST, "/v1/contests/:contest/tokens", tokens_issue, ASKS, BODY_TOKEN, NULL}, ISSUER},
    {{METHOD_POST, "/v1/tokens", tokens_issue, ASKS, BODY_TOKEN, NULL}, ISSUER},
    {{METHOD_POST, "/v1/contests/:contest/ballots", ballots_cast, CASTS, BODY_BALLOT, NULL},
	BALLOTS},
    {{METHOD_GET, "/v1/contests/:contest/receipts/:shard/:index", receipts_get,
	 ROUTE_CORS_PAGES | ROUTE_PRIVATE | READS, 0, NULL},
	BALLOTS},
    {{METHOD_GET, "/v1/contests/:contest/tally", tally_get, ROUTE_CORS_ANY | READS, 0, NULL},
	TALLY},
    {{METHOD_GET, "/v1/contests/:contest/tally/stream", tally_stream,
	 ROUTE_CORS_ANY | ROUTE_GATE(GATE_STREAMS), 0, NULL},
	TALLY},
    {{METHOD_GET, "/v1/contests/:contest/me", me_get, NAMED, 0, NULL}, TALLY},
    {{METHOD_GET, "/v1/contests/:contest/sheet", sheets_show, NAMED, 0, NULL}, TALLY},
    {{METHOD_PUT, "/v1/contests/:contest/sheet", sheets_save, NAMED, BODY_SHEET, NULL}, TALLY},
    {{METHOD_POST, "/v1/contests/:contest/pledge", sheets_agree, NAMED, BODY_PLEDGE, NULL}, TALLY},
    {{METHOD_GET, "/v1/contests/:contest/progress", progress_get, NAMED, 0, NULL}, TALLY},
    {{METHOD_GET, "/v1/contests/:contest/progress/stream", progress_stream, NAMED, 0, NULL}, TALLY},
    {{METHOD_GET, "/v1/contests/:contest/turnout", records_turnout, NAMED, 0, NULL}, TALLY},
    {{METHOD_GET, "/v1/contests/:contest/audit", records_audit, NAMED, 0, NULL}, TALLY},
    {{METHOD_GET, "/v1/contests/:contest/exports/:export", records_export, NAMED, 0, NULL}, TALLY},
    {{METHOD_POST, "/v1/contests/:contest/acts", acts_post, NAMED, BODY_ACT, NULL}, TALLY},
    {{METHOD_POST, "/v1/contests/:contest/requests/:request", requests_post, NAMED, BODY_DECISION,
	 NULL},
	TALLY},
    {{METHOD_GET, "/v1/contests/:contest/results", results_list, ROUTE_CORS_ANY | READS, 0, NULL},
	TALLY},
    {{METHOD_GET, "/v1/contests/:contest/results/:version", results_get, ROUTE_CORS_ANY | READS, 0,
	 NULL},
	TALLY},
    {{METHOD_GET, "/login", login_start, ROUTE_PRIVATE, 0, NULL}, ISSUER},
    {{METHOD_GET, "/login/callback", login_return, ROUTE_PRIVATE, 0, NULL}, ISSUER},
    {{METHOD_GET, "/.well-known/private-token-issuer-directory", tokens_directory,
	 ROUTE_CORS_ANY | READS, 0, NULL},
	ISSUER},
    /* Whoever checks their own ballot asks for tiles around it; an issuer has its note there. */
    {{METHOD_GET, "/log/:contest/:shard/*", log_file, ROUTE_CORS_ANY | ROUTE_PRIVATE | READS, 0,
	 NULL},
	ISSUER | BALLOTS},
    {{METHOD_GET, "/healthz", health_live, 0, 0, NULL}, EVERY},
    {{METHOD_GET, "/readyz", health_ready, 0, 0, NULL}, EVERY},
};

#define API_ROUTES (sizeof(api_routes) / sizeof(api_routes[0]))
_Static_assert(API_ROUTES < API_ROUTES_MAX, "and the row that ends them");

void api_routes_for(unsigned roles, struct route ret_routes[API_ROUTES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < API_ROUTES; i++)
		if (api_routes[i].roles == EVERY || (api_routes[i].roles & roles) != 0)
			ret_routes[n++] = api_routes[i].route;
	ret_routes[n] = (struct route){.path = NULL};
}

const struct route admin_routes[] = {
    {METHOD_GET, "/metrics", health_metrics, 0, 0, NULL},
    {METHOD_GET, "/healthz", health_live, 0, 0, NULL},
    {METHOD_GET, "/readyz", health_ready, 0, 0, NULL},
    {0, NULL, NULL, 0, 0, NULL},
};
