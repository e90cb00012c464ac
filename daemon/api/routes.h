/* The API's route table: one row an endpoint. Each endpoint's handler lives in a file of its route
 * family, which declares it here. */
#ifndef TALLYD_API_ROUTES_H
#define TALLYD_API_ROUTES_H

#include "http/router.h"

#define API_ROUTES_MAX 40
/* The routes of a server with these roles (enum settings_role), ended by a row with path NULL. */
void api_routes_for(unsigned roles, struct route ret_routes[API_ROUTES_MAX]);
/* The operators' listener: health and metrics. */
extern const struct route admin_routes[];

/* contests.c */
void contests_list(void *app, struct request *req);
void contests_get(void *app, struct request *req);
/* tokens.c */
void tokens_directory(void *app, struct request *req);
void tokens_challenge(void *app, struct request *req);
void tokens_issue(void *app, struct request *req);
/* login.c */
void login_start(void *app, struct request *req);
void login_return(void *app, struct request *req);
/* ballots.c */
void ballots_cast(void *app, struct request *req);
/* tally.c */
void tally_get(void *app, struct request *req);
void tally_stream(void *app, struct request *req);
/* progress.c */
void progress_get(void *app, struct request *req);
void progress_stream(void *app, struct request *req);
/* records.c */
void records_turnout(void *app, struct request *req);
void records_audit(void *app, struct request *req);
void records_export(void *app, struct request *req);
/* acts.c */
void acts_post(void *app, struct request *req);
void requests_post(void *app, struct request *req);
/* results.c */
void results_list(void *app, struct request *req);
void results_get(void *app, struct request *req);
/* receipts.c */
void receipts_get(void *app, struct request *req);
/* log.c */
void log_file(void *app, struct request *req);
/* me.c */
void me_get(void *app, struct request *req);
/* sheets.c */
void sheets_show(void *app, struct request *req);
void sheets_save(void *app, struct request *req);
void sheets_agree(void *app, struct request *req);
/* health.c */
void health_live(void *app, struct request *req);
void health_ready(void *app, struct request *req);
void health_metrics(void *app, struct request *req);

#endif
