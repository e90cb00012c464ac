/* The access log: one line a reply, gathered in memory and written once a turn. It holds no query,
 * and of routes that carry ballots, tokens or receipts no address and the minute only. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/server_internal.h"

#define FLUSH_ABOVE     (64 * 1024)
#define PATH_MAX_LOGGED 120
#define MINUTE_MS       60000

const char *peer_text(const union peer_address *peer, char ret_text[INET6_ADDRSTRLEN])
{
	const void *address = peer->any.sa_family == AF_INET ? (const void *)&peer->in.sin_addr
							     : (const void *)&peer->in6.sin6_addr;

	if (peer->any.sa_family != AF_INET && peer->any.sa_family != AF_INET6)
		return "unix";
	return inet_ntop(peer->any.sa_family, address, ret_text, INET6_ADDRSTRLEN) ? ret_text : "-";
}

void server_log_reply(struct server *server, const struct conn *conn, int status, size_t bytes)
{
	const struct request *req = &conn->req;
	char time_text[CLOCK_TEXT_SIZE], peer[INET6_ADDRSTRLEN];

	if (status >= 100 && status < 600)
		server->options.stats->replies[status / 100]++;
	if (server->options.access_log_fd < 0)
		return;

	unsigned flags = conn->route ? conn->route->flags : conn->path_flags;
	bool is_private = (flags & ROUTE_PRIVATE) != 0;
	int64_t now_ms = clock_wall_ms();
	if (is_private)
		now_ms -= now_ms % MINUTE_MS;
	struct slice path = req->path.len > 0 ? req->path : slice_text("-");
	bool cut =
	    path.len > PATH_MAX_LOGGED; /* a log is no place for 8 KiB of a stranger's text */
	int r = buf_printf(&server->access_log, "%s %s %.*s%s %d %zu %lld %s\n",
	    clock_format(now_ms, !is_private, time_text), method_name(req->method),
	    (int)(cut ? PATH_MAX_LOGGED : path.len), path.ptr, cut ? "..." : "", status, bytes,
	    (long long)(clock_steady_us() - conn->request_us),
	    is_private ? "-" : peer_text(&conn->client, peer));
	if (r < 0 || server->access_log.len > FLUSH_ABOVE)
		server_flush_log(server);
}

void server_open_log(struct server *server)
{
	struct stat status;
	int fd = server->options.access_log_fd;
	server->access_log_is_socket =
	    fd >= 0 && fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* A socket that others share, such as the journal's, cannot be made non-blocking for us alone. */
static ssize_t write_log(const struct server *server, const char *bytes, size_t len)
{
	int fd = server->options.access_log_fd;
	return server->access_log_is_socket ? send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL)
					    : write(fd, bytes, len);
}

/* Lines that the descriptor does not take at once are lost: a full disk must not stop the voting.
 */
void server_flush_log(struct server *server)
{
	const char *at = server->access_log.data;
	size_t left = server->access_log.len;

	while (left > 0) {
		ssize_t n = write_log(server, at, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += n;
		left -= (size_t)n;
	}
	buf_clear(&server->access_log);
}
