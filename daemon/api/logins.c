/* Providers by their ids, and what a browser is sent to them with. */
#include "api/logins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/urlform.h"
#include "base/log.h"
#include "client/call.h"
#include "config/secret.h"

#define CALLS_MAX  512
#define URI_MAX    600
#define SCOPES_MAX 1000

struct logins {
	const struct settings *settings;
	struct event_base *base;
	struct calls *calls;
	struct provider **providers; /* in the settings' order */
	char redirect_uri[URI_MAX];
};

static int scopes_of(const struct provider_settings *provider, char ret_scopes[SCOPES_MAX])
{
	size_t len = (size_t)snprintf(ret_scopes, SCOPES_MAX, "openid");

	for (size_t i = 0; i < provider->n_scopes; i++) {
		if (strcmp(provider->scopes[i], "openid") == 0)
			continue;
		len += (size_t)snprintf(
		    ret_scopes + len, SCOPES_MAX - len, " %s", provider->scopes[i]);
		if (len >= SCOPES_MAX)
			return -ENOBUFS;
	}
	return 0;
}

static int make_provider(struct logins *logins, size_t i)
{
	const struct provider_settings *its = &logins->settings->providers[i];
	char secret[SECRET_MAX], scopes[SCOPES_MAX];

	if (scopes_of(its, scopes) < 0) {
		log_error("providers: the scopes of \"%s\" are too long", its->id);
		return -EIO;
	}
	int rc = secret_read("client_secret_file", its->client_secret_file, secret);
	if (rc < 0)
		return rc;
	const struct provider_options options = {
	    .issuer = its->issuer,
	    .client_id = its->client_id,
	    .client_secret = its->client_secret_file ? secret : NULL,
	    .scopes = scopes,
	    .userinfo = its->userinfo,
	    .deadline_ms = (unsigned)logins->settings->provider_ms,
	};
	rc = provider_new(logins->base, logins->calls, &options, &logins->providers[i]);
	OPENSSL_cleanse(secret, sizeof(secret));
	return rc;
}

int logins_new(struct event_base *base, const struct settings *settings, struct logins **ret_logins)
{
	struct logins *logins;
	int rc;

	*ret_logins = NULL;
	if (settings->n_providers == 0)
		return 0;
	logins = calloc(1, sizeof(*logins));
	if (!logins)
		return -ENOMEM;
	logins->settings = settings;
	logins->base = base;
	(void)snprintf(logins->redirect_uri, sizeof(logins->redirect_uri), "%s/login/callback",
	    settings_login_origin(settings));
	logins->providers = calloc(settings->n_providers, sizeof(*logins->providers));
	rc = logins->providers ? calls_new(base, CALLS_MAX, &logins->calls) : -ENOMEM;
	for (size_t i = 0; i < settings->n_providers && rc == 0; i++)
		rc = make_provider(logins, i);
	if (rc < 0) {
		logins_free(logins);
		return rc;
	}
	*ret_logins = logins;
	return 0;
}

void logins_free(struct logins *logins)
{
	if (!logins)
		return;
	for (size_t i = 0; logins->providers && i < logins->settings->n_providers; i++)
		provider_free(logins->providers[i]);
	calls_free(logins->calls);
	free(logins->providers);
	free(logins);
}

struct provider *logins_provider(struct logins *logins, const char *id)
{
	for (size_t i = 0; i < logins->settings->n_providers; i++)
		if (strcmp(logins->settings->providers[i].id, id) == 0)
			return logins->providers[i];
	return NULL;
}

const char *logins_redirect_uri(const struct logins *logins)
{
	return logins->redirect_uri;
}

bool logins_is_https(const struct logins *logins)
{
	return strncmp(logins->redirect_uri, "https:", 6) == 0;
}

/* ---- the address at the provider ---- */

/* The strengths that the contest takes, as one text; empty where it asks for none. */
static int join_acr(const struct contest *contest, struct buf *ret_values)
{
	int r = 0;

	for (size_t i = 0; i < contest->identity.n_acr && r == 0; i++)
		r = buf_printf(ret_values, "%s%s", i ? " " : "", contest->identity.acr[i]);
	return r == 0 ? buf_append(ret_values, "", 1) : r;
}

static int add_request(struct buf *query, const struct logins *logins,
    const struct provider *provider, const struct login *login, const struct login_words *words,
    const char *acr)
{
	const struct {
		const char *name, *value; /* NULL: not asked for */
	} parameters[] = {
	    {"response_type", "code"},
	    {"client_id", provider_client_id(provider)},
	    {"redirect_uri", logins->redirect_uri},
	    {"scope", provider_scopes(provider)},
	    {"state", words->state},
	    {"nonce", words->nonce},
	    {"code_challenge", words->challenge},
	    {"code_challenge_method", "S256"},
	    {"ui_locales", login->english ? "en" : "ko"},
	    {"acr_values", acr[0] ? acr : NULL},
	    {"prompt", login->shared ? "login" : NULL},
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters) && r == 0; i++)
		r = urlform_add(query, parameters[i].name, parameters[i].value);
	return r;
}

int logins_address(struct logins *logins, const char *endpoint, const struct contest *contest,
    const struct login *login, const struct login_words *words, struct buf *ret_address)
{
	const struct provider *provider = logins_provider(logins, login->provider);
	struct buf query, acr;
	int r;

	buf_init(&query, ret_address->max);
	buf_init(&acr, ret_address->max);
	r = provider ? join_acr(contest, &acr) : -ENOBUFS;
	if (r == 0)
		r = add_request(&query, logins, provider, login, words, acr.data);
	/* An endpoint may have a query of its own (RFC 6749, section 3.1). */
	if (r == 0)
		r = buf_printf(ret_address, "%s%c%.*s", endpoint, strchr(endpoint, '?') ? '&' : '?',
		    (int)query.len, query.data);
	buf_release(&acr);
	buf_release(&query);
	return r;
}
