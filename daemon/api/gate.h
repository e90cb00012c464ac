/* The gate before the handlers: how often an address, and an identity behind it, may ask for what;
 * and a calm "busy" for votes and token requests while this worker has as many under way as it
 * should. Judged before anything costs: no signature is verified, nothing is parsed, Redis is not
 * asked.
 *
 * What is remembered lies in app.rates, of fixed size and shared by all workers of a host; what is
 * under way is each worker's own. */
#ifndef TALLYD_API_GATE_H
#define TALLYD_API_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rate.h"
#include "http/request.h"

struct app;

enum gate { /* what is limited by address, each apart; in route.flags, as ROUTE_GATE() has it */
	GATE_NONE, /* pages, health */
	GATE_TOKENS,
	GATE_BALLOTS,
	GATE_READS,
	GATE_STREAMS,
	GATE_NAMED,
	GATE_LOGINS,  /* both judged by login.c, which answers with a page */
	GATE_RETURNS, /* from a provider, which is asked what they bring */
	GATE_TURNS,   /* given to those who are turned away from GATE_TOKENS */
	GATE_GUESSES, /* judged by issue.c: known afterwards */
	GATES
};

/* tokens, ballots, … */
const char *gate_name(enum gate gate);

/* For struct server_options. False: it has been replied to, 429 or 503 with Retry-After. */
bool gate_admit(void *app, struct request *req, unsigned gate);

/* Takes one from the address' allowance. 0, or the seconds to wait; then it has been counted. */
uint32_t gate_take(struct app *app, const struct request *req, enum gate gate);
/* Gives it back, where it went well. */
void gate_give_back(struct app *app, const struct request *req, enum gate gate);

/* A rehearsal's own machine may make as many voters as it likes. */
bool gate_is_exempt(const struct app *app, const struct request *req);

enum gate_identity {    /* whose allowance; each apart */
	GATE_VOTER = 1, /* who was admitted: a code, a person, an assertion */
	GATE_TOKEN,     /* a voting right, by what is random in it */
	GATE_PERSON,    /* by name */
	GATE_SAVES,
	GATE_ACTS,
};

/* Takes one from an identity's allowance. True when it is used up: it has been replied to, 429. */
bool gate_is_too_fast(struct app *app, struct request *req, enum gate_identity whose,
    struct slice identity, const struct rate_limit *limit, const char *title, const char *detail);

/* A vote or token request is under way, and has come to its end. */
void gate_enter(struct app *app);
void gate_leave(struct app *app);
/* It was a token request that was answered, not one that failed: turns go by the pace of these. */
void gate_serve(struct app *app);

#endif
