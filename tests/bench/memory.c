/* What a voter takes of Redis' memory, and a ballot of its processor time: casts straight through
 * the ledger, as a worker does, so many ballots a call. Tokens are random: nobody verifies them
 * here. */
#include <event2/event.h>

#include "bench.h"
#include "office/office.h"
#include "store/redis.h"

static const char usage[] =
    "Usage: memory -c FILE --port PORT --supervisor PID [--voters N] [--batch N]\n"
    "\n"
    "Casts the ballots of N voters (100000), N in a call (32), into the Redis of the daemon that "
    "runs\n"
    "with the configuration FILE; its contest has one shard. Syncing is off meanwhile, and so is "
    "rewriting the file.\n";

struct load {
	struct bench bench;
	struct event_base *base;
	struct redis *redis; /* asks */
	struct redis *casting;
	struct ledger *ledger;
	long voters, batch;
	unsigned pending;
	long counted;
	double number; /* of the last question */
};

/* ---- questions ---- */

static void wait_for(struct load *load)
{
	while (load->pending > 0)
		if (event_base_loop(load->base, EVLOOP_ONCE) != 0)
			die("the loop has ended");
}

static void on_number(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct load *load = arg;

	if (outcome != REDIS_OK || redis_reply_kind(reply) == REDIS_ERROR)
		die("Redis: %.*s", (int)redis_reply_text(reply).len, redis_reply_text(reply).ptr);
	load->number += (double)redis_reply_integer(reply);
	load->pending--;
}

static const char *info_field; /* of the INFO that is asked for */

static void on_info(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct load *load = arg;
	char line[64];
	const char *at;

	(void)snprintf(line, sizeof(line), "\n%s:", info_field);
	at = outcome == REDIS_OK ? strstr(redis_reply_text(reply).ptr, line) : NULL;
	if (!at)
		die("Redis does not tell %s", info_field);
	load->number = strtod(at + strlen(line), NULL);
	load->pending--;
}

static double info(struct load *load, const char *field)
{
	info_field = field;
	load->pending = 1;
	redis_call(load->redis, on_info, load, 2,
	    (struct slice[]){slice_text("INFO"), slice_text("everything")});
	wait_for(load);
	return load->number;
}

static void on_clients(void *arg, enum redis_outcome outcome, const struct redis_reply *reply)
{
	struct load *load = arg;
	const char *at = outcome == REDIS_OK ? redis_reply_text(reply).ptr : NULL;

	load->number = 0;
	while (at && (at = strstr(at, " tot-mem=")))
		load->number += strtod(at += strlen(" tot-mem="), NULL);
	load->pending--;
}

/* Of the data: without what connections have in buffers, which come and go. */
static double used(struct load *load)
{
	double all = info(load, "used_memory");

	load->pending = 1;
	redis_call(load->redis, on_clients, load, 2,
	    (struct slice[]){slice_text("CLIENT"), slice_text("LIST")});
	wait_for(load);
	return all - load->number;
}

static double cpu(struct load *load)
{
	return (info(load, "used_cpu_user") + info(load, "used_cpu_sys")) * 1e6;
}

/* ---- casting ---- */

static void on_cast(void *arg, const struct cast_result *result)
{
	struct load *load = arg;

	load->counted += result->verdict == CAST_COUNTED;
	load->pending--;
}

static void cast_one(struct load *load)
{
	const struct contest *contest = load->bench.round->contest;
	uint8_t random[LEDGER_SPENT_SIZE + LEDGER_TAG_SIZE + 1];
	struct form_increment increment = {.by = 1};
	char text[128];
	const char *id;

	if (RAND_bytes(random, sizeof(random)) <= 0)
		die("no randomness");
	id = contest->entries[random[sizeof(random) - 1] % contest->n_entries].id;
	(void)snprintf(text, sizeof(text), "choices\n%s\n", id);
	(void)snprintf(increment.counter, sizeof(increment.counter), "votes:%s", id);
	load->pending++;
	ledger_cast(load->ledger,
	    &(struct ledger_ballot){.spent = random,
		.tag = random + LEDGER_SPENT_SIZE,
		.text = slice_text(text),
		.replaces = LEDGER_NOT_REPLACING,
		.increments = &increment,
		.n_increments = 1},
	    on_cast, load);
}

/* A few calls are under way at a time, as from several workers. */
enum { CALLS = 16 };

/* Cast before anything is measured: what Redis allocates once, such as a histogram of each command
 * that it meets, is no voter's. */
enum { FIRST = 500 };

static void cast_all(struct load *load, long voters)
{
	load->counted = 0;
	for (long cast = 0; cast < voters;) {
		for (int i = 0; i < CALLS && cast < voters; i++) {
			for (long k = 0; k < load->batch && cast < voters; k++, cast++)
				cast_one(load);
			ledger_flush(load->ledger);
		}
		wait_for(load);
	}
	if (load->counted != voters)
		die("%ld of %ld ballots were counted", load->counted, voters);
}

/* ---- connections ---- */

static void on_state(void *arg, bool connected, const char *why)
{
	struct load *load = arg;

	if (load->ledger)
		ledger_on_redis(load->ledger, connected, why);
}

static void on_ready(void *arg, bool ready, const char *why)
{
	struct load *load = arg;

	if (!ready && ledger_is_refused(load->ledger))
		die("%s", why);
	load->pending -= ready && load->pending > 0;
}

static struct redis *connect_redis(struct load *load, bool casts)
{
	struct redis *redis =
	    redis_new(load->base, &(struct redis_options){
				      .address = load->bench.settings.redis.address,
				      .deadline_ms = 60000,
				      .in_flight_max = 100000,
				      .backoff_max_ms = 1000,
				      .on_state = casts ? on_state : NULL,
				      .arg = load,
				  });

	if (!redis)
		die("%s: %s", load->bench.settings.redis.address, strerror(errno));
	return redis;
}

static void open_questions(struct load *load)
{
	load->base = event_base_new();
	load->redis = connect_redis(load, false);
	while (!redis_is_connected(load->redis))
		(void)event_base_loop(load->base, EVLOOP_ONCE);
	load->pending = 1;
	redis_call(load->redis, on_number, load, 6,
	    (struct slice[]){slice_text("CONFIG"), slice_text("SET"), slice_text("appendfsync"),
		slice_text("no"), slice_text("auto-aof-rewrite-percentage"), slice_text("0")});
	wait_for(load);
}

static void open_ledger(struct load *load)
{
	struct ledger_options options = office_ledger_options(load->bench.round);

	if (options.shards != 1)
		die("the contest has %u shards, not 1", options.shards);
	options.in_flight_max = 100000;
	options.on_ready = on_ready;
	options.arg = load;
	load->casting = connect_redis(load, true);
	load->pending = 1;
	load->ledger = ledger_new(load->base, load->casting, &options);
	if (!load->ledger)
		die("not enough memory");
	wait_for(load);
}

/* ---- what it took ---- */

/* MEMORY USAGE of every bucket, many questions under way at a time. */
static double bucket_bytes(struct load *load)
{
	const struct contest *contest = load->bench.round->contest;
	unsigned buckets = contest_shard_buckets(contest);

	load->number = 0;
	for (unsigned i = 0; i < buckets; i++) {
		char key[128];

		(void)snprintf(key, sizeof(key), "{%s/0}:spent:%u", load->bench.round->name, i);
		load->pending++;
		redis_call(load->redis, on_number, load, 5,
		    (struct slice[]){slice_text("MEMORY"), slice_text("USAGE"), slice_text(key),
			slice_text("SAMPLES"), slice_text("0")});
		if (load->pending == 1000)
			wait_for(load);
	}
	wait_for(load);
	return load->number;
}

static void run(struct load *load)
{
	double voters = (double)load->voters;
	double before, file, cpu_before, cpu_after, grown, buckets;

	open_ledger(load);
	cast_all(load, FIRST);
	(void)used(load);
	before = used(load);
	file = info(load, "aof_current_size");
	cpu_before = cpu(load);
	cast_all(load, load->voters);
	cpu_after = cpu(load);
	grown = used(load) - before;
	file = info(load, "aof_current_size") - file;
	buckets = bucket_bytes(load);
	(void)printf("voters                %10ld in calls of %ld\n", load->voters, load->batch);
	(void)printf("Redis' memory         %10.1f bytes a voter\n", grown / voters);
	(void)printf("- spent tokens        %10.1f\n", buckets / voters);
	(void)printf("- log, counters, rest %10.1f\n", (grown - buckets) / voters);
	(void)printf("append-only file      %10.1f bytes a voter\n", file / voters);
	(void)printf(
	    "Redis' CPU a ballot   %10.2f us (not synced)\n", (cpu_after - cpu_before) / voters);
}

int main(int argc, char **argv)
{
	long port = 0, supervisor = 0;
	struct load load = {.voters = 100000, .batch = 32};
	const struct bench_option options[] = {{"port", &port}, {"supervisor", &supervisor},
	    {"voters", &load.voters}, {"batch", &load.batch}, {NULL, NULL}};
	const char *config = bench_arguments(argc, argv, usage, options);

	bench_load(&load.bench, config, port);
	open_questions(&load);
	run(&load);
	redis_free(load.casting);
	redis_free(load.redis);
	ledger_free(load.ledger);
	event_base_free(load.base);
	bench_release(&load.bench);
	return EX_OK;
}
