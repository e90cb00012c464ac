/* Whose request it is that a proxy hands on: X-Forwarded-For, or Forwarded (RFC 7239). Anybody can
 * write such a field, so it is believed from the right, and only as far as those who wrote it are
 * trusted: each proxy adds, at the right, the address that it was asked from. */
#ifndef TALLYD_HTTP_FORWARDED_H
#define TALLYD_HTTP_FORWARDED_H

#include <stddef.h>

#include "base/net.h"
#include "base/slice.h"

enum forwarded_field {
	FORWARDED_FOR,     /* X-Forwarded-For: 192.0.2.43, 2001:db8:cafe::17 */
	FORWARDED_RFC7239, /* Forwarded: for=192.0.2.43, for="[2001:db8:cafe::17]:4711" */
};

/* The one field that the proxies write; the other is the asker's own word, for they may pass it
 * on. */
struct forwarded_policy {
	const struct net *proxies;
	size_t n_proxies; /* 0: nobody is believed */
	enum forwarded_field field;
};

#define FORWARDED_LINES_MAX 8

/* The lines of the field as they stand in a head; of more the last ones are kept. */
struct forwarded {
	struct slice lines[FORWARDED_LINES_MAX];
	size_t n;
};
void forwarded_add(struct forwarded *forwarded, struct slice line);

bool forwarded_trusts(const struct forwarded_policy *policy, const union peer_address *address);

/* The rightmost address that is no trusted proxy's; `peer`, where that is none itself. Where
 * something is in between that is no address ("unknown", an alias, bad syntax), the last one that
 * could be read before it: a trusted proxy's, whose allowance all such requests share. */
void forwarded_client(const struct forwarded_policy *policy, const struct forwarded *forwarded,
    const union peer_address *peer, union peer_address *ret_client);

#endif
