/* What is sent to a token endpoint (RFC 6749 section 4.1.3), and how a client says who it is. */
#include "client/provider_impl.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/urlform.h"

static int append_grant(struct buf *form, const struct provider_grant *grant)
{
	int r = urlform_add(form, "grant_type", "authorization_code");

	if (r == 0)
		r = urlform_add(form, "code", grant->code);
	if (r == 0)
		r = urlform_add(form, "redirect_uri", grant->redirect_uri);
	if (r == 0)
		r = urlform_add(form, "code_verifier", grant->verifier);
	return r;
}

/* RFC 6749 section 2.3.1: name and secret are encoded before RFC 7617 joins them. */
static int set_basic(struct token_request *request, const char *name, const char *secret)
{
	int r = urlform_encode(&request->user, name);

	if (r == 0)
		r = urlform_encode(&request->password, secret);
	if (r == 0)
		r = buf_append(&request->user, "", 1);
	if (r == 0)
		r = buf_append(&request->password, "", 1);
	return r;
}

/* The same section's other way; a public client only names itself (section 3.2.1). */
static int set_form(struct token_request *request, const struct provider *provider)
{
	int r = urlform_add(&request->form, "client_id", provider->client_id);

	return r == 0 ? urlform_add(&request->form, "client_secret", provider->client_secret) : r;
}

int token_request_init(struct token_request *request, const struct provider *provider,
    const struct provider_grant *grant)
{
	const char *secret = provider->client_secret;
	int r;

	buf_init(&request->form, CALL_FORM_MAX);
	buf_init(&request->user, CALL_FORM_MAX);
	buf_init(&request->password, CALL_FORM_MAX);
	request->basic = secret && !provider->endpoints.secret_post;
	r = append_grant(&request->form, grant);
	if (r < 0)
		return r;
	if (secret && request->basic)
		return set_basic(request, provider->client_id, secret);
	return set_form(request, provider);
}

static void release_secret(struct buf *buf)
{
	if (buf->data)
		OPENSSL_cleanse(buf->data, buf->cap);
	buf_release(buf);
}

void token_request_release(struct token_request *request)
{
	release_secret(&request->form);
	release_secret(&request->user);
	release_secret(&request->password);
}
