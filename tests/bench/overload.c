/* Ten times as many voters as can be served, for a minute. First the peak: as fast as a few voters
 * are served, one after another. Then voters arrive at a multiple of that rate and do what the
 * voting page does: a token request, then a ballot; told that the server is busy they wait as long
 * as it says, and half as long again at random. Last nobody new arrives, and those who wait get in.
 *
 * Connections are a pool, as a proxy in front keeps one. Tokens for the ballots are minted offline
 * before (nobody can tell them from those just issued), so that little of this program's time is
 * arithmetic. */
#include <fcntl.h>
#include <stdbool.h>
#include <sys/epoll.h>

#include "bench.h"

static const char usage[] =
    "Usage: overload -c FILE --port PORT --supervisor PID [--times N] [--seconds N]\n"
    "                [--after N] [--peak N]\n"
    "\n"
    "Measures the peak for N seconds (10), then has N times (10) as many voters arrive for N "
    "seconds\n"
    "(60), and watches those who wait for N more (20), at the daemon that runs with the "
    "configuration\n"
    "FILE and is the process PID.\n";

#define CONNECTIONS   4096
#define PEAK_VOTERS   128
#define PEAK_MOST     3000 /* votes a second that tokens are minted for */
#define SPARE_TOKENS  1.25
#define TOKEN_REQUEST 259
#define SPREAD_S      3            /* as static/js/voter.js has it */
#define IDLE_MAX_NS   5000000000LL /* sooner than the daemon ends it */

struct voter {
	int64_t due_ns, arrived_ns;
	uint64_t number;
	char turn[40]; /* the word for it, or "" */
	size_t ballot; /* of ballots[], from 1; 0 before there is a token for it */
	bool waited;
};

struct connection {
	struct bench_client http;
	struct voter voter;
	int64_t idle_since_ns; /* 0: an answer is to come */
};

struct phase { /* what came of a stretch of time */
	int64_t began_ns, ended_ns;
	size_t votes, refusals, arrived;
	double cpu_us[PROCESS_KINDS];
};

struct overload {
	struct bench bench;
	struct processes processes;
	int epoll;
	char head[400]; /* of a token request, without its end */
	uint64_t n_voters;
	struct bench_request *ballots;
	size_t n_ballots, next_ballot;
	struct connection *connections;
	struct connection *idle[CONNECTIONS];
	size_t n_connections, n_idle;
	struct voter *waiting; /* a heap, the first due on top */
	size_t n_waiting, waiting_size;
	uint32_t *waited_ms; /* of those who were turned away at least once and got in */
	size_t n_waited, waited_size;
	bool closed_loop; /* who has voted is followed by the next */
	struct phase phase;
	char first_error[400];
	size_t errors;
};

static void *must(void *memory)
{
	if (memory == NULL)
		die("not enough memory");
	return memory;
}

/* ---- who waits ---- */

static void wait_until(struct overload *all, struct voter voter)
{
	size_t at = all->n_waiting++;

	if (at == all->waiting_size) {
		all->waiting_size = at ? at * 2 : 65536;
		all->waiting =
		    must(realloc(all->waiting, all->waiting_size * sizeof(all->waiting[0])));
	}
	for (; at > 0 && all->waiting[(at - 1) / 2].due_ns > voter.due_ns; at = (at - 1) / 2)
		all->waiting[at] = all->waiting[(at - 1) / 2];
	all->waiting[at] = voter;
}

static struct voter first_due(struct overload *all)
{
	struct voter first = all->waiting[0], last = all->waiting[--all->n_waiting];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < all->n_waiting) {
		if (child + 1 < all->n_waiting &&
		    all->waiting[child + 1].due_ns < all->waiting[child].due_ns)
			child++;
		if (all->waiting[child].due_ns >= last.due_ns)
			break;
		all->waiting[at] = all->waiting[child];
		at = child;
	}
	all->waiting[at] = last;
	return first;
}

/* ---- a voter's requests ---- */

static double at_random(void)
{
	return (double)random() / (double)RAND_MAX;
}

/* Each voter's is another one, and the same each time: a turn is for the request. */
static void send_token_request(
    struct overload *all, struct bench_client *client, const struct voter *voter)
{
	char text[sizeof(all->head) + 64 + TOKEN_REQUEST];
	int head = snprintf(text, sizeof(text), "%s%s%s\r\n\r\n", all->head,
	    voter->turn[0] ? "\r\nTallyd-Turn: " : "", voter->turn);
	uint8_t *request = (uint8_t *)text + head;

	memset(request, 'x', TOKEN_REQUEST);
	request[0] = 0;
	request[1] = 2; /* RFC 9578, section 6.1 */
	request[2] = all->bench.round->keys.token_key_id[SHA256_SIZE - 1];
	request[3] = 0; /* below any modulus */
	memcpy(request + 4, &voter->number, sizeof(voter->number));
	client_send(client, text, (size_t)head + TOKEN_REQUEST);
}

static size_t next_ballot(struct overload *all)
{
	if (all->next_ballot == all->n_ballots)
		die("%zu tokens were not enough", all->n_ballots);
	return ++all->next_ballot;
}

static void send_ballot(struct overload *all, struct bench_client *client, size_t ballot)
{
	client_send(client, all->ballots[ballot - 1].text, all->ballots[ballot - 1].len);
}

static void connect_anew(struct overload *all, struct connection *connection)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

	connection->http.fd = connect_to(&all->bench);
	if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, connection->http.fd, &event) < 0)
		die("epoll: %s", strerror(errno));
}

static void connect_again(struct overload *all, struct connection *connection)
{
	(void)close(connection->http.fd);
	connect_anew(all, connection);
}

static struct connection *open_connection(struct overload *all)
{
	struct connection *connection = &all->connections[all->n_connections++];

	connect_anew(all, connection);
	return connection;
}

static void take_turn(struct overload *all, struct connection *connection, struct voter voter)
{
	connection->voter = voter;
	connection->idle_since_ns = 0;
	if (voter.ballot)
		send_ballot(all, &connection->http, voter.ballot);
	else
		send_token_request(all, &connection->http, &connection->voter);
}

static void note_error(struct overload *all, const char *reply)
{
	if (all->errors++ == 0)
		(void)snprintf(all->first_error, sizeof(all->first_error), "%.390s", reply);
}

/* 503: the voter comes back, with the same request. */
static void turned_away(struct overload *all, struct connection *connection)
{
	const char *after = strcasestr(connection->http.reply, "\r\nretry-after:");
	struct voter voter = connection->voter;
	const char *turn = strcasestr(connection->http.reply, "\r\ntallyd-turn: ");
	double after_s = after ? strtod(after + 14, NULL) : 1;
	double wait_s = after_s + at_random() * (after_s < SPREAD_S ? after_s : SPREAD_S);

	if (turn && sscanf(turn + 15, "%39[^\r]", voter.turn) != 1)
		die("no turn: %.300s", turn);
	voter.waited = true;
	voter.due_ns = now_ns() + (int64_t)(wait_s * 1e9);
	all->phase.refusals++;
	wait_until(all, voter);
}

static void has_voted(struct overload *all, const struct voter *voter)
{
	all->phase.votes++;
	if (!voter->waited)
		return;
	if (all->n_waited == all->waited_size) {
		all->waited_size = all->waited_size ? all->waited_size * 2 : 65536;
		all->waited_ms =
		    must(realloc(all->waited_ms, all->waited_size * sizeof(all->waited_ms[0])));
	}
	all->waited_ms[all->n_waited++] = (uint32_t)((now_ns() - voter->arrived_ns) / 1000000);
}

static void on_reply(struct overload *all, struct connection *connection)
{
	struct voter *voter = &connection->voter;
	int64_t now = now_ns();

	if (client_has_status(&connection->http, "200") && !voter->ballot) {
		voter->ballot = next_ballot(all);
		take_turn(all, connection, *voter);
		return;
	}
	if (client_has_status(&connection->http, "201") && voter->ballot)
		has_voted(all, voter);
	else if (client_has_status(&connection->http, "503"))
		turned_away(all, connection);
	else
		note_error(all, connection->http.reply);
	connection->idle_since_ns = now;
	all->idle[all->n_idle++] = connection;
	if (all->closed_loop && now < all->phase.ended_ns)
		wait_until(all,
		    (struct voter){.due_ns = now, .arrived_ns = now, .number = ++all->n_voters});
}

/* ---- a stretch of time ---- */

static void send_the_due(struct overload *all)
{
	while (all->n_waiting > 0 && all->waiting[0].due_ns <= now_ns()) {
		struct connection *connection;

		if (all->n_idle > 0) {
			connection = all->idle[--all->n_idle];
			if (now_ns() - connection->idle_since_ns > IDLE_MAX_NS)
				connect_again(all, connection);
		} else if (all->n_connections < CONNECTIONS)
			connection = open_connection(all);
		else
			return;
		take_turn(all, connection, first_due(all));
	}
}

static void let_arrive(struct overload *all, double rate)
{
	struct phase *phase = &all->phase;
	int64_t now = now_ns();
	size_t wanted = (size_t)((double)(now - phase->began_ns) / 1e9 * rate);

	while (phase->arrived < wanted) {
		phase->arrived++;
		wait_until(all,
		    (struct voter){.due_ns = now, .arrived_ns = now, .number = ++all->n_voters});
	}
}

static void take_replies(struct overload *all)
{
	struct epoll_event events[256];
	int n = epoll_wait(all->epoll, events, 256, 1);

	for (int i = 0; i < n; i++) {
		struct connection *connection = events[i].data.ptr;

		if (connection->idle_since_ns != 0) /* the daemon ends what nobody uses */
			connect_again(all, connection);
		else if (client_receive(&connection->http))
			on_reply(all, connection);
	}
}

/* Until `seconds` are over; `rate` voters arrive a second. */
static void pass(struct overload *all, double seconds, double rate)
{
	all->phase = (struct phase){.began_ns = now_ns()};
	all->phase.ended_ns = all->phase.began_ns + (int64_t)(seconds * 1e9);
	for (enum process_kind kind = 0; kind < PROCESS_KINDS; kind++)
		all->phase.cpu_us[kind] = -cpu_us(&all->processes, kind);
	for (size_t i = 0; all->closed_loop && i < PEAK_VOTERS; i++)
		wait_until(all, (struct voter){.number = ++all->n_voters});
	while (now_ns() < all->phase.ended_ns) {
		let_arrive(all, rate);
		send_the_due(all);
		take_replies(all);
	}
	for (enum process_kind kind = 0; kind < PROCESS_KINDS; kind++)
		all->phase.cpu_us[kind] += cpu_us(&all->processes, kind);
}

static double votes_a_second(const struct phase *phase)
{
	return (double)phase->votes * 1e9 / (double)(phase->ended_ns - phase->began_ns);
}

static void mint(struct overload *all, double count)
{
	size_t first = all->n_ballots;

	all->n_ballots += (size_t)count;
	all->ballots = must(realloc(all->ballots, all->n_ballots * sizeof(all->ballots[0])));
	for (size_t i = first; i < all->n_ballots; i++)
		bench_mint(&all->bench, i * i, &all->ballots[i]);
}

/* ---- the run ---- */

static void print_cost(const struct overload *all, const char *cpu, const char *memory)
{
	const struct phase *phase = &all->phase;
	double votes = (double)(phase->votes ? phase->votes : 1);

	(void)printf("%-22s%10.0f us: signer and supervisor %.0f, workers %.0f, Redis %.0f\n", cpu,
	    (phase->cpu_us[PROCESS_OTHER] + phase->cpu_us[PROCESS_WORKER] +
		phase->cpu_us[PROCESS_REDIS]) /
		votes,
	    phase->cpu_us[PROCESS_OTHER] / votes, phase->cpu_us[PROCESS_WORKER] / votes,
	    phase->cpu_us[PROCESS_REDIS] / votes);
	(void)printf("%-22s%10.1f MiB\n", memory,
	    (rss_bytes(&all->processes, PROCESS_WORKER) +
		rss_bytes(&all->processes, PROCESS_OTHER)) /
		1048576);
}

static void measure(
    struct overload *all, double peak_s, double seconds, double times, double after_s)
{
	double peak, under, after;

	mint(all, peak_s * PEAK_MOST);
	all->closed_loop = true;
	pass(all, peak_s, 0);
	all->closed_loop = false;
	peak = votes_a_second(&all->phase);
	while (all->n_idle < all->n_connections)
		take_replies(all);
	(void)printf(
	    "peak, votes a second  %10.0f (%d voters, one after another)\n", peak, PEAK_VOTERS);
	print_cost(all, "  CPU a vote", "  memory");
	mint(all, peak * (seconds + after_s) * SPARE_TOKENS);

	pass(all, seconds, peak * times);
	under = votes_a_second(&all->phase);
	(void)printf("arrived a second      %10.0f (%.1f times the peak, %.0f s)\n",
	    (double)all->phase.arrived / seconds, times, seconds);
	(void)printf("voted a second        %10.0f\n", under);
	(void)printf("goodput               %10.1f %% of the peak\n", 100 * under / peak);
	(void)printf("turned away a vote    %10.1f times\n",
	    (double)all->phase.refusals / (double)(all->phase.votes ? all->phase.votes : 1));
	print_cost(all, "CPU a vote then", "memory then");

	pass(all, after_s, 0);
	after = votes_a_second(&all->phase);
	(void)printf(
	    "goodput afterwards    %10.1f %% of the peak, for %.0f s, nobody new arriving\n",
	    100 * after / peak, after_s);
	qsort(all->waited_ms, all->n_waited, sizeof(uint32_t), by_size);
	(void)printf("waited and voted      %10zu\n", all->n_waited);
	(void)printf("  p50                 %10.1f s\n",
	    percentile(all->waited_ms, all->n_waited, 0.50) / 1000);
	(void)printf("  p99                 %10.1f s\n",
	    percentile(all->waited_ms, all->n_waited, 0.99) / 1000);
	(void)printf("still waiting         %10zu\n", all->n_waiting);
	(void)printf("other answers         %10zu\n", all->errors);
	if (all->errors > 0)
		(void)printf("first of them: %s\n", all->first_error);
}

static void prepare(struct overload *all, const char *config, long port)
{
	int len;

	raise_descriptors(CONNECTIONS + 32);
	bench_load(&all->bench, config, port);
	all->connections = must(calloc(CONNECTIONS, sizeof(all->connections[0])));
	all->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (all->epoll < 0)
		die("epoll: %s", strerror(errno));
	len = snprintf(all->head, sizeof(all->head),
	    "POST /v1/contests/%s/tokens HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
	    "Content-Type: application/private-token-request\r\nContent-Length: %d",
	    all->bench.round->contest->id, all->bench.port, TOKEN_REQUEST);
	if (len < 0 || (size_t)len >= sizeof(all->head))
		die("the request is too long");
}

static void release(struct overload *all)
{
	for (size_t i = 0; i < all->n_connections; i++)
		(void)close(all->connections[i].http.fd);
	(void)close(all->epoll);
	free(all->connections);
	free(all->ballots);
	free(all->waiting);
	free(all->waited_ms);
	bench_release(&all->bench);
}

int main(int argc, char **argv)
{
	long port = 0, supervisor = 0, times = 10, seconds = 60, after = 20, peak = 10;
	struct overload *all = must(calloc(1, sizeof(*all)));
	size_t errors;
	const struct bench_option options[] = {{"port", &port}, {"supervisor", &supervisor},
	    {"times", &times}, {"seconds", &seconds}, {"after", &after}, {"peak", &peak},
	    {NULL, NULL}};
	const char *config = bench_arguments(argc, argv, usage, options);

	prepare(all, config, port);
	processes_find(&all->processes, (pid_t)supervisor);
	measure(all, (double)peak, (double)seconds, (double)times, (double)after);
	errors = all->errors;
	release(all);
	free(all);
	return errors == 0 ? EX_OK : EX_SOFTWARE;
}
