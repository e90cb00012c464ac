/* Fills a contest with votes that nobody cast, for what is measured on a full Redis: through the
 * ledger, in batches as the daemon casts, each with the identity that its token was issued to. */
#include <event2/event.h>

#include "bench.h"
#include "office/office.h"
#include "store/ledger.h"
#include "store/redis.h"

static const char usage[] =
    "Usage: fill -c FILE --count N\n"
    "\n"
    "Casts N votes, and issues as many tokens, in the first contest of the configuration FILE.\n";

enum { UNDER_WAY = 512 };

struct fill {
	struct bench bench;
	struct event_base *base;
	struct redis *redis;
	struct ledger *ledger;
	struct form_increment increments[CONTEST_INCREMENTS_MAX];
	size_t n_increments;
	struct buf text;
	long sent, done, count;
};

static void on_issued(void *arg, enum issue_verdict verdict)
{
	struct fill *fill = arg;

	if (verdict != ISSUE_NEW)
		die("a token was not issued: %d", (int)verdict);
	fill->done++;
}

static void on_cast(void *arg, const struct cast_result *result)
{
	struct fill *fill = arg;

	if (result->verdict != CAST_COUNTED)
		die("a ballot was not counted: %d", (int)result->verdict);
	fill->done++;
}

static void send_one(struct fill *fill)
{
	uint8_t id[32], tag[LEDGER_TAG_SIZE] = {0};

	if (RAND_bytes(id, sizeof(id)) != 1)
		die("no random numbers");
	ledger_issue(fill->ledger, id, id, on_issued, fill);
	ledger_cast(fill->ledger,
	    &(struct ledger_ballot){.spent = id,
		.tag = tag,
		.text = buf_slice(&fill->text),
		.replaces = LEDGER_NOT_REPLACING,
		.increments = fill->increments,
		.n_increments = fill->n_increments},
	    on_cast, fill);
	fill->sent++;
}

static void make_ballot(struct fill *fill)
{
	const struct contest *contest = fill->bench.round->contest;
	struct ballot ballot = {.present = {true}};

	buf_init(&fill->text, 4096);
	if (ballot_print(contest, &ballot, &fill->text) < 0)
		die("out of memory");
	fill->n_increments = ballot_increments(contest, &ballot, NULL, fill->increments);
}

static void open_ledger(struct fill *fill)
{
	struct ledger_options options = office_ledger_options(fill->bench.round);

	fill->base = event_base_new();
	fill->redis = redis_new(
	    fill->base, &(struct redis_options){.address = fill->bench.settings.redis.address,
			    .deadline_ms = 30000,
			    .in_flight_max = 4 * UNDER_WAY,
			    .backoff_max_ms = 100});
	options.in_flight_max = 2 * UNDER_WAY;
	fill->ledger = ledger_new(fill->base, fill->redis, &options);
	if (!fill->redis || !fill->ledger)
		die("out of memory");
	while (!redis_is_connected(fill->redis))
		event_base_loop(fill->base, EVLOOP_ONCE);
	ledger_on_redis(fill->ledger, true, NULL);
	while (!ledger_is_ready(fill->ledger))
		event_base_loop(fill->base, EVLOOP_ONCE);
}

int main(int argc, char **argv)
{
	struct fill fill = {0};
	const struct bench_option options[] = {{"count", &fill.count}, {NULL, NULL}};

	bench_load(&fill.bench, bench_arguments(argc, argv, usage, options), 0);
	make_ballot(&fill);
	open_ledger(&fill);
	while (fill.done < 2 * fill.count) {
		while (fill.sent < fill.count && 2 * fill.sent - fill.done < UNDER_WAY)
			send_one(&fill);
		ledger_flush(fill.ledger);
		event_base_loop(fill.base, EVLOOP_ONCE);
	}
	redis_free(fill.redis);
	ledger_free(fill.ledger);
	event_base_free(fill.base);
	buf_release(&fill.text);
	bench_release(&fill.bench);
	return EX_OK;
}
