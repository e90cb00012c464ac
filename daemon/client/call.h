/* HTTP calls to other people's servers, with libcurl on a worker's event loop: nothing blocks,
 * names are resolved in a thread of libcurl's. One `struct calls` a worker keeps the connections
 * and shares them among its calls.
 *
 * https with a verified certificate and TLS 1.2 or later, HTTP/1.1; plain http to this machine
 * only. No redirection is followed (3xx is an answer as any other), no cookie kept; neither
 * environment nor files of the user (proxies, .netrc) change where a call goes. */
#ifndef TALLYD_CLIENT_CALL_H
#define TALLYD_CLIENT_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

#define CALL_URL_MAX   2048        /* characters */
#define CALL_FORM_MAX  (64 * 1024) /* bytes */
#define CALL_HEADS_MAX (64 * 1024) /* bytes of an answer's headers, all together */

struct event_base;
struct calls;

/* What calls_start() is given; it keeps copies. */
struct call {
	const char *url;
	struct slice form; /* POST with this application/x-www-form-urlencoded body; empty: GET */
	const char *user, *password; /* HTTP Basic (RFC 7617), as they are; user NULL: without */
	const char *bearer;          /* RFC 6750 section 2.1; NULL: without */
	const char *accept;          /* media type; NULL: any */
	size_t body_max;             /* bytes of the answer's body, unpacked */
	unsigned deadline_ms;        /* from calls_start() to the last byte; above 0 */
	bool plain_http;             /* http to any host, not only to this one */
};

struct call_answer {
	int status;        /* 100..599; 0: there was no answer */
	long max_age_s;    /* Cache-Control (RFC 9111 section 5.2.2); 0 where it says no-store or
			      no-cache, -1: it does not say */
	struct slice body; /* borrowed until the callback returns, then wiped */
	const char *why;   /* a failure in words for a log, without secrets; else "" */
};

/* error: 0 with an answer of any status; -ETIMEDOUT: the deadline; -EHOSTUNREACH: no such host, no
 * connection, no trust in it, or it broke off; -E2BIG: the answer is longer than it may be;
 * -ENOMEM; -ECANCELED: calls_free(). The answer is borrowed. */
typedef void call_cb(void *arg, int error, const struct call_answer *answer);

/* Whether a call may go there: an absolute https address, or http to "localhost", 127.0.0.0/8 or
 * ::1 (`plain_http`: to any host), with a host, without user, password and fragment. */
bool call_may_go(const char *url, bool plain_http);

/* At most `at_most` calls are under way at a time. 0; -ENOMEM. */
__attribute__((warn_unused_result)) int calls_new(
    struct event_base *base, unsigned at_most, struct calls **ret_calls);
/* Calls under way complete with -ECANCELED; none can be started meanwhile. Not from a callback. */
void calls_free(struct calls *calls);

/* 0: the callback will come exactly once, in a later turn. Else it will not come: -EBUSY: too many
 * are under way; -EINVAL: an address that no call may go to, a bearer that is none (RFC 6750
 * section 2.1), or a form that is too long; -ENOMEM; -ECANCELED: during calls_free(). */
__attribute__((warn_unused_result)) int calls_start(
    struct calls *calls, const struct call *call, call_cb *cb, void *arg);

/* Ends what is under way with this `arg`, in silence: the callbacks will not come. */
void calls_drop(struct calls *calls, const void *arg);

#endif
