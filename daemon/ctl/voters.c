/* tallyctl voters: synthetic citizens at a steady rate against a running server, to watch the
 * results move. Rehearsals and demonstrations only, and this machine only. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/http.h>

#include "base/clock.h"
#include "config/round.h"
#include "ctl/citizen.h"
#include "ctl/ctl.h"

static const char usage[] =
    "Usage: tallyctl -c FILE voters [OPTION]…\n"
    "\n"
    "Has synthetic citizens vote on the running server of FILE: each fetches the contest and its\n"
    "challenge, has a blinded token signed, casts a random ballot, and checks its receipt. Takes\n"
    "rehearsals and demonstrations only, and a server on this machine only.\n"
    "\n"
    "      --count N       how many vote (2000)\n"
    "      --rate N        how many a second (50)\n"
    "      --url URL       the server (the configured address), such as http://127.0.0.1:8080\n"
    "      --contest ID    the contest (the first of FILE)\n"
    "      --seed N        makes the same ballots again\n"
    "\n"
    "Who gets no answer, or 503, or 429, asks again a few times. \"failed\": gave up then, or was\n"
    "refused; whether a vote that failed without an answer is in the count, only Redis knows.\n"
    "\"without an answer\": was under way when an interrupt ended the run, and nobody waited.\n"
    "\n"
    "Ends with 0 when every vote was counted, 1 when one was not, such as after a failover that "
    "took\n"
    "longer than its voters asked: synthetic ones give up where a page goes on asking.\n";

#define SEATS_MAX   64
#define REQUEST_S   10
#define TICK_MS     20
#define LAST_WAIT_S 10 /* for those on their way, after an interrupt */

struct seat { /* a connection, on which one citizen after another votes */
	struct run *run;
	struct evhttp_connection *connection;
	struct citizen citizen;
	bool taken;
};

struct run {
	struct event_base *base;
	struct crowd crowd;
	char host[64];
	uint16_t port;
	char authority[96];
	long count, rate;
	long started, counted, failed;
	int64_t began_ms, shown_ms;
	bool stopping;
	bool tty;
	char last_why[256];
	struct seat seats[SEATS_MAX];
};

/* ---- progress ---- */

static void show_progress(struct run *run, bool last)
{
	int64_t now = clock_steady_ms();
	double elapsed = (double)(now - run->began_ms) / 1000;

	if (!last && now - run->shown_ms < (run->tty ? 200 : 1000))
		return;
	run->shown_ms = now;
	(void)fprintf(stderr, "%s%ld of %ld counted, %ld failed, %.1f s, %.1f a second%s",
	    run->tty ? "\r" : "", run->counted, run->count, run->failed, elapsed,
	    elapsed > 0 ? (double)run->counted / elapsed : 0.0,
	    run->tty && !last ? "\033[K" : "\n");
	(void)fflush(stderr);
}

/* ---- the run ---- */

static long on_their_way(const struct run *run)
{
	return run->started - run->counted - run->failed;
}

static void end_when_done(struct run *run)
{
	if (on_their_way(run) == 0 && (run->stopping || run->started == run->count))
		(void)event_base_loopbreak(run->base);
}

static void on_voted(void *arg, const char *why)
{
	struct seat *seat = arg;
	struct run *run = seat->run;

	seat->taken = false;
	if (why == NULL)
		run->counted++;
	else {
		run->failed++;
		(void)snprintf(run->last_why, sizeof(run->last_why), "%s", why);
	}
	end_when_done(run);
}

static int seat_citizen(struct seat *seat)
{
	struct run *run = seat->run;

	if (seat->connection == NULL) {
		seat->connection =
		    evhttp_connection_base_new(run->base, NULL, run->host, run->port);
		if (seat->connection == NULL)
			return -ENOMEM;
		evhttp_connection_set_timeout(seat->connection, REQUEST_S);
	}
	if (citizen_start(&seat->citizen, &run->crowd, seat->connection, on_voted, seat) < 0)
		return -ENOMEM;
	seat->taken = true;
	run->started++;
	return 0;
}

/* How many should have set off by now. */
static long due(const struct run *run)
{
	int64_t elapsed_ms = clock_steady_ms() - run->began_ms;
	double wanted = (double)elapsed_ms * (double)run->rate / 1000 + 1;

	return wanted < (double)run->count ? (long)wanted : run->count;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;

	(void)fd, (void)what;
	for (size_t i = 0; i < SEATS_MAX && !run->stopping && run->started < due(run); i++)
		if (!run->seats[i].taken && seat_citizen(&run->seats[i]) < 0)
			break; /* the next tick tries again */
	show_progress(run, false);
}

static void on_interrupt(evutil_socket_t signal_number, short what, void *arg)
{
	struct run *run = arg;

	(void)signal_number, (void)what;
	if (run->stopping) { /* asked twice: at once */
		(void)event_base_loopbreak(run->base);
		return;
	}
	run->stopping = true;
	(void)event_base_loopexit(run->base, &(struct timeval){.tv_sec = LAST_WAIT_S});
	end_when_done(run);
}

static void release_seats(struct run *run)
{
	for (size_t i = 0; i < SEATS_MAX; i++) {
		if (run->seats[i].connection != NULL)
			evhttp_connection_free(run->seats[i].connection);
		citizen_release(&run->seats[i].citizen);
	}
}

static int summarise(struct run *run, uint64_t seed)
{
	long lost = on_their_way(run);

	show_progress(run, true);
	(void)printf("%ld voted: %ld counted, %ld failed, %ld without an answer; seed %llu\n",
	    run->started, run->counted, run->failed, lost, (unsigned long long)seed);
	if (run->last_why[0] != '\0')
		(void)ctl_fail(0, "the last that failed: %s", run->last_why);
	return run->failed + lost > 0 ? 1 : EX_OK;
}

static int vote(struct run *run, uint64_t seed)
{
	struct event *tick = NULL, *interrupt = NULL, *terminate = NULL;
	int status = EX_OSERR;

	run->base = event_base_new();
	if (run->base == NULL)
		return ctl_fail(EX_OSERR, "there is no event loop to be had.");
	run->crowd.base = run->base;
	tick = event_new(run->base, -1, EV_PERSIST, on_tick, run);
	interrupt = evsignal_new(run->base, SIGINT, on_interrupt, run);
	terminate = evsignal_new(run->base, SIGTERM, on_interrupt, run);
	if (tick == NULL || interrupt == NULL || terminate == NULL)
		goto out;
	run->began_ms = clock_steady_ms();
	if (event_add(interrupt, NULL) < 0 || event_add(terminate, NULL) < 0 ||
	    event_add(tick, &(struct timeval){.tv_usec = TICK_MS * 1000}) < 0)
		goto out;
	(void)event_base_dispatch(run->base);
	status = summarise(run, seed);
out:
	release_seats(run);
	if (tick != NULL)
		event_free(tick);
	if (interrupt != NULL)
		event_free(interrupt);
	if (terminate != NULL)
		event_free(terminate);
	event_base_free(run->base);
	return status;
}

/* ---- where and what ---- */

/* Only addresses of this machine; names are not looked up. */
static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* "http://HOST:PORT" into host and port. */
static int read_url(const char *url, struct run *run)
{
	struct evhttp_uri *uri = evhttp_uri_parse(url);
	const char *scheme = uri ? evhttp_uri_get_scheme(uri) : NULL;
	const char *host = uri ? evhttp_uri_get_host(uri) : NULL;
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	int port = uri ? evhttp_uri_get_port(uri) : 0;
	int r = -EINVAL;

	if (scheme != NULL && strcmp(scheme, "http") == 0 && host != NULL && *host != '\0' &&
	    strlen(host) < sizeof(run->host) &&
	    (path == NULL || *path == '\0' || strcmp(path, "/") == 0)) {
		bool bracketed = *host == '[';
		bool local = strcmp(host, "localhost") == 0;
		(void)snprintf(run->host, sizeof(run->host), "%.*s",
		    (int)strlen(host) - 2 * bracketed, host + bracketed);
		if (local)
			(void)snprintf(run->host, sizeof(run->host), "127.0.0.1");
		run->port = (uint16_t)(port > 0 ? port : 80);
		(void)snprintf(run->authority, sizeof(run->authority),
		    strchr(run->host, ':') ? "[%s]:%u" : "%s:%u", run->host, run->port);
		r = 0;
	}
	if (uri != NULL)
		evhttp_uri_free(uri);
	return r;
}

/* Synthetic citizens come to what they cannot harm, and where nobody asks who they are. */
static int check_round(const struct contest *contest)
{
	if (!contest->rehearsal && !contest->demonstration)
		return ctl_fail(EX_CONFIG,
		    "%s is a real contest: synthetic votes go to a rehearsal (rehearsal: true) or "
		    "a "
		    "demonstration only.",
		    contest->id);
	if (contest->admission != ADMISSION_OPEN)
		return ctl_fail(EX_CONFIG,
		    "%s admits with admission: %s, which synthetic citizens have not: vote on the "
		    "page, or give its rehearsal: block the line admission: open.",
		    contest->id, admission_names[contest->admission]);
	return EX_OK;
}

static int load_round(const struct settings *settings, const char *id, struct round **ret_round)
{
	char why[ROUND_WHY_MAX];

	for (size_t i = 0; i < settings->n_contests; i++) {
		struct round *round = NULL;
		if (round_load(settings, settings->contests[i], &round, why) < 0)
			return ctl_fail(EX_CONFIG, "%s", why);
		if (id != NULL && strcmp(round->contest->id, id) != 0) {
			round_free(round);
			continue;
		}
		int status = check_round(round->contest);
		if (status != EX_OK) {
			round_free(round);
			return status;
		}
		*ret_round = round;
		return EX_OK;
	}
	return ctl_fail(EX_USAGE, "the configuration names no contest \"%s\".", id ? id : "");
}

struct options {
	long count, rate;
	const char *url, *contest;
	uint64_t seed;
};

static int read_options(const struct ctl *ctl, int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
	    {"count", required_argument, NULL, 'n'},
	    {"rate", required_argument, NULL, 'r'},
	    {"url", required_argument, NULL, 'u'},
	    {"contest", required_argument, NULL, 'i'},
	    {"seed", required_argument, NULL, 's'},
	    {NULL, 0, NULL, 0},
	};
	long seed;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n' && ctl_number(optarg, 1, 100000000, &ret->count) < 0)
			return ctl_misuse(ctl, "--count takes a number from 1.");
		else if (option == 'r' && ctl_number(optarg, 1, 100000, &ret->rate) < 0)
			return ctl_misuse(ctl, "--rate takes a number from 1 to 100000.");
		else if (option == 's' && ctl_number(optarg, 0, INT32_MAX, &seed) < 0)
			return ctl_misuse(ctl, "--seed takes a number from 0 to 2147483647.");
		else if (option == 's')
			ret->seed = (uint64_t)seed;
		else if (option == 'u')
			ret->url = optarg;
		else if (option == 'i')
			ret->contest = optarg;
		else if (option == '?')
			return ctl_misuse(ctl, "voters does not take that.");
	}
	if (optind != argc)
		return ctl_misuse(ctl, "voters takes no \"%s\".", argv[optind]);
	return EX_OK;
}

static int run_voters(const struct ctl *ctl, int argc, char **argv)
{
	struct options options = {.count = 2000, .rate = 50};
	char url[256];
	struct round *round = NULL;
	struct run *run;
	uint32_t seed = 0;
	int status;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return ctl_fail(EX_OSERR, "the system has no randomness.");
	options.seed = seed & INT32_MAX;
	status = read_options(ctl, argc, argv, &options);
	if (status != EX_OK)
		return status;
	run = calloc(1, sizeof(*run));
	if (run == NULL)
		return ctl_fail(EX_OSERR, "there is not enough memory.");
	ctl_local_url(&ctl->settings, url, sizeof(url));
	if (read_url(options.url ? options.url : url, run) < 0 || !is_loopback(run->host))
		status = ctl_fail(EX_USAGE,
		    "%s is no loopback address: synthetic votes go to http://127.0.0.1:PORT, "
		    "http://[::1]:PORT or http://localhost:PORT only. A server that listens on "
		    "*:PORT is there as well.",
		    options.url ? options.url : url);
	if (status == EX_OK)
		status = load_round(&ctl->settings, options.contest, &round);
	if (status == EX_OK) {
		run->count = options.count;
		run->rate = options.rate;
		run->tty = isatty(STDERR_FILENO);
		run->crowd.round = round;
		run->crowd.log_name = ctl->settings.log_name;
		run->crowd.authority = run->authority;
		crowd_init(&run->crowd, options.seed);
		for (size_t i = 0; i < SEATS_MAX; i++)
			run->seats[i].run = run;
		status = vote(run, options.seed);
	}
	round_free(round);
	free(run);
	return status;
}

const struct ctl_command ctl_voters = {
    .name = "voters",
    .summary = "have synthetic citizens vote in a rehearsal",
    .usage = usage,
    .run = run_voters,
};
