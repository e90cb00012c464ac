/* The listener side of the server: accepting and its limits, the sweep over deadlines, the flush at
 * the end of a turn, drain. Bytes and requests are conn.c's business, replies reply.c's. */
#include "http/policy.h"
#include "http/server_internal.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/assets.h"

#define ACCEPTS_A_TURN       64
#define LINGER_MS            1000
#define DESCRIPTOR_PAUSE_MS  100
#define FULL_TOLD_MS         1000
#define SWEEP_MS_MAX         250
#define SWEEP_MS_MIN         5
#define ACCESS_LOG_BYTES_MAX (256 * 1024)

static void add_timer(struct event *timer, unsigned ms)
{
	struct timeval after = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};
	event_add(timer, &after);
}

/* ---- accepting ---- */

static void stop_accepting(struct server *server)
{
	if (!server->accepting)
		return;
	server->accepting = false;
	for (size_t i = 0; i < server->n_listeners; i++)
		event_del(&server->listeners[i]);
}

static void start_accepting(struct server *server)
{
	if (server->accepting || server->closed)
		return;
	server->accepting = true;
	for (size_t i = 0; i < server->n_listeners; i++)
		event_add(&server->listeners[i], NULL);
}

static void tell_full(struct server *server, const char *why)
{
	int64_t now_ms = clock_steady_ms(), *told_ms = server->options.full_told_ms;

	if (*told_ms != 0 && now_ms - *told_ms < FULL_TOLD_MS)
		return;
	*told_ms = now_ms;
	log_warn("cannot accept connections for the moment: %s", why);
}

static bool is_full(const struct server *server)
{
	return server->open >= server->options.limits.connections;
}

/* Room for one who waits: an idle connection makes way, else the backlog waits, and whoever gets a
 * reply meanwhile is asked to close. */
static bool make_room(struct server *server)
{
	if (!is_full(server))
		return true;
	struct conn *oldest = TAILQ_FIRST(&server->by_state[CONN_IDLE]);
	if (oldest && oldest->dirty)
		return false; /* in the next turn: its reply has not been sent yet */
	if (oldest) {
		conn_close(oldest, false);
		conn_reap(oldest);
		return true;
	}
	server->options.stats->refused++;
	stop_accepting(server);
	tell_full(server, "as many are open as limits.connections allows");
	return false;
}

static void pause_for_descriptors(struct server *server, int error)
{
	server->options.stats->refused++;
	stop_accepting(server);
	add_timer(&server->accept_again, DESCRIPTOR_PAUSE_MS);
	tell_full(server, strerror(error));
}

static void on_connection(evutil_socket_t listen_fd, short what, void *arg)
{
	struct server *server = arg;
	(void)what;

	for (int i = 0; i < ACCEPTS_A_TURN && server->accepting; i++) {
		/* Only of the first it is known that somebody waits. */
		if (i > 0 ? is_full(server) : !make_room(server))
			return;
		union peer_address peer = {.in6 = {0}};
		socklen_t peer_len = sizeof(peer);
		int fd = accept4(listen_fd, &peer.any, &peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				pause_for_descriptors(server, errno);
			if (errno != ECONNABORTED && errno != EINTR)
				return;
			continue;
		}
		if (conn_open(server, fd, &peer) < 0)
			pause_for_descriptors(server, ENOMEM);
	}
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start_accepting(arg);
}

/* ---- deadlines ---- */

static unsigned sweep_ms(const struct server *server)
{
	unsigned shortest = SWEEP_MS_MAX * 8;

	for (size_t i = 0; i < CONN_STATES; i++)
		if (server->state_ms[i] > 0 && server->state_ms[i] < shortest)
			shortest = server->state_ms[i];
	unsigned ms = shortest / 8;
	return ms < SWEEP_MS_MIN ? SWEEP_MS_MIN : ms;
}

static void sweep_state(struct server *server, enum conn_state state, int64_t now_ms)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&server->by_state[state])) && conn->deadline_ms <= now_ms) {
		conn_expire(conn);
		conn_reap(conn);
	}
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	static const enum conn_state timed[] = {
	    CONN_HEAD, CONN_BODY, CONN_WRITE, CONN_IDLE, CONN_LINGER};
	struct server *server = arg;
	int64_t now_ms;
	(void)fd;
	(void)what;

	server_flush(server); /* what has been answered in time is not late */
	now_ms = clock_steady_ms();
	for (size_t i = 0; i < sizeof(timed) / sizeof(timed[0]); i++)
		sweep_state(server, timed[i], now_ms);
	if (server->open > 0)
		add_timer(&server->sweep, sweep_ms(server));
}

/* ---- what connections ask of the server ---- */

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	struct conn_list now = TAILQ_HEAD_INITIALIZER(now);
	struct conn *conn;
	(void)fd;
	(void)what;

	TAILQ_CONCAT(
	    &now, &server->resume, in_resume); /* what comes meanwhile is the next turn's */
	while ((conn = TAILQ_FIRST(&now))) {
		TAILQ_REMOVE(&now, conn, in_resume);
		conn->resuming = false;
		conn_advance(conn);
		conn_reap(conn);
	}
}

void server_resume_later(struct server *server, struct conn *conn)
{
	if (conn->resuming)
		return;
	if (TAILQ_EMPTY(&server->resume))
		add_timer(&server->resume_soon, 0);
	conn->resuming = true;
	TAILQ_INSERT_TAIL(&server->resume, conn, in_resume);
}

void server_connection_opened(struct server *server)
{
	server->options.stats->accepted++;
	if (server->open++ == 0)
		add_timer(&server->sweep, sweep_ms(server));
}

void server_connection_closed(struct server *server)
{
	assert(server->open > 0);
	server->open--;
	server->options.stats->closed++;
	if (!event_pending(&server->accept_again, EV_TIMEOUT, NULL))
		start_accepting(server);
}

void server_stream_closed(struct server *server)
{
	server_connection_closed(server);
}

void server_find_route(struct server *server, struct conn *conn)
{
	struct request *req = &conn->req;

	conn->route =
	    router_match(server->options.routes, req->method, req->path, req->params, &conn->allow);
	if (conn->route) {
		req->route_arg = conn->route->arg;
		return;
	}
	if (conn->allow == 0)
		return;
	const struct route *row = NULL;
	while ((row = router_next(server->options.routes, row, req->path)))
		conn->path_flags |= row->flags;
}

static void reply_unknown(struct server *server, struct conn *conn)
{
	static const struct problem not_found = {
	    .status = 404,
	    .type = "not-found",
	    .title = "Not found",
	    .detail = "There is nothing at this path.",
	};
	struct request *req = &conn->req;

	if (server->options.assets && assets_serve(server->options.assets, req))
		return;
	if (server->options.assets && conn->head.accepts_html &&
	    assets_serve_not_found(server->options.assets, req))
		return;
	reply_problem(req, &not_found);
}

void server_dispatch(struct server *server, struct conn *conn)
{
	static const struct problem busy = {
	    .status = 503,
	    .type = "busy",
	    .title = "Busy",
	    .detail = "Too many requests are in hand at the moment. Nothing was done.",
	    .retry_after_s = 1,
	};
	struct request *req = &conn->req;

	if (req->method == METHOD_OPTIONS && conn->allow != 0) {
		reply_options(req);
	} else if (!conn->route && conn->allow != 0) {
		reply_method_not_allowed(req, conn->allow);
	} else if (!conn->route) {
		reply_unknown(server, conn);
	} else if (server->in_flight > server->options.limits.in_flight) {
		server->options.stats->refused++;
		reply_problem(req, &busy);
	} else if (!server->options.admit || server->options.admit(server->options.app, req,
						 conn->route->flags >> ROUTE_GATE_SHIFT)) {
		conn->route->handle(server->options.app, req);
	}
}

/* ---- public ---- */

static int build_csp(struct server *server)
{
	buf_init(&server->csp, 8192);
	int rc = policy_print(server->options.connect, &server->csp);
	return rc == 0 ? buf_append(&server->csp, "", 1) : rc;
}

struct server *server_new(struct event_base *base, const struct server_options *options)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server)
		return NULL;
	const struct server_limits *limits = &options->limits;
	server->base = base;
	server->options = *options;
	if (!server->options.stats)
		server->options.stats = &server->own_stats;
	if (!server->options.full_told_ms)
		server->options.full_told_ms = &server->own_full_told_ms;
	server->accepting = true;
	for (size_t i = 0; i < CONN_STATES; i++)
		TAILQ_INIT(&server->by_state[i]);
	server->state_ms[CONN_HEAD] = limits->head_ms;
	server->state_ms[CONN_BODY] = limits->body_ms;
	server->state_ms[CONN_WRITE] = limits->write_ms;
	server->state_ms[CONN_IDLE] = limits->idle_ms;
	server->state_ms[CONN_LINGER] = LINGER_MS;
	SLIST_INIT(&server->dirty);
	TAILQ_INIT(&server->resume);
	evtimer_assign(&server->sweep, base, on_sweep, server);
	evtimer_assign(&server->accept_again, base, on_accept_again, server);
	evtimer_assign(&server->resume_soon, base, on_resume, server);
	buf_init(&server->json, limits->output_bytes);
	buf_init(&server->access_log, ACCESS_LOG_BYTES_MAX);
	server_open_log(server);
	if (build_csp(server) < 0) {
		server_free(server);
		errno = ENOMEM;
		return NULL;
	}
	return server;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	server_flush_log(server);
	server->closed = true; /* closing connections must not start the listeners again */
	stop_accepting(server);
	event_del(&server->sweep);
	event_del(&server->accept_again);
	event_del(&server->resume_soon);
	for (size_t i = 0; i < CONN_STATES; i++) {
		struct conn *conn;
		while ((conn = TAILQ_FIRST(&server->by_state[i]))) {
			conn_close(conn, false);
			conn->held = conn->dirty = conn->resuming = false;
			conn_reap(conn);
		}
	}
	buf_release(&server->json);
	buf_release(&server->csp);
	buf_release(&server->access_log);
	free(server);
}

int server_listen(struct server *server, int listen_fd)
{
	int on = 1;

	if (server->n_listeners == LISTENERS_MAX)
		return -ENOSPC;
	/* Inherited by what is accepted; a unix socket has no such option. */
	(void)setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	struct event *listener = &server->listeners[server->n_listeners];
	event_assign(
	    listener, server->base, listen_fd, EV_READ | EV_PERSIST, on_connection, server);
	if (event_add(listener, NULL) < 0)
		return -ENOMEM;
	server->n_listeners++;
	return 0;
}

void server_flush(struct server *server)
{
	struct conn *conn;

	while ((conn = SLIST_FIRST(&server->dirty))) {
		SLIST_REMOVE_HEAD(&server->dirty, in_dirty);
		conn->dirty = false;
		conn_write(conn);
		conn_reap(conn);
	}
	server_flush_log(server);
}

/* Who has connected and not said anything yet (browsers do so beforehand) is as idle as others. */
static void rest_the_silent(struct server *server)
{
	struct conn *conn = TAILQ_FIRST(&server->by_state[CONN_HEAD]);

	while (conn) {
		struct conn *next = TAILQ_NEXT(conn, in_state);
		if (conn->in.len == 0)
			conn_set_state(conn, CONN_IDLE);
		conn = next;
	}
}

void server_drain(struct server *server, enum server_drain how, unsigned idle_ms)
{
	struct conn *conn;

	if (how == DRAIN_FOR_SUCCESSOR) {
		server->closed = true;
		stop_accepting(server);
		event_del(&server->accept_again);
	}
	server->draining = true;
	server->state_ms[CONN_IDLE] = idle_ms;
	int64_t deadline_ms = clock_steady_ms() + idle_ms;
	TAILQ_FOREACH(conn, &server->by_state[CONN_IDLE], in_state)
	if (conn->deadline_ms > deadline_ms)
		conn->deadline_ms = deadline_ms;
	rest_the_silent(server);
	if (server->open > 0)
		add_timer(&server->sweep, sweep_ms(server));
}

bool server_is_idle(const struct server *server)
{
	return server->open == 0;
}
