/* What tallyctl check says of names in Redis' address. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ctl/check.h"
#include "store/redis_link.h"

static struct addrinfo *resolve(const char *host, int family, int flags)
{
	const struct addrinfo hints = {
	    .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
	struct addrinfo *found;

	return getaddrinfo(host, NULL, &hints, &found) == 0 ? found : NULL;
}

/* hiredis resolves in the event loop, IPv4 first. */
static void find_name(struct check *check, const char *host, int port)
{
	static const char may[] =
	    "a worker resolves the name each time it connects, and serves nobody until the "
	    "resolver answers: where that one is away, tens of seconds";
	struct check_finding *finding;
	struct addrinfo *found = resolve(host, AF_INET, 0);
	char number[NI_MAXHOST];

	finding = check_find(check, DURABILITY_ADVICE, "redis", "address", host, may);
	if (!found)
		found = resolve(host, AF_INET6, 0);
	if (found && getnameinfo(found->ai_addr, found->ai_addrlen, number, sizeof(number), NULL, 0,
			 NI_NUMERICHOST) == 0)
		(void)snprintf(finding->remedy, sizeof(finding->remedy),
		    strchr(number, ':') ? "tcp:[%.100s]:%d" : "tcp:%.100s:%d", number, port);
	if (found)
		freeaddrinfo(found);
}

static void check_address(struct check *check, const char *address)
{
	struct addrinfo *number;
	char *host;
	int port;

	if (redis_address_parse(address, &host, &port) < 0)
		return;
	number = port > 0 ? resolve(host, AF_UNSPEC, AI_NUMERICHOST) : NULL;
	if (number)
		freeaddrinfo(number);
	else if (port > 0)
		find_name(check, host, port);
	free(host);
}

void check_names(struct check *check)
{
	const struct settings *settings = &check->ctl->settings;

	for (size_t i = 0; i < settings->redis.n_cluster; i++)
		check_address(check, settings->redis.cluster[i]);
	if (settings->redis.n_cluster == 0)
		check_address(check, settings->redis.address);
}
