/* Keys, connection, timers, and the record of each contest; what is done for a shard is in
 * shardlog.c. */
#include "worker/sealer.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/crypto.h>

#include "api/app.h"
#include "base/log.h"
#include "office/sealing.h"
#include "store/desk.h"
#include "store/redis.h"
#include "store/redis_settings.h"
#include "store/seal.h"
#include "worker/child.h"
#include "worker/endings.h"
#include "config/secret.h"
#include "worker/shardlog.h"

#define RECORD_MS   1000
#define TICK_MIN_MS 50
#define TICK_MAX_MS 250
/* Writing to a slow disk may keep this process from reading replies that are there. */
#define REDIS_DEADLINE_MS 10000
#define FINISH_MS         1500

struct sealer;

struct round_log { /* the logs of one round */
	struct sealer *sealer;
	const struct round *round;
	uint8_t seed[32];
	struct hmac_key *salt_key;
	struct seal *seal;
	struct desk *desk;
	struct office office;   /* without a ledger */
	struct sealing sealing; /* the record as it was read last; epoch 0: not yet */
	struct endings endings;
	unsigned readings;
	bool record_asked, record_damaged, halt_told;
	char (*identities)[ORIGIN_MAX];
	char (*paths)[PATH_MAX];
	struct shardlog **logs;
	unsigned n_logs;
	struct event *on_tick, *on_record;
};

struct sealer {
	const struct sealer_options *options;
	struct event_base *base;
	struct redis *redis;
	struct event *on_quit, *on_late;
	struct round_log *rounds;
	char password[SECRET_MAX];
	char holder[160];
	bool finishing;
};

/* ---- the contest's record ---- */

static void on_halt_told(void *arg, const struct verdict *verdict)
{
	struct round_log *round = arg;

	(void)verdict; /* the next reading shows */
	round->halt_told = false;
}

/* Every page learns of a halt from the record. Told by whichever host finds it missing there, right
 * after reading it, so that a halt of before cannot come into the next epoch. */
static void tell_halt(struct round_log *round)
{
	for (unsigned i = 0; i < round->n_logs && !round->halt_told; i++) {
		const char *why = shardlog_halted(round->logs[i], round->sealing.epoch);

		if (!why)
			continue;
		round->halt_told = true;
		sealing_halt(&round->office, i, why, on_halt_told, round);
	}
}

static void on_record(void *arg, const struct desk_view *view)
{
	struct round_log *round = arg;
	struct sealing sealing;

	round->record_asked = false;
	if (!view)
		return; /* the desk has told why; what was known stands */
	if (sealing_read(view, &sealing) != 0) {
		if (!round->record_damaged)
			log_error(
			    "%s: the record's epoch or halt cannot be read; see \"The record in "
			    "Redis is damaged\" in ops/runbook.md",
			    round->round->name);
		round->record_damaged = true;
		return;
	}
	round->record_damaged = false;
	sealing_release(&round->sealing);
	round->sealing = sealing;
	round->readings++;
	if (sealing.epoch > 2)
		endings_learn(&round->endings, round->desk, sealing.epoch);
	if (!sealing.halted)
		tell_halt(round);
}

static void read_record(struct round_log *round)
{
	if (round->record_asked || !redis_is_connected(round->sealer->redis))
		return;
	round->record_asked = true;
	desk_read(round->desk, NULL, 0, on_record, round);
}

static void on_record_due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	read_record(arg);
}

/* ---- ticks ---- */

static void end_when_finished(struct sealer *sealer)
{
	for (size_t i = 0; i < sealer->options->n_rounds; i++)
		for (unsigned k = 0; k < sealer->rounds[i].n_logs; k++)
			if (!shardlog_is_finished(sealer->rounds[i].logs[k]))
				return;
	event_base_loopbreak(sealer->base);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct round_log *round = arg;

	(void)fd;
	(void)what;
	if (!redis_is_connected(round->sealer->redis))
		return;
	for (unsigned i = 0; i < round->n_logs; i++)
		shardlog_tick(round->logs[i]);
}

static void on_redis(void *arg, bool connected, const char *why)
{
	struct sealer *sealer = arg;

	if (!connected) {
		log_debug("redis: %s", why);
		return;
	}
	for (size_t i = 0; i < sealer->options->n_rounds; i++) {
		struct round_log *round = &sealer->rounds[i];

		sealing_release(&round->sealing);
		round->sealing.epoch = 0; /* this Redis' record is to be read first */
		endings_forget(&round->endings);
		for (unsigned k = 0; k < round->n_logs; k++)
			shardlog_reconnected(round->logs[k]);
		read_record(round);
	}
}

/* ---- the end ---- */

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct sealer *sealer = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(sealer->base); /* what is left is sealed after the next start */
}

static void on_quit(evutil_socket_t fd, short what, void *arg)
{
	struct sealer *sealer = arg;
	static const struct timeval late = {FINISH_MS / 1000, (FINISH_MS % 1000) * 1000};

	(void)fd;
	(void)what;
	if (sealer->finishing)
		return;
	sealer->finishing = true;
	evtimer_add(sealer->on_late, &late);
	if (!redis_is_connected(sealer->redis)) {
		event_base_loopbreak(sealer->base);
		return;
	}
	for (size_t i = 0; i < sealer->options->n_rounds; i++)
		for (unsigned k = 0; k < sealer->rounds[i].n_logs; k++)
			shardlog_finish(sealer->rounds[i].logs[k]);
}

/* ---- wiring ---- */

/* Checkpoints by another key than the published one would be worth nothing to voters. 0, or the
 * exit status, told in the log. */
static int load_seed(const struct settings *settings, struct round_log *round)
{
	char why[KEYRING_WHY_MAX];
	uint8_t public_key[32];

	if (!settings->ballot_log.sign)
		return 0;
	if (keyring_load_log_private(settings->keys, round->round->name, round->seed, why) != 0) {
		log_error("%s On a host that is to follow only, set ballot_log.sign: false.", why);
		return EX_NOINPUT;
	}
	if (note_public(round->seed, public_key) != 0 ||
	    memcmp(public_key, round->round->keys.log_key, sizeof(public_key)) != 0) {
		log_error(
		    "%s/%s: log.private.pem does not belong to log.public.pem; restore both "
		    "from one backup",
		    settings->keys, round->round->name);
		return EX_CONFIG;
	}
	return 0;
}

static int start_log(struct round_log *round, unsigned i, struct seal_stats *stats)
{
	const struct settings *settings = round->sealer->options->settings;
	const struct contest *contest = round->round->contest;
	int len = snprintf(
	    round->paths[i], PATH_MAX, "%s/%s/%u", settings->ballot_log.dir, round->round->name, i);

	if (len < 0 || len >= PATH_MAX - NAME_MAX)
		return -ENAMETOOLONG;
	if (commitment_origin(settings->log_name, contest, i, round->identities[i]) != 0)
		return -ENAMETOOLONG;
	round->logs[i] = shardlog_new(&(struct shardlog_options){
	    .seal = round->seal,
	    .shard = i,
	    .identity = round->identities[i],
	    .path = round->paths[i],
	    .key = round->round->keys.log_key,
	    .seed = settings->ballot_log.sign ? round->seed : NULL,
	    .salt_key = round->salt_key,
	    .rules_hash = round->round->rules_hash,
	    .min_entries = (unsigned)contest->seal.min_entries,
	    .max_wait_ms = (unsigned)contest->seal.max_wait_ms,
	    .late_after_ms =
		(unsigned)contest->seal.max_wait_ms + (unsigned)settings->ballot_log.lease_ms,
	    .sealing = &round->sealing,
	    .readings = &round->readings,
	    .endings = &round->endings,
	    .stats = stats,
	});
	return round->logs[i] ? 0 : -ENOMEM;
}

static int start_timer(
    struct round_log *round, int ms, event_callback_fn callback, struct event **ret_event)
{
	struct timeval every = {ms / 1000, (ms % 1000) * 1000};

	*ret_event = event_new(round->sealer->base, -1, EV_PERSIST, callback, round);
	return *ret_event && event_add(*ret_event, &every) == 0 ? 0 : -ENOMEM;
}

static int start_round(struct sealer *sealer, size_t n, struct seal_stats *stats)
{
	struct round_log *round = &sealer->rounds[n];
	const struct contest *contest = round->round->contest;
	int tick_ms = contest->seal.max_wait_ms / 4, r;

	round->n_logs = contest->shards;
	round->salt_key =
	    hmac_key_new(slice_make(round->round->keys.salt, sizeof(round->round->keys.salt)));
	round->desk = desk_new(
	    sealer->base, sealer->redis, &(struct desk_options){.round = round->round->name});
	round->seal = seal_new(
	    sealer->redis, &(struct seal_options){
			       .round = round->round->name,
			       .packing = contest,
			       .shards = contest->shards,
			       .holder = sealer->holder,
			       .lease_ms = (unsigned)sealer->options->settings->ballot_log.lease_ms,
			   });
	round->identities = calloc(contest->shards, sizeof(*round->identities));
	round->paths = calloc(contest->shards, sizeof(*round->paths));
	round->logs = calloc(contest->shards, sizeof(struct shardlog *));
	if (!round->salt_key || !round->desk || !round->seal || !round->identities ||
	    !round->paths || !round->logs)
		return -ENOMEM;
	round->office = (struct office){.round = round->round, .desk = round->desk};
	for (unsigned i = 0; i < contest->shards; i++) {
		r = start_log(round, i, &stats[i]);
		if (r < 0)
			return r;
	}
	tick_ms = tick_ms < TICK_MIN_MS   ? TICK_MIN_MS
		  : tick_ms > TICK_MAX_MS ? TICK_MAX_MS
					  : tick_ms;
	r = start_timer(round, tick_ms, on_tick, &round->on_tick);
	return r < 0 ? r : start_timer(round, RECORD_MS, on_record_due, &round->on_record);
}

/* Unique for each start, so that nobody takes another's lease for its own. */
static void name_holder(struct sealer *sealer)
{
	char host[64] = "";
	unsigned random;

	evutil_secure_rng_get_bytes(&random, sizeof(random));
	(void)gethostname(host, sizeof(host) - 1);
	snprintf(
	    sealer->holder, sizeof(sealer->holder), "%s/%ld/%08x", host, (long)getpid(), random);
}

static int start(struct sealer *sealer)
{
	const struct sealer_options *options = sealer->options;
	const struct settings *settings = options->settings;
	struct seal_stats *stats = options->seals;
	struct redis_options redis;
	int r;

	sealer->base = event_base_new();
	if (!sealer->base)
		return -ENOMEM;
	name_holder(sealer);
	r = secret_read("redis.password_file", settings->redis.password_file, sealer->password);
	if (r < 0)
		return r;
	redis = redis_options_from(settings, sealer->password);
	redis.deadline_ms = REDIS_DEADLINE_MS;
	redis.on_state = on_redis;
	redis.arg = sealer;
	sealer->redis = redis_new(sealer->base, &redis);
	if (!sealer->redis)
		return -errno;
	for (size_t i = 0; i < options->n_rounds; i++) {
		r = start_round(sealer, i, stats);
		if (r < 0)
			return r;
		stats += options->rounds[i]->contest->shards;
	}
	sealer->on_quit = evsignal_new(sealer->base, SIGQUIT, on_quit, sealer);
	sealer->on_late = evtimer_new(sealer->base, on_late, sealer);
	if (!sealer->on_quit || !sealer->on_late || event_add(sealer->on_quit, NULL) != 0)
		return -ENOMEM;
	return 0;
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static void stop_round(struct round_log *round)
{
	for (unsigned i = 0; round->logs && i < round->n_logs; i++)
		shardlog_free(round->logs[i]);
	free(round->logs);
	free(round->paths);
	free(round->identities);
	desk_free(round->desk);
	seal_free(round->seal);
	hmac_key_free(round->salt_key);
	sealing_release(&round->sealing);
	endings_forget(&round->endings);
	free_event(round->on_tick);
	free_event(round->on_record);
}

/* Redis goes first: what waits for it is told so while it is still there to hear it. */
static void stop(struct sealer *sealer)
{
	redis_free(sealer->redis);
	for (size_t i = 0; sealer->rounds && i < sealer->options->n_rounds; i++)
		stop_round(&sealer->rounds[i]);
	free_event(sealer->on_quit);
	free_event(sealer->on_late);
	if (sealer->base)
		event_base_free(sealer->base);
}

static int load_seeds(struct sealer *sealer)
{
	const struct sealer_options *options = sealer->options;
	int status = EX_OK;

	for (size_t i = 0; status == EX_OK && i < options->n_rounds; i++) {
		sealer->rounds[i].sealer = sealer;
		sealer->rounds[i].round = options->rounds[i];
		status = load_seed(options->settings, &sealer->rounds[i]);
	}
	return status;
}

static void cleanse(struct sealer *sealer)
{
	if (sealer->rounds)
		OPENSSL_cleanse(
		    sealer->rounds, sealer->options->n_rounds * sizeof(*sealer->rounds));
	free(sealer->rounds);
	OPENSSL_cleanse(sealer->password, sizeof(sealer->password));
}

/* SIGQUIT ends the wait with the process: nothing is under way yet. */
static void await_end(int fd)
{
	char byte;

	while (read(fd, &byte, sizeof(byte)) < 0 && errno == EINTR)
		;
}

int sealer_process(const struct sealer_options *options)
{
	struct sealer sealer = {.options = options};
	int status, r;

	/* SIGTERM may be sent to the whole group, and workers still take ballots while they drain.
	 */
	signal(SIGTERM, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0); /* no core file, no ptrace: the keys are in this memory */
	sealer.rounds = calloc(options->n_rounds, sizeof(*sealer.rounds));
	status = sealer.rounds ? load_seeds(&sealer) : EX_OSERR;
	if (status == EX_OK) {
		child_report(options->report_fd, NULL);
		await_end(options->begin_fd);
		r = start(&sealer);
		if (r == 0) {
			while (!event_base_got_break(sealer.base)) {
				event_base_loop(sealer.base, EVLOOP_ONCE);
				if (sealer.finishing)
					end_when_finished(&sealer);
			}
		} else {
			log_error("the sealer cannot start: %s", strerror(-r));
			status = EX_OSERR;
		}
	}
	stop(&sealer);
	cleanse(&sealer);
	return status;
}
