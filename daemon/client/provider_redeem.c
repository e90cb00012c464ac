/* What a provider is asked: where people are sent, and what it says of one for whom it gave a code.
 *
 *   provider_redeem -> on_turn -> on_configuration -> on_keys -> on_token -> (on_keys_again)
 *     -> (on_userinfo) -> finish; provider_locate ends after on_configuration
 *
 * Everything happens in a later turn than the starting call, so each step may finish at once. */
#include "client/provider_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/event.h>
#include <openssl/crypto.h>

#include "base/clock.h"

enum { ANSWER_MAX = 128 * 1024 };

struct asking {               /* a location or a redemption under way */
	struct waiter waiter; /* first: waiters are askings */
	struct provider *provider;
	struct asking *next, **before;
	struct event *timer; /* the first turn, then the deadline */
	bool began;
	int64_t deadline_ms;            /* clock_steady_ms() */
	provider_locate_cb *on_located; /* NULL: a redemption */
	provider_redeem_cb *on_redeemed;
	void *arg;
	char *code, *redirect_uri, *verifier;
	char *id_token, *access_token;
	json_t *claims;
	bool read_again; /* the key set, for this token */
	char word[PROVIDER_WORD_SIZE];
	char why[PROVIDER_WHY_SIZE];
};

/* ---- ends ---- */

static void free_secret(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

static void asking_free(struct asking *asking)
{
	if (asking->timer)
		event_free(asking->timer);
	free_secret(asking->code);
	free_secret(asking->verifier);
	free_secret(asking->id_token);
	free_secret(asking->access_token);
	free(asking->redirect_uri);
	json_decref(asking->claims);
	free(asking);
}

static void finish(struct asking *asking, int error)
{
	struct provider *provider = asking->provider;

	*asking->before = asking->next;
	if (asking->next)
		asking->next->before = asking->before;
	provider->n_askings--;
	if (asking->on_located) {
		asking->on_located(
		    asking->arg, error, error == 0 ? provider->endpoints.authorization : "");
	} else {
		const struct provider_outcome outcome = {
		    .claims = error == 0 ? asking->claims : NULL,
		    .word = error == -EACCES ? asking->word : "",
		    .why = error == 0 ? "" : asking->why,
		};
		asking->on_redeemed(asking->arg, error, &outcome);
	}
	asking_free(asking);
}

__attribute__((format(printf, 3, 4))) static void fail(
    struct asking *asking, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(asking->why, sizeof(asking->why), format, args);
	va_end(args);
	finish(asking, error);
}

/* It waits nowhere any more. */
static void withdraw(struct asking *asking)
{
	document_forget(&asking->provider->configuration, &asking->waiter);
	document_forget(&asking->provider->keys, &asking->waiter);
	calls_drop(asking->provider->calls, asking);
}

void asking_cancel_all(struct provider *provider)
{
	while (provider->askings) {
		struct asking *asking = provider->askings;
		withdraw(asking);
		fail(asking, -ECANCELED, "tallyd ends");
	}
}

/* ---- calls ---- */

static void start_call(struct asking *asking, struct call *call, call_cb *cb)
{
	int64_t left_ms = asking->deadline_ms - clock_steady_ms();
	int r;

	call->accept = "application/json";
	call->body_max = ANSWER_MAX;
	call->deadline_ms = left_ms > 0 ? (unsigned)left_ms : 1;
	call->plain_http = asking->provider->plain_http;
	r = calls_start(asking->provider->calls, call, cb, asking);
	if (r < 0)
		fail(asking, r == -EINVAL ? -EBADMSG : r, "a call cannot be made (%s)",
		    strerror(-r));
}

/* A failure of the network, or one that an answer's status says. 0: look at the answer. */
static int judge_call(int error, const struct call_answer *answer)
{
	if (error == -E2BIG)
		return -EBADMSG;
	if (error == 0 && (answer->status >= 500 || answer->status == 429))
		return -EHOSTUNREACH;
	return error;
}

static void fail_call(
    struct asking *asking, int error, const char *what, const struct call_answer *answer)
{
	if (answer->status)
		fail(asking, error, "%s: the answer is %d", what, answer->status);
	else
		fail(asking, error, "%s: %s", what, answer->why);
}

static json_t *json_of(struct slice body)
{
	return json_loadb(body.ptr ? body.ptr : "", body.len, JSON_REJECT_DUPLICATES, NULL);
}

/* ---- UserInfo (Core section 5.3) ---- */

/* What says something of a token, not of a person (Core section 2, RFC 7519 section 4.1). */
static bool belongs_to_token(const char *name)
{
	static const char *const names[] = {"iss", "aud", "exp", "iat", "nbf", "jti", "nonce",
	    "azp", "auth_time", "acr", "amr", "at_hash", "c_hash", "s_hash", "sid", "events"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool merge(json_t *claims, json_t *more)
{
	const json_t *sub = json_object_get(claims, "sub");
	const char *name;
	json_t *value;

	if (!json_is_string(sub) || !json_equal(sub, json_object_get(more, "sub")))
		return false;
	json_object_foreach(more, name, value)
	{
		if (!belongs_to_token(name) && !json_object_get(claims, name) &&
		    json_object_set(claims, name, value) != 0)
			return false;
	}
	return true;
}

static void on_userinfo(void *arg, int error, const struct call_answer *answer)
{
	struct asking *asking = arg;
	json_t *more;
	int r = judge_call(error, answer);

	if (r == 0 && answer->status != 200)
		r = -EBADMSG;
	if (r < 0) {
		fail_call(asking, r, "UserInfo", answer);
		return;
	}
	more = json_of(answer->body);
	r = merge(asking->claims, more) ? 0 : -EBADMSG;
	json_decref(more);
	if (r < 0)
		fail(asking, r, "UserInfo: it is not of the ID token's \"sub\", or no JSON object");
	else
		finish(asking, 0);
}

static void ask_userinfo(struct asking *asking)
{
	struct call call = {
	    .url = asking->provider->endpoints.userinfo,
	    .bearer = asking->access_token,
	};

	start_call(asking, &call, on_userinfo);
}

/* ---- the ID token ---- */

static void check_token(struct asking *asking);

static void on_keys_again(struct waiter *waiter, int error)
{
	struct asking *asking = (struct asking *)waiter;

	if (error < 0)
		fail(asking, error, "%s", asking->provider->keys.why);
	else
		check_token(asking);
}

static void check_token(struct asking *asking)
{
	struct provider *provider = asking->provider;
	int r = jwks_verify(provider->jwks, slice_text(asking->id_token), &asking->claims);

	if (r == -ENOKEY && !asking->read_again) {
		asking->read_again = true;
		asking->waiter.ready = on_keys_again;
		int again = document_again(&provider->keys, &asking->waiter);
		if (again == -EINPROGRESS)
			return;
	}
	if (r < 0)
		fail(asking, r, "ID token: %s",
		    r == -ENOKEY ? "it names a key that is not published" : "it is unsound");
	else if (provider->userinfo)
		ask_userinfo(asking);
	else
		finish(asking, 0);
}

/* ---- the token endpoint (RFC 6749 sections 4.1.3 and 5) ---- */

/* RFC 6749 section 5.2: printable ASCII without quote and backslash. */
static bool read_word(const json_t *json, char ret_word[PROVIDER_WORD_SIZE])
{
	const char *word = json_string_value(json_object_get(json, "error"));

	if (!word || word[0] == '\0' || strlen(word) >= PROVIDER_WORD_SIZE)
		return false;
	for (const char *at = word; *at; at++)
		if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\')
			return false;
	(void)snprintf(ret_word, PROVIDER_WORD_SIZE, "%s", word);
	return true;
}

static char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? strdup(text) : NULL;
}

/* Core section 3.1.3.3; the access token matters only where it is used. */
static bool read_tokens(struct asking *asking, const json_t *json)
{
	const char *type = json_string_value(json_object_get(json, "token_type"));

	asking->id_token = text_of(json, "id_token");
	if (!asking->id_token)
		return false;
	if (!asking->provider->userinfo)
		return true;
	asking->access_token = text_of(json, "access_token");
	return asking->access_token && type && strcasecmp(type, "Bearer") == 0;
}

static void on_token(void *arg, int error, const struct call_answer *answer)
{
	struct asking *asking = arg;
	json_t *json;
	int r = judge_call(error, answer);

	if (r < 0) {
		fail_call(asking, r, "token endpoint", answer);
		return;
	}
	json = json_of(answer->body);
	if (answer->status == 200)
		r = read_tokens(asking, json) ? 0 : -EBADMSG;
	else if ((answer->status == 400 || answer->status == 401) && read_word(json, asking->word))
		r = -EACCES;
	else
		r = -EBADMSG;
	json_decref(json);
	if (r == -EACCES)
		fail(asking, r, "token endpoint: %s", asking->word);
	else if (r < 0)
		fail(asking, r, "token endpoint: the answer is %d, and unsound", answer->status);
	else
		check_token(asking);
}

static void redeem(struct asking *asking)
{
	const struct provider_grant grant = {asking->code, asking->redirect_uri, asking->verifier};
	struct token_request request;
	int r = token_request_init(&request, asking->provider, &grant);

	if (r < 0) {
		fail(asking, r == -ENOMEM ? r : -EBADMSG, "the request is too long");
	} else {
		struct call call = {
		    .url = asking->provider->endpoints.token,
		    .form = buf_slice(&request.form),
		    .user = request.basic ? request.user.data : NULL,
		    .password = request.basic ? request.password.data : NULL,
		};
		start_call(asking, &call, on_token);
	}
	token_request_release(&request);
}

/* ---- what must be known first ---- */

static void on_keys(struct waiter *waiter, int error)
{
	struct asking *asking = (struct asking *)waiter;

	if (error < 0)
		fail(asking, error, "%s", asking->provider->keys.why);
	else
		redeem(asking);
}

static void on_configuration(struct waiter *waiter, int error)
{
	struct asking *asking = (struct asking *)waiter;
	struct provider *provider = asking->provider;

	if (error < 0) {
		fail(asking, error, "%s", provider->configuration.why);
		return;
	}
	if (asking->on_located) {
		finish(asking, 0);
		return;
	}
	waiter->ready = on_keys;
	int r = document_need(&provider->keys, waiter);
	if (r != -EINPROGRESS)
		on_keys(waiter, r);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct asking *asking = arg;
	unsigned in_ms = asking->provider->deadline_ms;
	struct timeval in = {.tv_sec = in_ms / 1000, .tv_usec = in_ms % 1000 * 1000L};

	(void)fd;
	(void)what;
	if (asking->began) {
		withdraw(asking);
		fail(asking, -ETIMEDOUT, "no answer within %u ms", in_ms);
		return;
	}
	asking->began = true;
	asking->deadline_ms = clock_steady_ms() + in_ms;
	if (event_add(asking->timer, &in) != 0) {
		fail(asking, -ENOMEM, "memory is short");
		return;
	}
	asking->waiter.ready = on_configuration;
	int r = document_need(&asking->provider->configuration, &asking->waiter);
	if (r != -EINPROGRESS)
		on_configuration(&asking->waiter, r);
}

/* ---- beginnings ---- */

static int begin(struct asking *asking)
{
	struct provider *provider = asking->provider;
	const struct timeval at_once = {0, 0};

	asking->timer = evtimer_new(provider->base, on_turn, asking);
	if (!asking->timer || event_add(asking->timer, &at_once) != 0)
		return -ENOMEM;
	asking->next = provider->askings;
	asking->before = &provider->askings;
	if (asking->next)
		asking->next->before = &asking->next;
	provider->askings = asking;
	provider->n_askings++;
	return 0;
}

static int asking_new(struct provider *provider, void *arg, struct asking **ret_asking)
{
	struct asking *asking;

	if (provider->n_askings >= PROVIDER_WAITING_MAX)
		return -EBUSY;
	asking = calloc(1, sizeof(*asking));
	if (!asking)
		return -ENOMEM;
	asking->provider = provider;
	asking->arg = arg;
	*ret_asking = asking;
	return 0;
}

int provider_locate(struct provider *provider, provider_locate_cb *cb, void *arg)
{
	struct asking *asking;
	int r = asking_new(provider, arg, &asking);

	if (r < 0)
		return r;
	asking->on_located = cb;
	r = begin(asking);
	if (r < 0)
		asking_free(asking);
	return r;
}

int provider_redeem(struct provider *provider, const struct provider_grant *grant,
    provider_redeem_cb *cb, void *arg)
{
	struct asking *asking;
	int r;

	if (grant->code[0] == '\0' || strlen(grant->code) > PROVIDER_CODE_MAX)
		return -EINVAL;
	r = asking_new(provider, arg, &asking);
	if (r < 0)
		return r;
	asking->on_redeemed = cb;
	asking->code = strdup(grant->code);
	asking->redirect_uri = strdup(grant->redirect_uri);
	asking->verifier = grant->verifier ? strdup(grant->verifier) : NULL;
	r = asking->code && asking->redirect_uri && (asking->verifier || !grant->verifier)
		? begin(asking)
		: -ENOMEM;
	if (r < 0)
		asking_free(asking);
	return r;
}
