/* One OpenID Provider, as a client of it sees it (OpenID Connect Core 1.0 section 3.1,
 * Discovery 1.0, RFC 6749, RFC 7636), on a worker's loop: where its endpoints are, with which keys
 * it signs, and what it says of the person for whom a code was given. Signatures are verified here;
 * no claim is looked at: issuer, audience, nonce and times are the caller's to check (Core
 * section 3.1.3.7).
 *
 * The configuration and the key set are read when they are first needed and kept for an hour, or as
 * long as Cache-Control says, between a minute and a day; then they are renewed while the old ones
 * serve, for a day more at the longest. After a failure the provider is left alone for 1, 2, 4 … 30
 * seconds. Whoever needs the same document at the same time shares one reading. Where a token names
 * a key that the set lacks, the set is read again, at most once in 10 seconds. */
#ifndef TALLYD_CLIENT_PROVIDER_H
#define TALLYD_CLIENT_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct calls;
struct event_base;
struct provider;

#define PROVIDER_WAITING_MAX 1024 /* redemptions and locations under way */
#define PROVIDER_WORD_SIZE   64   /* of an OAuth error word, with its NUL */
#define PROVIDER_CODE_MAX    4096 /* characters of a code */

struct provider_options {      /* texts are copied */
	const char *issuer;    /* exactly as the provider writes it; https, or http to this host */
	const char *client_id; /* RFC 6749 section 2.2 */
	const char *client_secret; /* NULL: a public client */
	const char *scopes;        /* "openid …", for whoever builds the authorization request */
	unsigned deadline_ms;      /* of a redemption in all; of reading a document */
	bool userinfo;             /* ask the UserInfo endpoint, too */
	bool plain_http;           /* http to any host: for closed networks */
	int64_t (*now_ms)(void);   /* the steady clock of what is kept; NULL: clock_steady_ms() */
};

/* What came with a redirection back from the provider, and what was sent before it. */
struct provider_grant { /* texts are copied */
	const char *code;
	const char *redirect_uri; /* as in the authorization request */
	const char *verifier;     /* PKCE (RFC 7636 section 4.1); NULL: none was promised */
};

struct provider_outcome { /* borrowed until the callback returns */
	json_t *claims;   /* of the verified ID token; NULL unless the error is 0. json_incref()
			     keeps it */
	const char *word; /* with -EACCES the provider's error word, of printable ASCII; else "" */
	const char *why;  /* a failure in words for a log, without secrets; else "" */
};

/* error: 0; -EACCES: the provider refuses the grant or this client (RFC 6749 section 5.2:
 * "invalid_grant": the code is used, old or somebody else's); -EBADMSG: its answer, its
 * configuration or the token is unsound; -ENOKEY: it signs with a key that it does not publish;
 * -EHOSTUNREACH: it is down, or was a moment ago; -ETIMEDOUT: it is too slow; -EBUSY: too many
 * calls are under way; -ENOMEM; -ECANCELED: provider_free(). */
typedef void provider_redeem_cb(void *arg, int error, const struct provider_outcome *outcome);
/* The errors that reading the configuration has. The endpoint is borrowed, "" with an error; it may
 * have a query (RFC 6749 section 3.1). */
typedef void provider_locate_cb(void *arg, int error, const char *authorization_endpoint);

/* `base` and `calls` are borrowed and outlive it. 0; -EINVAL: no such issuer (Discovery 1.0 section
 * 3: no query, no fragment), no client_id or no deadline; -ENOMEM. Nothing is read yet. */
__attribute__((warn_unused_result)) int provider_new(struct event_base *base, struct calls *calls,
    const struct provider_options *options, struct provider **ret_provider);
/* What is under way completes with -ECANCELED. Not from a callback. */
void provider_free(struct provider *provider);

const char *provider_issuer(const struct provider *provider);
const char *provider_client_id(const struct provider *provider);
const char *provider_scopes(const struct provider *provider);

/* 0: the callback comes once, in a later turn. -EBUSY, -ENOMEM: it does not come. */
__attribute__((warn_unused_result)) int provider_locate(
    struct provider *provider, provider_locate_cb *cb, void *arg);

/* Redeems a code at the token endpoint, for claims: those of the ID token and, where it is asked,
 * those of UserInfo that the ID token has none of (Core section 5.3; its "sub" must be the same,
 * and what belongs to a token alone, as "nonce" or "exp", is never taken from it). Configuration
 * and keys come first, so that no code is spent for nothing. 0: the callback comes once, in a later
 * turn. -EINVAL: an empty or overlong code; -EBUSY, -ENOMEM: it does not come. */
__attribute__((warn_unused_result)) int provider_redeem(struct provider *provider,
    const struct provider_grant *grant, provider_redeem_cb *cb, void *arg);

#endif
