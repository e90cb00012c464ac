/* Network addresses and prefixes as texts and as socket addresses. IPv4 addresses that come mapped
 * into IPv6 (RFC 4291, section 2.5.5.2) are the IPv4 addresses that they are. */
#ifndef TALLYD_BASE_NET_H
#define TALLYD_BASE_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

union peer_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* "192.0.2.43", "2001:db8::17": an address alone, without port, brackets or zone. False: it is
 * none. */
bool net_address(struct slice text, union peer_address *ret_address);

struct net {
	uint8_t prefix[16]; /* IPv4 mapped into IPv6; no bit after `bits` is set */
	unsigned bits;      /* 1 to 128; of IPv4: 96 more than its text says */
};

/* "10.0.0.0/8", "fd00::/8", or one address. False: it is none, has bits set behind the prefix
 * (10.1.2.3/8), or is everybody (/0). */
bool net_read(const char *text, struct net *ret_net);

/* False for what is no internet address, such as a unix socket's. */
bool net_holds(const struct net *net, const struct sockaddr *address);

#endif
