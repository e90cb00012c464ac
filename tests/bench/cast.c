/* Casts votes as fast as the daemon accepts them: tokens minted offline with the round's private
 * key, keep-alive connections, one request in flight on each. Says what a vote costs. */
#include <fcntl.h>
#include <sys/epoll.h>

#include "bench.h"
#include "floor.h"

static const char usage[] =
    "Usage: cast -c FILE --port PORT --supervisor PID [--count N] [--connections N]\n"
    "\n"
    "Casts N votes (20000) over N connections (64) at the daemon that runs with the configuration "
    "FILE\n"
    "and is the process PID.\n";

struct client {
	struct bench_client http;
	int64_t sent_ns;
};

struct load {
	struct bench bench;
	struct bench_request *requests;
	uint32_t *latency_us;
	size_t count, next, done, accepted;
	struct client *clients;
	size_t connections;
	size_t reply_bytes; /* of the last reply */
	char first_refusal[400];
};

static void send_next(struct load *load, struct client *client)
{
	const struct bench_request *request;

	if (load->next == load->count)
		return;
	request = &load->requests[load->next++];
	client->sent_ns = now_ns();
	client_send(&client->http, request->text, request->len);
}

static void take_reply(struct load *load, struct client *client)
{
	if (client_has_status(&client->http, "201"))
		load->accepted++;
	else if (load->first_refusal[0] == '\0')
		(void)snprintf(
		    load->first_refusal, sizeof(load->first_refusal), "%.390s", client->http.reply);
	load->reply_bytes = client->http.len;
	load->latency_us[load->done++] = (uint32_t)((now_ns() - client->sent_ns) / 1000);
}

static void on_readable(struct load *load, struct client *client)
{
	if (client_receive(&client->http)) {
		take_reply(load, client);
		send_next(load, client);
	}
}

static void run(struct load *load)
{
	struct epoll_event events[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0)
		die("epoll: %s", strerror(errno));
	for (size_t i = 0; i < load->connections; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &load->clients[i]};
		load->clients[i].http.fd = connect_to(&load->bench);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, load->clients[i].http.fd, &event) < 0)
			die("epoll: %s", strerror(errno));
	}
	for (size_t i = 0; i < load->connections; i++)
		send_next(load, &load->clients[i]);
	while (load->done < load->count) {
		int n = epoll_wait(epoll, events, 64, 10000);
		if (n == 0)
			die("the daemon was silent for 10 s after %zu replies", load->done);
		for (int i = 0; i < n; i++)
			on_readable(load, events[i].data.ptr);
	}
	for (size_t i = 0; i < load->connections; i++)
		(void)close(load->clients[i].http.fd);
	(void)close(epoll);
}

static void mint_all(struct load *load)
{
	for (size_t i = 0; i < load->count; i++)
		bench_mint(&load->bench, i * i, &load->requests[i]);
}

static double kernel_floor(const struct load *load)
{
	return kernel_floor_us(&(struct kernel_floor){
	    .sockets = load->connections,
	    .request = load->requests[0].len,
	    .reply = load->reply_bytes,
	    .replies = 20000 / load->connections + 1,
	});
}

static void report(const struct load *load, const struct processes *all, double seconds,
    const double before[PROCESS_KINDS], double floor)
{
	double votes = (double)load->accepted;
	double worker = (cpu_us(all, PROCESS_WORKER) - before[PROCESS_WORKER]) / votes;
	double redis = (cpu_us(all, PROCESS_REDIS) - before[PROCESS_REDIS]) / votes;
	double other = (cpu_us(all, PROCESS_OTHER) - before[PROCESS_OTHER]) / votes;

	qsort(load->latency_us, load->done, sizeof(uint32_t), by_size);
	(void)printf("votes accepted        %10zu of %zu over %zu connections\n", load->accepted,
	    load->count, load->connections);
	(void)printf("accepted a second     %10.0f\n", votes / seconds);
	(void)printf("latency p50           %10.2f ms\n",
	    percentile(load->latency_us, load->done, 0.50) / 1000);
	(void)printf("latency p99           %10.2f ms\n",
	    percentile(load->latency_us, load->done, 0.99) / 1000);
	(void)printf("workers' CPU a vote   %10.1f us\n", worker);
	(void)printf("Redis' CPU a vote     %10.1f us\n", redis);
	(void)printf("others' CPU a vote    %10.1f us (supervisor, signer)\n", other);
	(void)printf(
	    "RSA-2048 verify       %10.1f us (openssl speed, lower of before and after)\n", floor);
	(void)printf("recv and send alone   %10.1f us (the same sizes, nothing done between)\n",
	    kernel_floor(load));
	(void)printf("workers over verify   %10.1f us\n", worker - floor);
	if (load->first_refusal[0] != '\0')
		(void)printf("first refusal: %s\n", load->first_refusal);
}

int main(int argc, char **argv)
{
	long port = 0, supervisor = 0, count = 20000, connections = 64;
	struct load load = {0};
	struct processes all = {0};
	double before[PROCESS_KINDS], floor, floor_after, seconds;
	int64_t began;
	const struct bench_option options[] = {{"port", &port}, {"supervisor", &supervisor},
	    {"count", &count}, {"connections", &connections}, {NULL, NULL}};
	const char *config = bench_arguments(argc, argv, usage, options);

	load.count = (size_t)count;
	load.connections = (size_t)connections;
	raise_descriptors(load.connections + 32);
	bench_load(&load.bench, config, port);
	load.requests = calloc(load.count, sizeof(*load.requests));
	load.latency_us = calloc(load.count, sizeof(*load.latency_us));
	load.clients = calloc(load.connections, sizeof(*load.clients));
	if (load.requests == NULL || load.latency_us == NULL || load.clients == NULL)
		die("not enough memory");
	mint_all(&load);
	processes_find(&all, (pid_t)supervisor);
	floor = verify_floor_us();
	for (enum process_kind kind = 0; kind < PROCESS_KINDS; kind++)
		before[kind] = cpu_us(&all, kind);
	began = now_ns();
	run(&load);
	seconds = (double)(now_ns() - began) / 1e9;
	floor_after = verify_floor_us();
	report(&load, &all, seconds, before, floor_after < floor ? floor_after : floor);
	free(load.requests);
	free(load.latency_us);
	free(load.clients);
	bench_release(&load.bench);
	return load.accepted == load.count ? EX_OK : EX_SOFTWARE;
}
