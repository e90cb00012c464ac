/* Casts the same ballots at tallyd and at what relays them one by one: webdis, a relay that takes
 * JSON, and Redis itself. Says what a vote costs each process. Peers verify no token: theirs are
 * random. */
#include <sys/epoll.h>

#include "bench.h"
#include "office/office.h"
#include "store/ledger.h"

static const char usage[] =
    "Usage: relay -c FILE --dialect N --port PORT --supervisor PID --redis PID [--count N] "
    "[--connections N] [--rate N]\n"
    "\n"
    "Casts N votes (10000) over N connections (64), as fast as they are taken or N a second, for "
    "the contest\n"
    "of FILE at PORT. Dialects: 1 tallyd, 2 webdis, 3 JSON for the relay, 4 Redis, one call at a "
    "time on each\n"
    "connection, 5 Redis, 16 calls at a time. The server is the process PID with its children.\n";

enum dialect { TALLYD = 1, WEBDIS, JSON, REDIS, REDIS_PIPELINED };

enum { CALL_ARGS = 12, PIPELINED = 16, TEXT_MAX = 8192, AS_FAST_AS_TAKEN = 1 };

struct client {
	struct bench_client http;
	int64_t due_ns;
	bool busy;
	size_t calls; /* whose answers are awaited */
};

struct message {
	char *text;
	size_t len;
	size_t calls;
};

struct load {
	struct bench bench;
	enum dialect dialect;
	struct ledger_options ledger;
	struct message *messages;
	size_t n_messages, next;
	long count, rate;
	size_t done, accepted, answered;
	uint32_t *latency_us;
	struct client *clients;
	size_t connections;
};

/* ---- one ballot's call ---- */

struct call {
	struct slice args[CALL_ARGS]; /* of FCALL: name, number of keys, keys, the rest */
	uint8_t spent[LEDGER_SPENT_SIZE], tag_and_ballot[LEDGER_TAG_SIZE + FORM_PACKED_MAX];
	char rules[96], log[96], count[96], bucket[128], counter[64];
};

static uint32_t u32be(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* As store/ledger_cast.c makes it of a ballot that is alone. */
static void make_call(const struct load *load, size_t entry, struct call *call)
{
	const struct round *round = load->bench.round;
	const char *id = round->contest->entries[entry % round->contest->n_entries].id;
	char text[128], prefix[80];
	size_t len;

	if (RAND_bytes(call->spent, sizeof(call->spent)) <= 0 ||
	    RAND_bytes(call->tag_and_ballot, LEDGER_TAG_SIZE) <= 0)
		die("no randomness");
	(void)snprintf(text, sizeof(text), "choices\n%s\n", id);
	if (ballot_pack(
		round->contest, slice_text(text), call->tag_and_ballot + LEDGER_TAG_SIZE, &len) < 0)
		die("a ballot could not be packed");
	(void)snprintf(prefix, sizeof(prefix), "{%s/0}", round->name);
	(void)snprintf(call->rules, sizeof(call->rules), "%s:rules", prefix);
	(void)snprintf(call->log, sizeof(call->log), "%s:log", prefix);
	(void)snprintf(call->count, sizeof(call->count), "%s:count", prefix);
	(void)snprintf(call->bucket, sizeof(call->bucket), "%s:spent:%u", prefix,
	    u32be(call->spent + 8) % load->ledger.buckets);
	(void)snprintf(call->counter, sizeof(call->counter), "votes:%s", id);
	memcpy(call->args,
	    (struct slice[CALL_ARGS]){slice_text("4"), slice_text(call->rules),
		slice_text(call->log), slice_text(call->count), slice_text(call->bucket),
		slice_make(load->ledger.rules_hash, 32), slice_text("0"),
		slice_make(call->spent, sizeof(call->spent)), slice_text("4"),
		slice_make(call->tag_and_ballot, LEDGER_TAG_SIZE + len), slice_text(""),
		slice_text("1")},
	    sizeof(call->args));
}

/* ---- dialects: each appends a call, whose last two arguments are counter and "1" ---- */

struct wire {
	size_t len;
	char bytes[TEXT_MAX];
};

__attribute__((format(printf, 2, 3))) static void put(struct wire *text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->bytes + text->len, TEXT_MAX - text->len, format, args);
	va_end(args);
	if (n < 0 || text->len + (size_t)n >= TEXT_MAX)
		die("a call is too long");
	text->len += (size_t)n;
}

static struct slice argument(const struct call *call, size_t i)
{
	if (i < CALL_ARGS)
		return call->args[i];
	return i == CALL_ARGS ? slice_text(call->counter) : slice_text("1");
}

enum { ARGUMENTS = CALL_ARGS + 2 };

static void put_resp(struct wire *text, const struct call *call)
{
	put(text, "*%d\r\n$5\r\nFCALL\r\n$6\r\ncast_5\r\n", ARGUMENTS + 2);
	for (size_t i = 0; i < ARGUMENTS; i++) {
		struct slice arg = argument(call, i);

		put(text, "$%zu\r\n", arg.len);
		if (text->len + arg.len + 2 >= TEXT_MAX)
			die("a call is too long");
		memcpy(text->bytes + text->len, arg.ptr, arg.len);
		text->len += arg.len;
		put(text, "\r\n");
	}
}

static void put_path(struct wire *text, const struct call *call)
{
	put(text, "FCALL/cast_5");
	for (size_t i = 0; i < ARGUMENTS; i++) {
		struct slice arg = argument(call, i);

		put(text, "/");
		for (size_t k = 0; k < arg.len; k++)
			put(text, "%%%02X", (uint8_t)arg.ptr[k]);
	}
}

static void put_json(struct wire *text, const struct call *call)
{
	char encoded[BASE64_SIZE(512)];

	put(text, "{\"args\":[");
	for (size_t i = 0; i < ARGUMENTS; i++) {
		struct slice arg = argument(call, i);

		(void)base64url_encode_padded((const uint8_t *)arg.ptr, arg.len, encoded);
		put(text, "%s\"%s\"", i > 0 ? "," : "", encoded);
	}
	put(text, "]}");
}

static void keep(struct message *message, struct slice head, struct slice body)
{
	message->text = malloc(head.len + body.len);
	if (message->text == NULL)
		die("not enough memory");
	memcpy(message->text, head.ptr, head.len);
	memcpy(message->text + head.len, body.ptr, body.len);
	message->len = head.len + body.len;
}

static void mint_call(const struct load *load, struct message *message)
{
	struct wire head = {0}, body = {0};
	struct call call;

	for (size_t i = 0; i < message->calls; i++) {
		make_call(load, i * i + message->calls, &call);
		if (load->dialect == WEBDIS)
			put_path(&body, &call);
		else if (load->dialect == JSON)
			put_json(&body, &call);
		else
			put_resp(&body, &call);
	}
	if (load->dialect == WEBDIS || load->dialect == JSON)
		put(&head,
		    "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
		    "Content-Length: %zu\r\n\r\n",
		    load->dialect == WEBDIS ? "/" : "/vote", body.len);
	keep(message, slice_make(head.bytes, head.len), slice_make(body.bytes, body.len));
}

static void mint(struct load *load)
{
	struct bench_request request;

	load->n_messages = (size_t)load->count;
	if (load->dialect == REDIS_PIPELINED)
		load->n_messages = (load->n_messages + PIPELINED - 1) / PIPELINED;
	load->messages = calloc(load->n_messages, sizeof(*load->messages));
	load->latency_us = calloc(load->n_messages, sizeof(*load->latency_us));
	if (load->messages == NULL || load->latency_us == NULL)
		die("not enough memory");
	for (size_t i = 0; i < load->n_messages; i++) {
		struct message *message = &load->messages[i];

		message->calls = load->dialect == REDIS_PIPELINED ? PIPELINED : 1;
		if (load->dialect != TALLYD) {
			mint_call(load, message);
			continue;
		}
		bench_mint(&load->bench, i * i, &request);
		keep(message, slice_make(request.text, request.len), slice_text(""));
	}
}

/* ---- answers ---- */

/* Each call's is three lines: an array of two, the clock, and the index, or what is not one. */
static bool take_resp(struct client *client, size_t *ret_accepted)
{
	struct bench_client *http = &client->http;
	ssize_t n = recv(http->fd, http->reply + http->len, BENCH_REPLY_MAX - 1 - http->len, 0);
	size_t lines = 0, indexes = 0;

	if (n <= 0)
		die("Redis closed a connection");
	http->len += (size_t)n;
	http->reply[http->len] = '\0';
	for (const char *at = http->reply, *end; (end = strstr(at, "\r\n")); at = end + 2) {
		if (lines++ % 3 == 2)
			indexes += *at == ':';
		else if (*at == '-')
			die("Redis: %.300s", at);
	}
	*ret_accepted = indexes;
	return lines == 3 * client->calls;
}

/* Whether the function's answer says that the ballot is counted: {clock, index}. */
static bool relayed(const struct bench_client *http)
{
	const char *body = strstr(http->reply, "\r\n\r\n");
	const char *comma = body ? strchr(body, ',') : NULL;

	return client_has_status(http, "200") && comma && comma[1] >= '0' && comma[1] <= '9';
}

static bool take_answer(const struct load *load, struct client *client, size_t *ret_accepted)
{
	if (load->dialect >= REDIS)
		return take_resp(client, ret_accepted);
	if (!client_receive(&client->http))
		return false;
	*ret_accepted = load->dialect == TALLYD ? client_has_status(&client->http, "201")
						: relayed(&client->http);
	if (*ret_accepted == 0)
		die("a vote was refused: %.600s", client->http.reply);
	return true;
}

/* ---- the run ---- */

static void send_next(struct load *load, struct client *client, int64_t due_ns)
{
	const struct message *message = &load->messages[load->next++];

	client->due_ns = due_ns;
	client->busy = true;
	client->calls = message->calls;
	client_send(&client->http, message->text, message->len);
}

static void on_readable(struct load *load, struct client *client)
{
	size_t accepted = 0;

	if (!take_answer(load, client, &accepted))
		return;
	client->busy = false;
	load->latency_us[load->answered++] = (uint32_t)((now_ns() - client->due_ns) / 1000);
	load->done += client->calls;
	load->accepted += accepted;
	if (load->rate == 0 && load->next < load->n_messages)
		send_next(load, client, now_ns());
}

/* What is due goes out on a connection that is free; what waits for one, waits in its latency. */
static int64_t send_due(struct load *load, int64_t due_ns)
{
	for (size_t i = 0; i < load->connections; i++)
		if (load->next < load->n_messages && now_ns() >= due_ns && !load->clients[i].busy) {
			send_next(load, &load->clients[i], due_ns);
			due_ns += 1000000000LL / load->rate;
		}
	return due_ns;
}

static void run(struct load *load)
{
	struct epoll_event events[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int64_t due_ns = now_ns();

	for (size_t i = 0; i < load->connections; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &load->clients[i]};
		load->clients[i].http.fd = connect_to(&load->bench);
		if (epoll < 0 ||
		    epoll_ctl(epoll, EPOLL_CTL_ADD, load->clients[i].http.fd, &event) < 0)
			die("epoll: %s", strerror(errno));
	}
	for (size_t i = 0; load->rate == 0 && i < load->connections && i < load->n_messages; i++)
		send_next(load, &load->clients[i], now_ns());
	while (load->answered < load->n_messages) {
		int n;
		if (load->rate > 0)
			due_ns = send_due(load, due_ns);
		n = epoll_wait(epoll, events, 64, load->rate > 0 ? 1 : 20000);
		if (n == 0 && load->rate == 0)
			die("silence for 20 s after %zu answers", load->answered);
		for (int i = 0; i < n; i++)
			on_readable(load, events[i].data.ptr);
	}
}

static void report(const struct load *load, double server, double redis, double seconds)
{
	double votes = (double)load->accepted;

	qsort(load->latency_us, load->answered, sizeof(uint32_t), by_size);
	(void)printf("votes accepted        %10zu\n", load->accepted);
	(void)printf("accepted a second     %10.0f\n", votes / seconds);
	(void)printf("server's CPU a vote   %10.2f us\n", server / votes);
	(void)printf("Redis' CPU a vote     %10.2f us\n", redis / votes);
	(void)printf("latency p50           %10.2f ms\n",
	    percentile(load->latency_us, load->answered, 0.50) / 1000);
	(void)printf("latency p99           %10.2f ms\n",
	    percentile(load->latency_us, load->answered, 0.99) / 1000);
}

static double cpu_of(const struct processes *all)
{
	double sum = 0;

	for (size_t i = 0; i < all->n; i++)
		sum += all->kind[i] == PROCESS_REDIS ? 0 : process_cpu_us(all->pid[i]);
	return sum;
}

int main(int argc, char **argv)
{
	long dialect = 0, port = 0, supervisor = 0, redis = 0, connections = 64,
	     rate = AS_FAST_AS_TAKEN;
	struct load load = {.count = 10000};
	struct processes all = {0};
	double server, of_redis;
	int64_t began;
	const struct bench_option options[] = {{"dialect", &dialect}, {"port", &port},
	    {"supervisor", &supervisor}, {"redis", &redis}, {"count", &load.count},
	    {"connections", &connections}, {"rate", &rate}, {NULL, NULL}};
	const char *config = bench_arguments(argc, argv, usage, options);

	load.dialect = (enum dialect)dialect;
	load.connections = (size_t)connections;
	load.rate = rate == AS_FAST_AS_TAKEN ? 0 : rate;
	bench_load(&load.bench, config, port);
	load.ledger = office_ledger_options(load.bench.round);
	if (load.ledger.shards != 1)
		die("the contest has %u shards, not 1", load.ledger.shards);
	load.clients = calloc(load.connections, sizeof(*load.clients));
	if (load.clients == NULL)
		die("not enough memory");
	mint(&load);
	processes_find(&all, (pid_t)supervisor);
	server = cpu_of(&all);
	of_redis = process_cpu_us((pid_t)redis);
	began = now_ns();
	run(&load);
	report(&load, cpu_of(&all) - server, process_cpu_us((pid_t)redis) - of_redis,
	    (double)(now_ns() - began) / 1e9);
	for (size_t i = 0; i < load.n_messages; i++)
		free(load.messages[i].text);
	free(load.messages);
	free(load.latency_us);
	free(load.clients);
	bench_release(&load.bench);
	return load.accepted == load.done ? EX_OK : EX_SOFTWARE;
}
