/* Wires a worker together, turns its loop, drains and takes it down. Each turn: events, then one
 * flush of ballot batches, Redis and clients. */
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "api/app.h"
#include "api/live.h"
#include "api/logins.h"
#include "api/progress.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/net.h"
#include "client/signer.h"
#include "crypto/digest.h"
#include "http/policy.h"
#include "http/server.h"
#include "http/sse.h"
#include "office/acts.h"
#include "office/lookout.h"
#include "store/desk.h"
#include "store/ledger.h"
#include "store/redis.h"
#include "store/redis_settings.h"
#include "worker/child.h"
#include "worker/clocks.h"
#include "worker/guard.h"
#include "config/secret.h"

#define SIGNER_DEADLINE_MS 2000
/* While more come than can be served, a turn of the loop takes what came meanwhile: a turn for each
 * costs several times what it takes to turn one away, and the signer is interrupted as often. */
#define PRESSED_PAUSE_US 2000
#define IDLE_DRAIN_MS    5000
/* Who began to connect when the sockets were shut is let in within a round trip. */
#define LAST_DRAIN_MS 100
/* So long a worker lets clients wait for Redis to be connected at the start; then it tells them. */
#define WAIT_FOR_REDIS_S 1

struct worker {
	const struct worker_options *options;
	struct app app;
	struct redis *redis;
	struct guard *guard;
	struct clocks *clocks;
	struct net *proxies;
	struct server *server, *admin;
	struct event *on_last, *on_succeeded, *on_tick;
	char password[SECRET_MAX];
	char connect[POLICY_CONNECT_MAX];
	struct route routes[API_ROUTES_MAX];
	bool reported; /* the supervisor has been told how the start went */
	bool listening;
	int64_t drain_from_ms, drain_until_ms; /* 0: serving */
	uint64_t deliveries_before;            /* of those whose counters it goes on with */
};

/* ---- readiness ---- */

static void report(struct worker *worker, const char *why)
{
	if (!worker->reported)
		child_report(worker->options->report_fd, why);
	worker->reported = true;
}

/* A start that no waiting will mend: tells the supervisor which contest, why, and what to do. */
static bool report_refused(struct worker *worker)
{
	const struct app *app = &worker->app;
	for (size_t i = 0; i < app->n_services; i++) {
		const struct service *service = &app->services[i];
		char text[CHILD_REPORT_MAX];
		if (!service->ledger || !ledger_is_refused(service->ledger))
			continue;
		snprintf(text, sizeof(text), "contest %s: %s. %s", service->round->contest->id,
		    ledger_why(service->ledger),
		    service->round->contest->rehearsal
			? "A rehearsal goes on only under the file and keys that it began with: "
			  "bring them back, or begin anew with another VAR (ops/runbook.md)"
			: "See ops/runbook.md");
		report(worker, text);
		return true;
	}
	return false;
}

static int begin_to_listen(struct worker *worker)
{
	const struct worker_options *options = worker->options;
	if (worker->listening)
		return 0;
	worker->listening = true;
	int r = server_listen(worker->server, options->listen_fd);
	return r == 0 && worker->admin ? server_listen(worker->admin, options->admin_fd) : r;
}

static void on_ready(void *arg, bool ready, const char *why)
{
	struct worker *worker = arg;
	const char *unready;
	bool starting = !worker->reported;
	if (ready && app_is_ready(&worker->app, &unready)) {
		log_info("ready");
		int r = begin_to_listen(worker);
		report(worker, r == 0 ? NULL : strerror(-r));
	} else if (!ready && !(starting && report_refused(worker)) &&
		   !(guard_says(why) && !worker->options->tells) &&
		   !(starting && strcmp(why, "redis is not connected: connecting") == 0)) {
		log_warn("not taking votes: %s", why);
	}
}

static void on_not_ready_yet(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct worker *worker = arg;
	int r = worker->drain_until_ms ? 0 : begin_to_listen(worker);
	if (r != 0)
		log_error("cannot listen: %s", strerror(-r));
}

static void on_redis(void *arg, bool connected, const char *why)
{
	struct worker *worker = arg;
	for (size_t i = 0; i < worker->app.n_services && !connected; i++)
		if (worker->app.services[i].ledger)
			ledger_on_redis(worker->app.services[i].ledger, false, why);
	guard_on_redis(worker->guard, worker->redis, connected);
	if (connected)
		clocks_look(worker->clocks);
}

static void on_verdict(void *arg, const char *why)
{
	struct worker *worker = arg;
	for (size_t i = 0; i < worker->app.n_services; i++) {
		struct ledger *ledger = worker->app.services[i].ledger;
		if (ledger && !why)
			ledger_on_redis(ledger, true, NULL);
		else if (ledger)
			ledger_hold(ledger, why);
	}
}

/* ---- wiring ---- */

static int start_service(struct worker *worker, size_t i)
{
	struct app *app = &worker->app;
	struct service *service = &app->services[i];
	struct round *round = worker->options->rounds[i];
	const struct contest *contest = round->contest;
	int rc = service_init(service, app, round, (uint32_t)i);
	if (rc != 0)
		return rc;
	if (!round->issues)
		log_debug("contest %s: voting rights are issued elsewhere", contest->id);
	else if (!service->admission)
		log_warn("contest %s: its admission method is not built in; nobody gets a token",
		    contest->id);
	else if (contest->admission == ADMISSION_OPEN && !contest->rehearsal &&
		 !contest->demonstration)
		log_warn(
		    "contest %s: open admission without demonstration: true; nobody gets a token",
		    contest->id);

	struct ledger_options ledger = office_ledger_options(round);
	ledger.in_flight_max = (unsigned)app->settings->redis.in_flight;
	ledger.may_replace = !worker->options->again; /* only who starts the daemon means it */
	ledger.known = worker->options->again;
	ledger.marks = worker->options->marks;
	ledger.on_ready = on_ready;
	ledger.arg = worker;
	service->ledger = ledger_new(app->base, worker->redis, &ledger);
	service->desk =
	    desk_new(app->base, worker->redis, &(struct desk_options){.round = round->name});
	if (!service->ledger || !service->desk)
		return -ENOMEM;
	service->office = (struct office){round, service->desk, service->ledger};
	service->lookout = lookout_new(&service->office);
	service->live = live_new(app->base, service);
	service->progress = progress_new(app->base, service);
	service->tend = acts_tend_new(app->base, &service->office);
	return service->lookout && service->live && service->progress && service->tend ? 0
										       : -ENOMEM;
}

static struct server *start_server(
    struct worker *worker, const struct route *routes, struct assets *assets)
{
	const struct settings *settings = worker->app.settings;
	struct server_options options = {
	    .routes = routes,
	    .app = &worker->app,
	    .admit = routes == admin_routes ? NULL : gate_admit,
	    .assets = assets,
	    .page_origins = (const char *const *)settings->origins,
	    .connect = worker->connect,
	    .limits =
		{
		    .connections = (unsigned)settings->limits.connections,
		    .in_flight = (unsigned)settings->limits.in_flight,
		    .head_bytes = (size_t)settings->limits.head_bytes,
		    .body_bytes = (size_t)settings->limits.body_bytes,
		    .output_bytes = (size_t)settings->limits.output_bytes,
		    .head_ms = (unsigned)settings->limits.head_ms,
		    .body_ms = (unsigned)settings->limits.body_ms,
		    .idle_ms = (unsigned)settings->limits.idle_ms,
		    .write_ms = (unsigned)settings->limits.write_ms,
		},
	    .forwarded =
		{
		    .proxies = worker->proxies,
		    .n_proxies = settings->n_trusted_proxies,
		    .field = (enum forwarded_field)settings->proxy_field,
		},
	    .unbelieved_told = &worker->options->stats[0].unbelieved_told,
	    .access_log_fd = worker->options->access_log_fd,
	    .stats = &worker->app.stats->http,
	    .full_told_ms = worker->options->full_told_ms,
	};
	return server_new(worker->app.base, &options);
}

/* While draining: done when nothing is under way any more, or when the time is up. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct worker *worker = arg;
	int64_t now_ms = clock_steady_ms();
	bool idle = server_is_idle(worker->server) && now_ms >= worker->drain_from_ms;
	if (idle || now_ms >= worker->drain_until_ms)
		event_base_loopbreak(worker->app.base);
}

static void drain(struct worker *worker, enum server_drain how)
{
	int64_t now_ms = clock_steady_ms(), least_ms = how == DRAIN_TO_THE_LAST ? LAST_DRAIN_MS : 0;
	if (worker->drain_until_ms)
		return;
	worker->drain_from_ms = now_ms + least_ms;
	worker->drain_until_ms = now_ms + worker->app.settings->limits.drain_ms;
	log_debug("draining");
	server_drain(worker->server, how, IDLE_DRAIN_MS);
	if (worker->admin)
		server_drain(worker->admin, how, IDLE_DRAIN_MS);
	for (size_t i = 0; i < worker->app.n_services; i++) {
		live_end_streams(worker->app.services[i].live);
		progress_end_streams(worker->app.services[i].progress);
	}
	static const struct timeval often = {0, 20000};
	event_add(worker->on_tick, &often);
}

static void on_last(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drain(arg, DRAIN_TO_THE_LAST);
}

static void on_succeeded(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drain(arg, DRAIN_FOR_SUCCESSOR);
}

static struct guard *make_guard(struct worker *worker)
{
	const struct worker_options *options = worker->options;
	const struct settings *settings = options->settings;
	struct guard_options guard = {
	    .lenient = settings->rehearsal || settings->redis.unsafe,
	    .tells = options->tells,
	    .on_verdict = on_verdict,
	    .arg = worker,
	};
	for (size_t i = 0; i < options->n_rounds; i++)
		guard.voters += options->rounds[i]->contest->expected_voters;
	return guard_new(worker->app.base, &guard);
}

static int start(struct worker *worker)
{
	const struct worker_options *options = worker->options;
	struct app *app = &worker->app;
	const struct settings *settings = options->settings;
	app->settings = settings;
	app->rates = options->rates;
	app->turns.pace = settings->limits.under_way;
	app->stats = options->own_stats;
	worker->deliveries_before = app->stats->deliveries;
	app->all = options->stats;
	app->n_workers = options->n_workers;

	struct event_config *config = event_config_new();
	if (config) {
		event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		app->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	app->services = calloc(options->n_rounds, sizeof(*app->services));
	app->host_key = hmac_key_new(options->host_secret);
	if (!app->base || !app->services || !app->host_key)
		return -ENOMEM;
	app->signer = signer_new(app->base, options->signer_fd,
	    (unsigned)settings->limits.signer_queue, SIGNER_DEADLINE_MS);
	if (!app->signer || logins_new(app->base, settings, &app->logins) != 0 ||
	    secret_read("redis.password_file", settings->redis.password_file, worker->password) !=
		0)
		return -EIO;

	worker->guard = make_guard(worker);
	worker->clocks = clocks_new(app, options->tells);
	if (!worker->guard || !worker->clocks)
		return -ENOMEM;
	struct redis_options redis = redis_options_from(settings, worker->password);
	redis.judged = true;
	redis.on_state = on_redis;
	redis.arg = worker;
	worker->redis = redis_new(app->base, &redis);
	if (!worker->redis)
		return -errno;
	app->redis = worker->redis;
	const struct seal_stats *seals = options->seals;
	for (size_t i = 0; i < options->n_rounds; i++) {
		app->n_services = i + 1;
		int rc = start_service(worker, i);
		if (rc != 0)
			return rc;
		app->services[i].seals = seals;
		if (seals)
			seals += options->rounds[i]->contest->shards;
	}
	worker->proxies = calloc(settings->n_trusted_proxies + 1, sizeof(*worker->proxies));
	if (!worker->proxies)
		return -ENOMEM;
	for (size_t i = 0; i < settings->n_trusted_proxies; i++)
		if (!net_read(settings->trusted_proxies[i], &worker->proxies[i]))
			return -EINVAL; /* the settings have been checked */
	policy_connect(settings->api_origin, settings->issuer_origin, worker->connect);
	api_routes_for(settings->serves, worker->routes);
	worker->server = start_server(worker, worker->routes, options->assets);
	if (!worker->server)
		return -errno;
	if (options->admin_fd >= 0 && !(worker->admin = start_server(worker, admin_routes, NULL)))
		return -errno;
	worker->on_last = evsignal_new(app->base, WORKER_LAST, on_last, worker);
	worker->on_succeeded = evsignal_new(app->base, WORKER_SUCCEEDED, on_succeeded, worker);
	worker->on_tick = event_new(app->base, -1, EV_PERSIST, on_tick, worker);
	if (!worker->on_last || !worker->on_succeeded || !worker->on_tick ||
	    event_add(worker->on_last, NULL) != 0 || event_add(worker->on_succeeded, NULL) != 0)
		return -ENOMEM;
	if (options->successor)
		return 0;
	static const struct timeval later = {WAIT_FOR_REDIS_S, 0};
	return event_base_once(app->base, -1, EV_TIMEOUT, on_not_ready_yet, worker, &later) == 0
		   ? 0
		   : -ENOMEM;
}

/* Redis goes first: what waits for it is answered while clients can still be written to. */
static void stop(struct worker *worker)
{
	struct app *app = &worker->app;
	redis_free(worker->redis);
	guard_free(worker->guard);
	clocks_free(worker->clocks);
	for (size_t i = 0; i < app->n_services; i++) {
		ledger_free(app->services[i].ledger);
		desk_free(app->services[i].desk);
		acts_tend_free(app->services[i].tend);
	}
	logins_free(app->logins);
	signer_free(app->signer);
	hmac_key_free(app->host_key);
	if (worker->server)
		server_flush(worker->server);
	for (size_t i = 0; i < app->n_services; i++) {
		progress_free(app->services[i].progress);
		live_free(app->services[i].live);
		lookout_free(app->services[i].lookout);
	}
	server_free(worker->server);
	server_free(worker->admin);
	for (size_t i = 0; i < app->n_services; i++)
		service_release(&app->services[i]);
	free(app->services);
	free(worker->proxies);
	if (worker->on_last)
		event_free(worker->on_last);
	if (worker->on_succeeded)
		event_free(worker->on_succeeded);
	if (worker->on_tick)
		event_free(worker->on_tick);
	if (app->base)
		event_base_free(app->base);
	explicit_bzero(worker->password, sizeof(worker->password));
}

/* ---- the loop ---- */

static void flush(struct worker *worker)
{
	struct app *app = &worker->app;
	uint64_t deliveries = 0, subscribers = 0;
	for (size_t i = 0; i < app->n_services; i++) {
		ledger_flush(app->services[i].ledger);
		deliveries += sse_deliveries(live_hub(app->services[i].live));
		subscribers += sse_subscribers(live_hub(app->services[i].live));
	}
	app->stats->deliveries = worker->deliveries_before + deliveries;
	app->stats->subscribers = subscribers;
	app->stats->beat_steady_ms = clock_steady_ms();
	server_flush(worker->server);
	if (worker->admin)
		server_flush(worker->admin);
}

int worker_process(const struct worker_options *options)
{
	struct worker worker = {.options = options};
	int rc = start(&worker);
	if (rc != 0) {
		log_error("the worker cannot start: %s", strerror(-rc));
		stop(&worker);
		return EX_OSERR;
	}
	while (!event_base_got_break(worker.app.base)) {
		if (turns_are_pressed(&worker.app.turns, clock_wall_ms()))
			(void)usleep(PRESSED_PAUSE_US);
		event_base_loop(worker.app.base, EVLOOP_ONCE);
		flush(&worker);
	}
	stop(&worker);
	return EX_OK;
}
