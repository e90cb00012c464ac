/* Clients that hold on without reading or without saying what they want, many at once, and voters
 * meanwhile in a process of their own. Says how long the ones are borne, and what the others
 * notice. */
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "bench.h"

static const char usage[] =
    "Usage: pressure -c FILE --port PORT --supervisor PID [--stalled N] [--drips N] [--votes N]\n"
    "                [--alone SECONDS] [--longest SECONDS]\n"
    "\n"
    "Casts N votes a second (200) at the daemon that runs with FILE and is the process PID: alone\n"
    "(10 s), then while N streams (10000) are open of which nothing is read, until the daemon has\n"
    "dropped them all, and while N connections (10000) send a byte a second, half of them of a\n"
    "request's head and half of its body, until it has closed them all. Ends with an error when a\n"
    "vote is not counted, or after LONGEST seconds (90) of one of these.\n";

#define VOTERS    8
#define BURST     256  /* connections opened before anything is read */
#define RECEIVE   2048 /* bytes that the kernel takes for who does not read; it doubles them */
#define DRIP_NS   1000000000LL
#define VOTES_MAX 100000
#define WHOLE_NS  1000000000LL

/* ---- the voters, in a process of their own ---- */

struct vote {
	int64_t sent_ns;
	uint32_t us;
};

struct votes { /* shared */
	volatile size_t n;
	volatile bool over;
	struct vote list[VOTES_MAX];
};

struct voter {
	struct bench_client http;
	int64_t sent_ns; /* 0: has nothing under way */
};

static void take_vote(struct votes *votes, struct voter *voter)
{
	if (!client_receive(&voter->http))
		return;
	if (!client_has_status(&voter->http, "201"))
		die("a vote was not counted: %.300s", voter->http.reply);
	if (votes->n < VOTES_MAX)
		votes->list[votes->n++] =
		    (struct vote){voter->sent_ns, (uint32_t)((now_ns() - voter->sent_ns) / 1000)};
	voter->sent_ns = 0;
}

/* Each in turn: the daemon closes a connection that rests for long. */
static struct voter *idle_voter(struct voter *voters)
{
	static size_t last;

	for (size_t i = 1; i <= VOTERS; i++)
		if (!voters[(last + i) % VOTERS].sent_ns) {
			last = (last + i) % VOTERS;
			return &voters[last];
		}
	return NULL;
}

__attribute__((noreturn)) static void vote(
    const struct bench *bench, struct votes *votes, long votes_a_second)
{
	static struct voter voters[VOTERS];
	struct epoll_event events[VOTERS];
	struct bench_request request;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int64_t gap = WHOLE_NS / votes_a_second, due = now_ns();

	for (size_t i = 0; i < VOTERS; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &voters[i]};
		voters[i].http.fd = connect_to(bench);
		(void)epoll_ctl(epoll, EPOLL_CTL_ADD, voters[i].http.fd, &event);
	}
	for (size_t cast = 0; !votes->over; cast++, due += gap) {
		struct voter *voter = NULL;
		bench_mint(bench, cast * cast, &request);
		while (!votes->over && (now_ns() < due || !(voter = idle_voter(voters)))) {
			int n = epoll_wait(epoll, events, VOTERS, 1);
			for (int i = 0; i < n; i++)
				take_vote(votes, events[i].data.ptr);
		}
		if (!voter)
			break;
		voter->sent_ns = now_ns();
		client_send(&voter->http, request.text, request.len);
	}
	_exit(EX_OK);
}

/* Of the votes sent from `from_ns` on, and before `until_ns`. Returns their number. */
static size_t latencies(
    const struct votes *votes, int64_t from_ns, int64_t until_ns, double *ret_p50, double *ret_p99)
{
	uint32_t *us = calloc(VOTES_MAX, sizeof(*us));
	size_t n = 0, all = votes->n;

	if (us == NULL)
		die("not enough memory");
	for (size_t i = 0; i < all; i++)
		if (votes->list[i].sent_ns >= from_ns && votes->list[i].sent_ns < until_ns)
			us[n++] = votes->list[i].us;
	qsort(us, n, sizeof(*us), by_size);
	*ret_p50 = percentile(us, n, 0.50) / 1000;
	*ret_p99 = percentile(us, n, 0.99) / 1000;
	free(us);
	return n;
}

/* ---- the crowd ---- */

struct guest {
	int fd;           /* -1: closed */
	int64_t began_ns; /* when it was let in, or had sent its first byte */
	size_t sent;
	bool in_body;
};

struct crowd {
	const struct bench *bench;
	bool drips;
	struct guest *guests;
	size_t n, begun, closed;
	int epoll;
	const struct processes *all;
	double rss;         /* of the workers, the most */
	uint32_t *borne_ms; /* how long each was, in the order of their ends */
	char head[256], slow_head[512];
};

static void end_guest(struct crowd *crowd, struct guest *guest)
{
	crowd->borne_ms[crowd->closed++] = (uint32_t)((now_ns() - guest->began_ns) / 1000000);
	(void)close(guest->fd);
	guest->fd = -1;
}

static void watch(struct crowd *crowd, struct guest *guest, int how, uint32_t what)
{
	struct epoll_event event = {.events = what, .data.ptr = guest};

	if (epoll_ctl(crowd->epoll, how, guest->fd, &event) < 0)
		die("epoll: %s", strerror(errno));
}

/* What the daemon says to a drip is that it was too slow; a stream's beginning is looked at and
 * left where it is. */
static void on_guest(struct crowd *crowd, struct guest *guest, uint32_t what)
{
	char text[16];
	bool over = what & (EPOLLHUP | EPOLLERR | EPOLLRDHUP);

	if (guest->fd < 0)
		return;
	if (!crowd->drips && guest->began_ns == 0 && !over) {
		if (recv(guest->fd, text, sizeof(text), MSG_PEEK) < 12 ||
		    memcmp(text, "HTTP/1.1 200", 12) != 0)
			die("a stream was refused");
		guest->began_ns = now_ns();
		crowd->begun++;
		watch(crowd, guest, EPOLL_CTL_MOD, EPOLLRDHUP);
	} else if (over || crowd->drips) {
		end_guest(crowd, guest);
	}
}

static void turn(struct crowd *crowd, int wait_ms)
{
	struct epoll_event events[256];
	int n = epoll_wait(crowd->epoll, events, 256, wait_ms);

	for (int i = 0; i < n; i++)
		on_guest(crowd, events[i].data.ptr, events[i].events);
}

/* A byte of the head, for ever; or a head at once and then bytes of a body, of which much is to
 * come. */
static void drip(struct crowd *crowd, struct guest *guest)
{
	const char *text = crowd->slow_head;
	size_t len = 1;

	if (guest->fd < 0)
		return;
	if (guest->in_body && guest->sent == 0)
		len = strlen(text);
	else if (guest->sent < strlen(text))
		text += guest->sent;
	else
		text = "x";
	if (guest->sent == 0) {
		guest->began_ns = now_ns();
		crowd->begun++;
	}
	if (send(guest->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		guest->sent += len;
}

static void come(struct crowd *crowd, struct guest *guest, size_t i)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(crowd->bench->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int bytes = RECEIVE;
	size_t len = strlen(crowd->head);

	*guest = (struct guest){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	guest->in_body = crowd->drips && i % 2 == 1;
	(void)setsockopt(guest->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (guest->fd < 0 || connect(guest->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connection %zu: %s", i, strerror(errno));
	if (!crowd->drips && send(guest->fd, crowd->head, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send: %s", strerror(errno));
	watch(crowd, guest, EPOLL_CTL_ADD, EPOLLIN | EPOLLRDHUP);
}

static void come_all(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->n; i++) {
		come(crowd, &crowd->guests[i], i);
		while (!crowd->drips && i + 1 - crowd->begun >= BURST)
			turn(crowd, 10);
		if (i % BURST == 0)
			turn(crowd, 0);
	}
}

/* Until all are closed. Who came in first drips first, so that a round takes a second. */
static void bear(struct crowd *crowd, long longest_s)
{
	int64_t began = now_ns(), round = began;
	size_t next = 0;

	while (crowd->closed < crowd->n) {
		if (now_ns() - began > longest_s * WHOLE_NS)
			die("only %zu of %zu %s were closed in %ld s", crowd->closed, crowd->n,
			    crowd->drips ? "drips" : "stalled streams", longest_s);
		size_t due = (size_t)((double)(now_ns() - round) / DRIP_NS * (double)crowd->n);
		for (; crowd->drips && next < due && next < crowd->n; next++)
			drip(crowd, &crowd->guests[next]);
		if (now_ns() - round >= DRIP_NS) {
			double rss = rss_bytes(crowd->all, PROCESS_WORKER);
			crowd->rss = rss > crowd->rss ? rss : crowd->rss;
			round += DRIP_NS;
			next = 0;
		}
		turn(crowd, 2);
	}
}

static void tell(const struct crowd *crowd, const char *what, double number, const char *unit)
{
	char label[32];

	(void)snprintf(label, sizeof(label), "%s %s", crowd->drips ? "drips" : "stalled", what);
	(void)printf("%-22s%10.2f %s\n", label, number, unit);
}

/* While thousands come at once they want the processors as anybody does who comes; what is borne
 * afterwards is another thing, so each has its own figures. */
static void report_votes(const struct crowd *crowd, const struct votes *votes, const char *when,
    int64_t from_ns, int64_t until_ns, double p99_alone)
{
	double p50, p99;
	size_t n = latencies(votes, from_ns, until_ns, &p50, &p99);
	char label[32];

	tell(crowd, when, (double)n, "votes meanwhile, all counted");
	(void)snprintf(label, sizeof(label), "%s, p50", when);
	tell(crowd, label, p50, "ms");
	(void)snprintf(label, sizeof(label), "%s, p99", when);
	tell(crowd, label, p99, "ms");
	(void)snprintf(label, sizeof(label), "%s, more", when);
	tell(crowd, label, 100 * p99 / p99_alone - 100, "% of the p99 alone");
}

static void report_crowd(const struct crowd *crowd)
{

	qsort(crowd->borne_ms, crowd->n, sizeof(uint32_t), by_size);
	tell(crowd, "", (double)crowd->n, "connections");
	tell(crowd, "closed, least", crowd->borne_ms[0] / 1000.0, "s after they began");
	tell(crowd, "closed, most", crowd->borne_ms[crowd->n - 1] / 1000.0, "s");
	tell(crowd, "workers' RSS", crowd->rss / 1024 / 1024, "MiB at most");
}

static void press(const struct bench *bench, bool drips, size_t n, const struct votes *votes,
    const struct processes *all, double p99_alone, long longest_s)
{
	struct crowd crowd = {.bench = bench, .drips = drips, .n = n, .all = all};
	const char *id = bench->round->contest->id;
	int64_t began, came;

	if (n == 0)
		return;
	(void)snprintf(crowd.head, sizeof(crowd.head),
	    "GET /v1/contests/%s/tally/stream HTTP/1.1\r\nHost: a\r\n\r\n", id);
	(void)snprintf(crowd.slow_head, sizeof(crowd.slow_head),
	    "POST /v1/contests/%s/ballots HTTP/1.1\r\nHost: a\r\n"
	    "Content-Type: application/json\r\nAuthorization: PrivateToken token=\"\"\r\n"
	    "Content-Length: 1000\r\n\r\n",
	    id);
	crowd.guests = calloc(n, sizeof(*crowd.guests));
	crowd.borne_ms = calloc(n, sizeof(*crowd.borne_ms));
	crowd.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (crowd.guests == NULL || crowd.borne_ms == NULL || crowd.epoll < 0)
		die("not enough memory");
	began = now_ns();
	come_all(&crowd);
	came = now_ns();
	bear(&crowd, longest_s);
	report_crowd(&crowd);
	report_votes(&crowd, votes, "coming", began, came, p99_alone);
	report_votes(&crowd, votes, "there", came, INT64_MAX, p99_alone);
	(void)close(crowd.epoll);
	free(crowd.borne_ms);
	free(crowd.guests);
}

int main(int argc, char **argv)
{
	long port = 0, supervisor = 0, stalled = 10000, drips = 10000, votes_a_second = 200;
	long alone_s = 10, longest_s = 90;
	struct bench bench = {0};
	struct processes all = {0};
	struct votes *votes =
	    mmap(NULL, sizeof(*votes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double p50, p99;
	int status;
	pid_t voter;
	const struct bench_option options[] = {{"port", &port}, {"supervisor", &supervisor},
	    {"stalled", &stalled}, {"drips", &drips}, {"votes", &votes_a_second},
	    {"alone", &alone_s}, {"longest", &longest_s}, {NULL, NULL}};
	const char *config = bench_arguments(argc, argv, usage, options);

	if (votes == MAP_FAILED)
		die("not enough memory");
	raise_descriptors((size_t)(stalled > drips ? stalled : drips) + 32);
	bench_load(&bench, config, port);
	processes_find(&all, (pid_t)supervisor);
	voter = fork();
	if (voter == 0)
		vote(&bench, votes, votes_a_second);
	(void)sleep((unsigned)alone_s);
	(void)printf("votes alone           %10zu\n", latencies(votes, 0, INT64_MAX, &p50, &p99));
	(void)printf("vote p50 alone        %10.2f ms\n", p50);
	(void)printf("vote p99 alone        %10.2f ms\n", p99);
	press(&bench, false, (size_t)stalled, votes, &all, p99, longest_s);
	press(&bench, true, (size_t)drips, votes, &all, p99, longest_s);
	votes->over = true;
	if (waitpid(voter, &status, 0) != voter || status != 0)
		die("a voter was not served");
	bench_release(&bench);
	return EX_OK;
}
