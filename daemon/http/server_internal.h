/* The server as the files of this folder see it; not for other floors. */
#ifndef TALLYD_HTTP_SERVER_INTERNAL_H
#define TALLYD_HTTP_SERVER_INTERNAL_H

#include <netinet/in.h>

#include "http/conn.h"
#include "http/server.h"

#define LISTENERS_MAX 4

struct server {
	struct event_base *base;
	struct server_options options;
	struct server_stats own_stats; /* where the caller gave none */
	int64_t own_full_told_ms;      /* likewise */

	struct event listeners[LISTENERS_MAX];
	size_t n_listeners;
	bool accepting;
	bool draining;
	bool closed;               /* accepts no more, ever */
	struct event accept_again; /* after a pause for want of descriptors */

	unsigned open; /* connections and streams */
	unsigned in_flight;
	struct conn_list by_state[CONN_STATES];
	unsigned state_ms[CONN_STATES];
	struct event sweep;
	struct conn_stack dirty;
	struct conn_list resume; /* have buffered bytes to go on with in the next turn */
	struct event resume_soon;

	char date_line[48]; /* "Date: ...\r\n" */
	int64_t date_s;
	struct buf json; /* scratch for serialising */
	struct buf csp;  /* Content-Security-Policy of the pages, with its NUL */
	struct buf access_log;
	bool access_log_is_socket;
};

/* Finds the route of a parsed head and its parameters; conn->route stays NULL where there is none.
 */
void server_find_route(struct server *server, struct conn *conn);

/* Calls the handler of a whole request, or replies where there is none. */
void server_dispatch(struct server *server, struct conn *conn);

/* Counts a reply and writes its line to the access log. */
void server_log_reply(struct server *server, const struct conn *conn, int status, size_t bytes);
/* Counts a request whose word for whom it is from is not believed; the first one is told. */
void server_note_unbelieved(const struct conn *conn);
/* An address as text, in ret_text or a literal. */
const char *peer_text(const union peer_address *peer, char ret_text[INET6_ADDRSTRLEN]);
void server_open_log(struct server *server);
/* Writes the gathered lines out. */
void server_flush_log(struct server *server);

void server_resume_later(struct server *server, struct conn *conn);
void server_connection_opened(struct server *server);
void server_connection_closed(struct server *server);
void server_stream_closed(struct server *server);

/* The server's own replies, in reply.c. */
void reply_options(struct request *req);
void reply_method_not_allowed(struct request *req, unsigned allow);

#endif
