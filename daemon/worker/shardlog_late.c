/* Ballots that wait too long for a checkpoint: nobody can take the lease, a disk is full, Redis
 * refuses to write. Each has its own message or none; this tells of the outcome: in the log once,
 * to this host's workers all the time (struct seal_stats), to every host's tallyctl in Redis. */
#include "worker/shardlog_impl.h"

#include "base/clock.h"
#include "base/log.h"

void shardlog_watch(struct shardlog *log)
{
	struct seal_stats *stats = log->options.stats;
	uint64_t sealed = log->dir.published.size, all = log->view.log_size;

	if (stats->waiting_since_steady_ms && sealed < log->waiting_size)
		return;
	/* The next one that waits may have come since: it has waited for no time that is known. */
	stats->waiting_since_steady_ms = all > sealed ? clock_steady_ms() : 0;
	log->waiting_size = all;
	if (log->late_told)
		log_info("%s: what waited to be sealed is sealed", log->options.identity);
	log->late_told = log->late_put = false;
}

static void on_put(void *arg, enum seal_outcome outcome)
{
	struct shardlog *log = arg;

	log->late_put = outcome == SEAL_STORED;
	shardlog_look(log, false);
}

static void tell(struct shardlog *log)
{
	const struct seal_view *view = &log->view;
	unsigned long long waiting = log->waiting_size - log->dir.published.size;

	log_warn(
	    "%s: %llu ballots have waited for a checkpoint for %lld s and more%s. Votes are taken; "
	    "see \"Sealing is late\" in ops/runbook.md",
	    log->options.identity, waiting, (long long)seal_waits_ms(log->options.stats) / 1000,
	    !log->fence && view->until_ms > view->now_ms ? "; another holds the lease" : "");
}

bool shardlog_tell_late(struct shardlog *log)
{
	const struct seal_stats *stats = log->options.stats;

	if (!log->epoch || stats->state == SEAL_HALTING || !seal_is_late(stats))
		return false;
	if (!log->late_told)
		tell(log);
	log->late_told = true;
	if (log->late_put || log->view.size >= log->waiting_size)
		return false;
	log->step = STEP_CHANGE;
	seal_late(
	    log->options.seal, log->options.shard, (unsigned)seal_waits_ms(stats), on_put, log);
	return true;
}
