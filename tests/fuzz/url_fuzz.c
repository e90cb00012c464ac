/* What stands in addresses and in the fields beside them: a path has one row of the table, a value
 * of a query, a cookie, or a list lies within what came; what is encoded is decoded as itself; and
 * nobody but a trusted proxy says whom a request is from. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/urlform.h"
#include "http/forwarded.h"
#include "http/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct route routes[] = {
    {METHOD_GET, "/", NULL, 0, 0, NULL},
    {METHOD_GET, "/v1/contests", NULL, 0, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest", NULL, 0, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/sheet", NULL, 0, 0, NULL},
    {METHOD_PUT, "/v1/contests/:contest/sheet", NULL, 0, 0, NULL},
    {METHOD_POST, "/v1/contests/:contest/ballots", NULL, 0, 0, NULL},
    {METHOD_GET, "/v1/contests/:contest/receipts/:shard/:index", NULL, 0, 0, NULL},
    {METHOD_GET, "/log/:contest/:shard/*", NULL, 0, 0, NULL},
    {0, NULL, NULL, 0, 0, NULL},
};

static bool lies_in(struct slice part, struct slice whole)
{
	return part.len == 0 ||
	       (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void one_path(struct slice path)
{
	static const enum method methods[] = {
	    METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PUT, METHOD_OPTIONS, METHOD_DELETE};
	unsigned first = 0;

	if (path.len == 0 || path.ptr[0] != '/')
		return;
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		struct slice params[REQUEST_PARAMS_MAX] = {{NULL, 0}};
		unsigned allow = 0;
		const struct route *row = router_match(routes, methods[i], path, params, &allow);

		first = i == 0 ? allow : first;
		assert(allow == first);
		assert(!row == !(allow & (unsigned)methods[i]));
		assert((allow != 0) == (router_next(routes, NULL, path) != NULL));
		for (size_t k = 0; k < REQUEST_PARAMS_MAX; k++) {
			bool rest = row && row->path[1] == 'l' && k == 2;
			assert(lies_in(params[k], path));
			assert(rest || params[k].len == 0 ||
			       !memchr(params[k].ptr, '/', params[k].len));
		}
	}
}

/* A query's value is text without control characters, however it was written. */
static void one_query(struct slice text)
{
	struct request req = {.query = text};
	char value[64];
	int r;

	memset(value, 'x', sizeof(value));
	r = request_query(&req, "code", value, sizeof(value));
	assert(r == 0 || r == -ENOENT || r == -EINVAL);
	for (size_t i = 0; r == 0 && value[i]; i++)
		assert((unsigned char)value[i] >= 0x20 && value[i] != 0x7f && i < sizeof(value));
}

/* encode, then decode: the same, unless it holds what no query may. */
static void round_trip(struct slice text)
{
	char plain[200], value[200];
	struct request req = {0};
	struct buf out;
	bool clean = true;
	size_t n = text.len < sizeof(plain) - 1 ? text.len : sizeof(plain) - 1;

	for (size_t i = 0; i < n; i++)
		clean = clean && (uint8_t)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f;
	memcpy(plain, n > 0 ? text.ptr : "", n);
	plain[n] = '\0';
	clean = clean && !memchr(plain, '\0', n);
	buf_init(&out, 4096);
	assert(urlform_add(&out, "before", "1") == 0 && urlform_add(&out, "code", plain) == 0);
	req.query = buf_slice(&out);
	if (clean)
		assert(request_query(&req, "code", value, sizeof(value)) == 0 &&
		       strcmp(value, plain) == 0);
	buf_release(&out);
}

static void one_field(struct slice text)
{
	struct request req = {
	    .cookie = text, .accept_encoding = text, .if_none_match = text, .authorization = text};

	assert(lies_in(request_cookie(&req, "tallyd-login"), text));
	assert(lies_in(request_bearer(&req), text));
	(void)request_takes(&req, "br");
	(void)request_takes(&req, "gzip");
	(void)request_holds(&req, "\"0123\"");
}

static bool same_address(const union peer_address *a, const union peer_address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	return a->any.sa_family == AF_INET
		   ? a->in.sin_addr.s_addr == b->in.sin_addr.s_addr
		   : memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
}

/* From a stranger nothing is believed. From a proxy: itself, or somebody that can be written; and
 * what a proxy wrote last stands, whatever the asker put before it. */
static void one_forwarded(struct slice text, enum forwarded_field field)
{
	struct net proxies[1];
	struct forwarded_policy policy = {.proxies = proxies, .n_proxies = 1, .field = field};
	struct forwarded forwarded = {.n = 0};
	union peer_address proxy, stranger, client, added;
	const char *last = field == FORWARDED_FOR ? "203.0.113.9" : "for=203.0.113.9";

	assert(net_read("10.0.0.0/8", &proxies[0]));
	assert(net_address(slice_text("10.1.2.3"), &proxy));
	assert(net_address(slice_text("198.51.100.1"), &stranger));
	assert(net_address(slice_text("203.0.113.9"), &added));
	for (const char *at = text.ptr, *end = text.ptr + text.len; at < end;) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		const char *stop = lf ? lf : end;
		forwarded_add(&forwarded, slice_make(at, (size_t)(stop - at)));
		at = stop + 1;
	}
	forwarded_client(&policy, &forwarded, &stranger, &client);
	assert(same_address(&client, &stranger));
	forwarded_client(&policy, &forwarded, &proxy, &client);
	assert(client.any.sa_family == AF_INET || client.any.sa_family == AF_INET6);
	forwarded_add(&forwarded, slice_text(last));
	forwarded_client(&policy, &forwarded, &proxy, &client);
	assert(same_address(&client, &added));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + (size == 0)); /* of exactly this length, for the sanitizer */
	struct slice text;

	assert(copy);
	memcpy(copy, size > 0 ? (const char *)data : "", size);
	text = slice_make(copy, size);
	one_path(text);
	one_query(text);
	round_trip(text);
	one_field(text);
	one_forwarded(text, FORWARDED_FOR);
	one_forwarded(text, FORWARDED_RFC7239);
	free(copy);
	return 0;
}
