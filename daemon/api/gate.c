/* Rates by address and by identity, and overload. */
#include "api/gate.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "api/app.h"
#include "base/clock.h"
#include "base/encode.h"
#include "crypto/digest.h"

#define SOON_MS    1000
#define LEAST_ROOM 64

const char *gate_name(enum gate gate)
{
	static const char *const names[] = {"none", "tokens", "ballots", "reads", "streams",
	    "named", "logins", "returns", "turns", "guesses"};

	_Static_assert(sizeof(names) / sizeof(names[0]) == GATES, "one a gate");
	return (unsigned)gate < GATES ? names[gate] : "none";
}

/* ---- by address ---- */

static const struct rate_limit *limit_of(const struct settings *settings, enum gate gate)
{
	switch (gate) {
	case GATE_TOKENS:
	case GATE_LOGINS:
	case GATE_RETURNS:
	case GATE_TURNS:
		return &settings->token_rate;
	case GATE_BALLOTS:
		return &settings->ballot_rate;
	case GATE_READS:
		return &settings->read_rate;
	case GATE_STREAMS:
		return &settings->stream_rate;
	case GATE_NAMED:
		return &settings->named_rate;
	case GATE_GUESSES:
		return &settings->guess_rate;
	case GATE_NONE:
	case GATES:
		break;
	}
	return NULL;
}

static bool is_loopback(const struct sockaddr *peer)
{
	if (peer && peer->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, peer, sizeof(in));
		return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
	}
	if (peer && peer->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, peer, sizeof(in6));
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
	}
	return false;
}

bool gate_is_exempt(const struct app *app, const struct request *req)
{
	return app->settings->rehearsal && is_loopback(req->peer);
}

uint32_t gate_take(struct app *app, const struct request *req, enum gate gate)
{
	const struct rate_limit *limit = limit_of(app->settings, gate);
	uint32_t wait_s =
	    limit ? rate_take(app->rates, rate_key(req->peer, gate), limit, clock_steady_ms()) : 0;

	if (wait_s > 0) {
		app->stats->limited[gate]++;
		app->stats->refused[gate == GATE_GUESSES ? REFUSED_GUESSING : REFUSED_ADDRESS]++;
	}
	return wait_s;
}

void gate_give_back(struct app *app, const struct request *req, enum gate gate)
{
	rate_give_back(app->rates, rate_key(req->peer, gate), limit_of(app->settings, gate));
}

static void refuse_rate(struct request *req, const char *title, const char *detail, uint32_t wait_s)
{
	reply_problem(req, &(struct problem){.status = 429,
			       .type = "too-many-requests",
			       .title = title,
			       .detail = detail,
			       .retry_after_s = (int)wait_s});
}

static bool admit_address(struct app *app, struct request *req, enum gate gate)
{
	uint32_t wait_s;

	if (gate == GATE_NONE || gate_is_exempt(app, req))
		return true;
	wait_s = gate_take(app, req, gate);
	if (wait_s == 0)
		return true;
	refuse_rate(req, "Too many requests",
	    "Too many ask from this network address at the moment. Nothing was done.", wait_s);
	return false;
}

/* ---- overload ---- */

void gate_enter(struct app *app)
{
	app->stats->under_way++;
}

void gate_leave(struct app *app)
{
	assert(app->stats->under_way > 0);
	app->stats->under_way--;
}

void gate_serve(struct app *app)
{
	turns_served(&app->turns, clock_wall_ms());
}

/* Kept ready, since it is said to most of a crowd. `word`: of their turn, or NULL. */
static void refuse_busy(struct app *app, struct request *req, int64_t wait_ms, const char *word)
{
	static const char body[] =
	    "{\"type\":\"/problems#busy\",\"title\":\"Busy\",\"status\":503,\"detail\":\"More are "
	    "voting at this moment than can be served. Nothing was done: send the same request "
	    "again as Retry-After says, with Tallyd-Turn where the answer has one.\"}";
	char seconds[DECIMAL_SIZE];
	const struct reply_header headers[] = {{"Retry-After", seconds}, {"Tallyd-Turn", word}};

	app->stats->refused[REFUSED_OVERLOAD]++;
	(void)decimal_encode((uint64_t)(wait_ms + 999) / 1000, seconds);
	reply_bytes(req, 503, "application/problem+json", slice_make(body, sizeof(body) - 1),
	    headers, word ? 2 : 1);
}

/* How many may be under way where one more comes for a voting right: what is issued in half a
 * second, and a quarter of all is left to those who have come as far as their ballot. */
static uint64_t room_for_token_requests(const struct app *app)
{
	uint64_t most = (uint64_t)app->settings->limits.under_way, room = most - most / 4;
	double soon = app->turns.pace / 2;

	if (soon < LEAST_ROOM)
		soon = LEAST_ROOM;
	return soon < (double)room ? (uint64_t)soon : room;
}

/* While others wait for their turn, who comes for the first time leaves them three quarters; but
 * nobody is turned away from a server that has nothing to do. Turns have an allowance of their own,
 * or one address would make the line as long as it likes; a word frees nobody from the other one.
 */
static bool admit_token_request(struct app *app, struct request *req)
{
	uint64_t room = room_for_token_requests(app);
	int64_t now_ms = clock_wall_ms();
	int64_t due_ms =
	    req->turn.len > 0 ? turn_read(app->host_key, req->turn, req->body, now_ms) : 0;
	bool has_come = due_ms != 0 && due_ms <= now_ms;
	int64_t again_ms;
	char word[TURN_SIZE];

	if (!has_come && !turns_are_over(&app->turns, now_ms))
		room = room / 4 > 0 ? room / 4 : 1;
	if (app->stats->under_way < room)
		return admit_address(app, req, GATE_TOKENS);
	if (due_ms <= now_ms && !admit_address(app, req, GATE_TURNS))
		return false;
	if (due_ms == 0)
		due_ms = turns_give(&app->turns, now_ms);
	again_ms = due_ms > now_ms ? due_ms : turns_put_off(&app->turns, now_ms);
	turn_print(app->host_key, due_ms, req->body, word);
	refuse_busy(app, req, again_ms - now_ms, word);
	return false;
}

static bool admit_ballot(struct app *app, struct request *req)
{
	if (app->stats->under_way < (uint64_t)app->settings->limits.under_way)
		return admit_address(app, req, GATE_BALLOTS);
	refuse_busy(app, req, SOON_MS, NULL);
	return false;
}

/* ---- the gate ---- */

bool gate_admit(void *arg, struct request *req, unsigned number)
{
	struct app *app = arg;
	enum gate gate = number < GATES ? (enum gate)number : GATE_NONE;

	switch (gate) {
	case GATE_TOKENS:
		return admit_token_request(app, req);
	case GATE_BALLOTS:
		return admit_ballot(app, req);
	default:
		return admit_address(app, req, gate);
	}
}

/* Under the host's key: whoever could tell keys beforehand would make up voting rights, which cost
 * nothing while their signature is not looked at, and use up what an address or a person has. */
static uint64_t key_of(const struct app *app, enum gate_identity whose, struct slice identity)
{
	const char kind = (char)whose;
	const struct slice parts[] = {slice_text("rate"), slice_make(&kind, 1), identity};
	uint8_t mac[SHA256_SIZE];
	uint64_t key;

	hmac_sha256(app->host_key, parts, sizeof(parts) / sizeof(parts[0]), mac);
	memcpy(&key, mac, sizeof(key));
	return key;
}

bool gate_is_too_fast(struct app *app, struct request *req, enum gate_identity whose,
    struct slice identity, const struct rate_limit *limit, const char *title, const char *detail)
{
	uint64_t key = key_of(app, whose, identity);
	uint32_t wait_s = rate_take(app->rates, key, limit, clock_steady_ms());

	if (wait_s == 0)
		return false;
	app->stats->refused[REFUSED_IDENTITY]++;
	refuse_rate(req, title, detail, wait_s);
	return true;
}
