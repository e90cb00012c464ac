/* A provider's life. What it publishes is read in provider_document.c; provider_redeem.c
 * asks it, with what provider_request.c writes. */
#include "client/provider.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "client/provider_impl.h"

enum { CONFIGURATION_MAX = 256 * 1024 };

/* Discovery 1.0 section 4: a slash that ends the issuer goes away. NULL: memory. */
static char *configuration_url_of(const char *issuer)
{
	static const char path[] = "/.well-known/openid-configuration";
	size_t len = strlen(issuer);
	char *url = malloc(len + sizeof(path));

	if (!url)
		return NULL;
	memcpy(url, issuer, len);
	len -= issuer[len - 1] == '/';
	memcpy(url + len, path, sizeof(path));
	return url;
}

static bool is_sound(const struct provider_options *options)
{
	return options->issuer && call_may_go(options->issuer, options->plain_http) &&
	       !strchr(options->issuer, '?') && options->client_id &&
	       options->client_id[0] != '\0' && options->scopes && options->deadline_ms > 0;
}

static bool copy_texts(struct provider *provider, const struct provider_options *options)
{
	provider->issuer = strdup(options->issuer);
	provider->client_id = strdup(options->client_id);
	provider->client_secret = options->client_secret ? strdup(options->client_secret) : NULL;
	provider->scopes = strdup(options->scopes);
	provider->configuration_url = configuration_url_of(options->issuer);
	return provider->issuer && provider->client_id && provider->scopes &&
	       (provider->client_secret || !options->client_secret) && provider->configuration_url;
}

int provider_new(struct event_base *base, struct calls *calls,
    const struct provider_options *options, struct provider **ret_provider)
{
	struct provider *provider;

	if (!is_sound(options))
		return -EINVAL;
	provider = calloc(1, sizeof(*provider));
	if (!provider)
		return -ENOMEM;
	provider->base = base;
	provider->calls = calls;
	provider->deadline_ms = options->deadline_ms;
	provider->userinfo = options->userinfo;
	provider->plain_http = options->plain_http;
	provider->now_ms = options->now_ms ? options->now_ms : clock_steady_ms;
	if (!copy_texts(provider, options)) {
		provider_free(provider);
		return -ENOMEM;
	}
	provider->configuration = (struct document){
	    .provider = provider,
	    .name = "configuration",
	    .url = provider->configuration_url,
	    .body_max = CONFIGURATION_MAX,
	    .take = configuration_take,
	};
	provider->keys = (struct document){
	    .provider = provider,
	    .name = "key set",
	    .body_max = JWKS_TEXT_MAX,
	    .take = keys_take,
	};
	*ret_provider = provider;
	return 0;
}

void provider_free(struct provider *provider)
{
	if (!provider)
		return;
	asking_cancel_all(provider);
	calls_drop(provider->calls, &provider->configuration);
	calls_drop(provider->calls, &provider->keys);
	endpoints_release(&provider->endpoints);
	jwks_free(provider->jwks);
	if (provider->client_secret)
		OPENSSL_cleanse(provider->client_secret, strlen(provider->client_secret));
	free(provider->client_secret);
	free(provider->issuer);
	free(provider->client_id);
	free(provider->scopes);
	free(provider->configuration_url);
	free(provider);
}

const char *provider_issuer(const struct provider *provider)
{
	return provider->issuer;
}

const char *provider_client_id(const struct provider *provider)
{
	return provider->client_id;
}

const char *provider_scopes(const struct provider *provider)
{
	return provider->scopes;
}
