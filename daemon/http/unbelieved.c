/* Tells the organiser that a proxy's word is not believed. Nobody sees it otherwise: all who come
 * through that proxy are served as one address, until its allowance is used up.
 *
 * Of a peer with a public address the log says nothing: that may be a voter whose browser or
 * network writes such a field. */
#include "base/log.h"
#include "base/net.h"
#include "http/conn.h"
#include "http/server_internal.h"

/* Where one's own proxy is, and no voter. */
static const char *const local_nets[] = {
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1",
    "fc00::/7",
    "fe80::/10",
};

static bool is_local(const union peer_address *peer)
{
	struct net net;

	for (size_t i = 0; i < sizeof(local_nets) / sizeof(local_nets[0]); i++)
		if (net_read(local_nets[i], &net) && net_holds(&net, &peer->any))
			return true;
	return false;
}

static void tell(const struct conn *conn, bool is_proxy)
{
	static const char *const fields[] = {
	    [FORWARDED_FOR] = "X-Forwarded-For",
	    [FORWARDED_RFC7239] = "Forwarded",
	};
	const struct server_options *options = &conn->server->options;
	char peer[INET6_ADDRSTRLEN];
	const char *who = is_local(&conn->peer) ? peer_text(&conn->peer, peer) : "a public address";

	if (is_proxy)
		log_warn(
		    "the trusted proxy %s writes no %s, which proxy_header names, but the other "
		    "field: all who come through it share one address and its limits",
		    who, fields[options->forwarded.field]);
	else
		log_warn(
		    "a request from %s names whom it is from, and is not believed: if that is a "
		    "proxy of yours, add it to trusted_proxies, or all who come through it share "
		    "one address and its limits",
		    who);
}

void server_note_unbelieved(const struct conn *conn)
{
	const struct server_options *options = &conn->server->options;
	const struct forwarded_policy *policy = &options->forwarded;
	const struct head *head = &conn->head;
	bool plain = head->x_forwarded_for.n > 0, rfc7239 = head->forwarded.n > 0;
	bool is_proxy = forwarded_trusts(policy, &conn->peer);

	if ((!plain && !rfc7239) ||
	    (is_proxy && (policy->field == FORWARDED_FOR ? plain : rfc7239)))
		return;
	options->stats->unbelieved++;
	if (!options->unbelieved_told || *options->unbelieved_told)
		return;
	*options->unbelieved_told = true;
	tell(conn, is_proxy);
}
