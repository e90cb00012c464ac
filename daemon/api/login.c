/* GET /login and /login/callback: OpenID Connect's authorization code flow with PKCE, without a
 * session (admission/login.h). Both are opened by a browser, so each ends in a page: at the
 * provider, or on the voting page with what came of it in the fragment, which no server sees.
 *
 *   login_begin -> on_located -> 303 to the provider
 *   login_return -> on_redeemed -> 303 to the voting page, "#admission=…" or "#login=why" */
#include "api/app.h"
#include "api/routes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "admission/claims.h"
#include "admission/login.h"
#include "admission/person.h"
#include "api/logins.h"
#include "base/clock.h"
#include "base/log.h"

#define LOCATION_MAX 4096
#define COOKIE_MAX   (LOGIN_COOKIE_SIZE + 120)

struct logging_in {
	struct service *service;
	struct request *req;
	struct login login;
};

/* ---- answers ---- */

static void set_cookie(
    const struct app *app, const char *value, long max_age_s, char ret_cookie[COOKIE_MAX])
{
	(void)snprintf(ret_cookie, COOKIE_MAX,
	    LOGIN_COOKIE "=%s; Path=/login/callback; Max-Age=%ld; HttpOnly; SameSite=Lax%s", value,
	    max_age_s, logins_is_https(app->logins) ? "; Secure" : "");
}

static void go(struct app *app, struct request *req, const char *location, const char *cookie_value,
    long max_age_s)
{
	char cookie[COOKIE_MAX];
	const struct reply_header headers[] = {{"Location", location}, {"Set-Cookie", cookie}};

	set_cookie(app, cookie_value, max_age_s, cookie);
	reply_bytes(req, 303, NULL, slice_make(NULL, 0), headers, 2);
}

/* To the voting page of the contest; `word`: "admission" or "login". The cookie has served. */
static void end_on_page(struct app *app, struct request *req, const struct login *login,
    const char *word, const char *value)
{
	char location[LOCATION_MAX];

	(void)snprintf(location, sizeof(location), "%s%s/vote/?contest=%s%s#%s=%s",
	    app->settings->public_url, login->english ? "/en" : "", login->contest,
	    login->shared ? "&shared=1" : "", word, value);
	go(app, req, location, "", 0);
}

static void fail(struct app *app, struct request *req, const struct login *login, const char *why)
{
	app->stats->logins_failed++;
	if (strcmp(why, "not-eligible") == 0)
		app->stats->refused[REFUSED_EXCLUDED]++;
	end_on_page(app, req, login, "login", why);
}

static void refuse(struct request *req, int status, const char *type, const char *title,
    const char *detail, int retry_after_s)
{
	reply_problem(req, &(struct problem){.status = status,
			       .type = type,
			       .title = title,
			       .detail = detail,
			       .retry_after_s = retry_after_s});
}

static struct service *find_service(struct app *app, const char *contest)
{
	for (size_t i = 0; i < app->n_services; i++)
		if (strcmp(app->services[i].round->contest->id, contest) == 0 &&
		    app->services[i].round->contest->admission == ADMISSION_OIDC)
			return &app->services[i];
	return NULL;
}

/* ---- to the provider ---- */

static bool takes_provider(const struct contest *contest, const char *id)
{
	for (size_t i = 0; i < contest->identity.n_providers; i++)
		if (strcmp(contest->identity.providers[i].id, id) == 0)
			return true;
	return false;
}

static const char *word_of_failure(int error, const char *word)
{
	switch (error) {
	case -EACCES: /* a code is taken once, and for a minute or so */
		return strcmp(word, "invalid_grant") == 0 ? "login-expired" : "provider-error";
	case -EBADMSG:
	case -ENOKEY:
	case -EINVAL:
		return "provider-error";
	default:
		return "provider-down";
	}
}

static void on_located(void *arg, int error, const char *endpoint)
{
	struct logging_in *logging_in = arg;
	struct service *service = logging_in->service;
	struct login *login = &logging_in->login;
	struct hmac_key *key = service->round->identity_key;
	char cookie[LOGIN_COOKIE_SIZE];
	struct login_words words;
	struct buf location;

	buf_init(&location, LOCATION_MAX);

	if (error == 0)
		error = login_begin(login, app_now_ms(service->app));
	if (error == 0) {
		login_words(key, login, &words);
		error = logins_address(service->app->logins, endpoint, service->round->contest,
		    login, &words, &location);
	}
	if (error == 0)
		error = buf_append(&location, "", 1);
	if (error == 0)
		go(service->app, logging_in->req, location.data, login_print(key, login, cookie),
		    LOGIN_MS / 1000);
	else
		fail(service->app, logging_in->req, login, word_of_failure(error, ""));
	buf_release(&location);
	free(logging_in);
}

/* What the address asks for; or refuses. */
static struct service *read_begin(struct app *app, struct request *req, struct login *ret_login)
{
	struct login login = {.ends_ms = 0};
	char language[8] = "ko", device[8] = "own";
	struct service *service = NULL;

	(void)!request_query(req, "lang", language, sizeof(language));
	(void)!request_query(req, "device", device, sizeof(device));
	if (request_query(req, "contest", login.contest, sizeof(login.contest)) == 0)
		service = find_service(app, login.contest);
	if (!service) {
		refuse(req, 404, "no-such-contest", "No such contest",
		    "This server knows no contest of that id in which citizens log in.", 0);
		return NULL;
	}
	if (request_query(req, "provider", login.provider, sizeof(login.provider)) != 0 ||
	    !takes_provider(service->round->contest, login.provider)) {
		refuse(req, 404, "no-such-provider", "No such provider",
		    "\"provider\" names none at which citizens of this contest log in.", 0);
		return NULL;
	}
	login.english = strcmp(language, "en") == 0;
	login.shared = strcmp(device, "shared") == 0;
	*ret_login = login;
	return service;
}

void login_start(void *arg, struct request *req)
{
	struct app *app = arg;
	struct login login;
	struct service *service = read_begin(app, req, &login);

	if (!service)
		return;
	if (gate_take(app, req, GATE_LOGINS) > 0) {
		end_on_page(app, req, &login, "login", "too-many-requests");
		return;
	}
	struct logging_in *logging_in = malloc(sizeof(*logging_in));
	if (!logging_in) {
		fail(app, req, &login, "provider-down");
		return;
	}
	*logging_in = (struct logging_in){service, req, login};
	if (provider_locate(logins_provider(app->logins, login.provider), on_located, logging_in) !=
	    0)
		on_located(logging_in, -EBUSY, "");
}

/* ---- and back ---- */

static const char *word_of(enum claims_verdict verdict)
{
	switch (verdict) {
	case CLAIMS_GOOD:
		break;
	case CLAIMS_UNSOUND:
	case CLAIMS_EARLY:
		return "provider-error";
	case CLAIMS_EXPIRED:
		return "login-expired";
	case CLAIMS_WEAK:
		return "too-weak";
	case CLAIMS_SILENT:
		return "claim-missing";
	case CLAIMS_EXCLUDED:
		return "not-eligible";
	}
	return "";
}

static void admit(struct logging_in *logging_in, const json_t *claims)
{
	const struct round *round = logging_in->service->round;
	const char *person_claim = round->contest->identity.person_claim;
	char number[24], bearer[PERSON_BEARER_SIZE];
	uint8_t identity[IDENTITY_SIZE];

	person_identity(round->identity_key, round->name, person_claim,
	    claims_person(claims, round->contest, number), identity);
	person_bearer_print(round->identity_key, round->name, identity,
	    app_now_ms(logging_in->service->app), bearer);
	logging_in->service->app->stats->logins_admitted++;
	end_on_page(
	    logging_in->service->app, logging_in->req, &logging_in->login, "admission", bearer);
}

static void judge(struct logging_in *logging_in, const json_t *claims)
{
	struct app *app = logging_in->service->app;
	const struct provider_settings *provider =
	    settings_provider(app->settings, logging_in->login.provider);
	struct login_words words;
	char why[CLAIMS_WHY_MAX];

	login_words(logging_in->service->round->identity_key, &logging_in->login, &words);
	const struct claims_expected expected = {
	    .issuer = provider->issuer,
	    .audience = provider->client_id,
	    .nonce = words.nonce,
	    .now_s = app_now_ms(logging_in->service->app) / 1000,
	};
	enum claims_verdict verdict =
	    claims_judge(claims, &expected, logging_in->service->round->contest, why);
	if (verdict == CLAIMS_GOOD) {
		admit(logging_in, claims);
		return;
	}
	if (verdict != CLAIMS_EXCLUDED)
		log_warn("provider %s: a login was refused: %s", provider->id, why);
	fail(app, logging_in->req, &logging_in->login, word_of(verdict));
}

static void on_redeemed(void *arg, int error, const struct provider_outcome *outcome)
{
	struct logging_in *logging_in = arg;
	const struct login *login = &logging_in->login;

	if (error == 0) {
		judge(logging_in, outcome->claims);
	} else {
		log_warn("provider %s: %s %s", login->provider, outcome->why, outcome->word);
		fail(logging_in->service->app, logging_in->req, login,
		    word_of_failure(error, outcome->word));
	}
	free(logging_in);
}

/* Without its cookie nothing is known but what the state says of itself. */
static void end_elsewhere(struct app *app, struct request *req)
{
	char state[LOGIN_STATE_SIZE];
	struct login login = {.ends_ms = 0};

	if (request_query(req, "state", state, sizeof(state)) != 0 ||
	    login_hint(slice_text(state), &login.english, login.contest) != 0 ||
	    !find_service(app, login.contest)) {
		refuse(req, 400, "no-login", "No login was begun",
		    "This address is where a login ends. Begin it on the voting page.", 0);
		return;
	}
	fail(app, req, &login, "other-browser");
}

/* The service and login of the callback's cookie and state; or ends the request. */
static struct service *read_return(struct app *app, struct request *req, struct login *ret_login)
{
	struct slice cookie = request_cookie(req, LOGIN_COOKIE);
	char contest[CONTEST_ID_MAX + 1], state[LOGIN_STATE_SIZE];
	struct service *service = NULL;
	struct login_words words;
	int rc = -EBADMSG;

	if (login_contest(cookie, contest) == 0 && (service = find_service(app, contest)))
		rc = login_read(service->round->identity_key, cookie, app_now_ms(app), ret_login);
	if (rc == 0 || rc == -ETIME)
		login_words(service->round->identity_key, ret_login, &words);
	if ((rc != 0 && rc != -ETIME) || request_query(req, "state", state, sizeof(state)) != 0 ||
	    strlen(state) != strlen(words.state) ||
	    CRYPTO_memcmp(state, words.state, strlen(state)) != 0) {
		end_elsewhere(app, req);
		return NULL;
	}
	if (rc == -ETIME || !takes_provider(service->round->contest, ret_login->provider)) {
		fail(app, req, ret_login, "login-expired");
		return NULL;
	}
	return service;
}

/* RFC 6749, section 4.1.2.1. */
static const char *word_of_error(const char *error)
{
	if (strcmp(error, "access_denied") == 0)
		return "cancelled";
	if (strcmp(error, "temporarily_unavailable") == 0 || strcmp(error, "server_error") == 0)
		return "provider-down";
	return "provider-error";
}

void login_return(void *arg, struct request *req)
{
	struct app *app = arg;
	struct login login;
	struct login_words words;
	char code[PROVIDER_CODE_MAX + 1], error[64], issuer[600];
	struct service *service = read_return(app, req, &login);

	if (!service)
		return;
	if (gate_take(app, req, GATE_RETURNS) > 0) {
		end_on_page(app, req, &login, "login", "too-many-requests");
		return;
	}
	const struct provider_settings *provider = settings_provider(app->settings, login.provider);
	int has_issuer = request_query(req, "iss", issuer, sizeof(issuer)); /* RFC 9207 */
	if ((has_issuer == 0 && strcmp(issuer, provider->issuer) != 0) || has_issuer == -EINVAL) {
		fail(app, req, &login, "provider-error");
		return;
	}
	if (request_query(req, "error", error, sizeof(error)) == 0) {
		fail(app, req, &login, word_of_error(error));
		return;
	}
	if (request_query(req, "code", code, sizeof(code)) != 0) {
		fail(app, req, &login, "provider-error");
		return;
	}
	struct logging_in *logging_in = malloc(sizeof(*logging_in));
	if (!logging_in) {
		fail(app, req, &login, "provider-down");
		return;
	}
	*logging_in = (struct logging_in){service, req, login};
	login_words(service->round->identity_key, &login, &words);
	int rc = provider_redeem(logins_provider(app->logins, login.provider),
	    &(struct provider_grant){.code = code,
		.redirect_uri = logins_redirect_uri(app->logins),
		.verifier = words.verifier},
	    on_redeemed, logging_in);
	if (rc != 0)
		on_redeemed(logging_in, rc, &(struct provider_outcome){NULL, "", strerror(-rc)});
}
