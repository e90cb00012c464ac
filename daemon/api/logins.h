/* The OpenID Providers of a worker, and the addresses that a login goes through. For login.c. */
#ifndef TALLYD_API_LOGINS_H
#define TALLYD_API_LOGINS_H

#include "admission/login.h"
#include "base/buf.h"
#include "client/provider.h"
#include "config/settings.h"
#include "contest/contest.h"

struct event_base;
struct logins;

/* 0 with NULL where the settings name no provider. -EIO: a client's secret cannot be read, told in
 * the log; -ENOMEM. The settings are borrowed. */
__attribute__((warn_unused_result)) int logins_new(
    struct event_base *base, const struct settings *settings, struct logins **ret_logins);
/* What is under way completes as failed; so requests may still be there. */
void logins_free(struct logins *logins);

struct provider *logins_provider(struct logins *logins, const char *id);

/* Where providers send people back to: <issuer_origin>/login/callback. */
const char *logins_redirect_uri(const struct logins *logins);
bool logins_is_https(const struct logins *logins);

/* The authorization endpoint with the query of an authentication request (OpenID Connect Core 1.0,
 * section 3.1.2.1; PKCE: RFC 7636). On a shared device the provider is told to ask who it is again.
 * 0, -ENOBUFS. */
__attribute__((warn_unused_result)) int logins_address(struct logins *logins, const char *endpoint,
    const struct contest *contest, const struct login *login, const struct login_words *words,
    struct buf *ret_address);

#endif
