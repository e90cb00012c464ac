/* What provider*.c share. */
#ifndef TALLYD_CLIENT_PROVIDER_IMPL_H
#define TALLYD_CLIENT_PROVIDER_IMPL_H

#include "base/buf.h"
#include "base/slice.h"
#include "client/call.h"
#include "client/provider.h"
#include "crypto/jwks.h"

struct event;
struct asking;

#define PROVIDER_WHY_SIZE 400

/* Somebody who cannot go on without a document. */
struct waiter {
	struct waiter *next;
	void (*ready)(struct waiter *waiter, int error);
};

/* Something that is read from the provider and kept: the configuration, or the key set.
 *
 *   absent → reading → kept → due (renewed at the next need, served meanwhile) → old (absent)
 *               └→ left alone until ask_ms → absent, or due as before */
struct document {
	struct provider *provider;
	const char *name; /* in a log */
	const char *url;  /* NULL: not known yet */
	size_t body_max;
	int (*take)(struct provider *provider, struct slice body);
	bool kept, reading;
	bool moved; /* while it was read: the answer is of where it was */
	int64_t due_ms, old_ms;
	int64_t ask_ms;   /* not before, after a failure */
	int64_t again_ms; /* not before, for somebody whom the kept one does not satisfy */
	unsigned pause_ms;
	struct waiter *waiters;
	char why[PROVIDER_WHY_SIZE]; /* of the last failure */
};

struct endpoints {
	char *authorization, *token, *jwks, *userinfo; /* userinfo may be NULL */
	bool secret_post; /* client_secret_post is all that the provider takes */
};

struct provider {
	struct event_base *base;
	struct calls *calls;
	char *issuer, *client_id, *client_secret, *scopes;
	unsigned deadline_ms;
	bool userinfo, plain_http;
	int64_t (*now_ms)(void);
	char *configuration_url;
	struct document configuration, keys;
	struct endpoints endpoints;
	struct jwks *jwks;
	struct asking *askings; /* locations and redemptions under way */
	unsigned n_askings;
};

/* ---- provider_document.c ---- */

/* 0: it is there; -EINPROGRESS: ready() comes, in a later turn; else it cannot be had. */
__attribute__((warn_unused_result)) int document_need(
    struct document *document, struct waiter *waiter);
/* Reads it again though it is kept. -EINPROGRESS as above; -EAGAIN: it was just read. */
__attribute__((warn_unused_result)) int document_again(
    struct document *document, struct waiter *waiter);
void document_forget(struct document *document, const struct waiter *waiter);

int configuration_take(struct provider *provider, struct slice body);
int keys_take(struct provider *provider, struct slice body);
void endpoints_release(struct endpoints *endpoints);

/* ---- provider_request.c ---- */

struct token_request {
	struct buf form;
	bool basic;
	struct buf user, password; /* where basic: encoded, with their NULs */
};

/* 0, -ENOMEM, -ENOBUFS; released in any case. */
__attribute__((warn_unused_result)) int token_request_init(struct token_request *request,
    const struct provider *provider, const struct provider_grant *grant);
void token_request_release(struct token_request *request);

/* ---- provider_redeem.c ---- */

void asking_cancel_all(struct provider *provider);

#endif
