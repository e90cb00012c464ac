/* Every address becomes the 16 bytes of IPv6, so that one comparison serves both families. */
#include "base/net.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BYTES       16
#define MAPPED_BITS 96 /* before an IPv4 address in its IPv6 form */

static const uint8_t mapped[MAPPED_BITS / 8] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool net_address(struct slice text, union peer_address *ret_address)
{
	char copy[INET6_ADDRSTRLEN];
	union peer_address address = {.in6 = {0}};

	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, &address.in.sin_addr) == 1)
		address.in.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, copy, &address.in6.sin6_addr) == 1)
		address.in6.sin6_family = AF_INET6;
	else
		return false;
	*ret_address = address;
	return true;
}

static bool bytes_of(const struct sockaddr *address, uint8_t ret_bytes[BYTES])
{
	if (address && address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof(in));
		memcpy(ret_bytes, mapped, sizeof(mapped));
		memcpy(ret_bytes + sizeof(mapped), &in.sin_addr, sizeof(in.sin_addr));
		return true;
	}
	if (address && address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, address, sizeof(in6));
		memcpy(ret_bytes, &in6.sin6_addr, BYTES);
		return true;
	}
	return false;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/* The number behind the slash: no sign, no leading zero. */
static bool read_bits(const char *text, unsigned most, unsigned *ret_bits)
{
	unsigned bits = 0;

	if (*text < '1' || *text > '9')
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || bits > most)
			return false;
		bits = bits * 10 + (unsigned)(*text - '0');
	}
	*ret_bits = bits;
	return bits <= most;
}

bool net_read(const char *text, struct net *ret_net)
{
	static const uint8_t nothing[BYTES];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	union peer_address address;
	struct net net;

	if (!net_address(slice_make(text, len), &address) || !bytes_of(&address.any, net.prefix))
		return false;
	unsigned before = address.any.sa_family == AF_INET ? MAPPED_BITS : 0;
	net.bits = 8 * BYTES - before;
	if (slash && !read_bits(slash + 1, net.bits, &net.bits))
		return false;
	net.bits += before;
	uint8_t behind[BYTES];
	memcpy(behind, net.prefix, BYTES);
	for (unsigned bit = 0; bit < net.bits; bit++)
		behind[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	if (memcmp(behind, nothing, BYTES) != 0)
		return false;
	*ret_net = net;
	return true;
}

bool net_holds(const struct net *net, const struct sockaddr *address)
{
	uint8_t bytes[BYTES];

	return bytes_of(address, bytes) && same_bits(net->prefix, bytes, net->bits);
}
