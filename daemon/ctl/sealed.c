/* Asks the record, then every shard, and reads this host's checkpoints.
 *
 *   sealed_look: on_record -> (each shard: on_shard, again after a moment where the library was not
 *   there yet) -> read_disk */
#include "ctl/sealed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "tlog/files.h"

#define TRIES_MAX 30
#define AGAIN_MS  100
#define EPOCH_MAX 1000000 /* nobody begins so many */

enum asking { ASK_LOOK, ASK_HALT, ASK_REWIND };

/* One shard that is asked. */
struct asked {
	struct sealed *sealed;
	unsigned shard;
	enum asking asking;
	const char *why; /* of a halt */
};

static unsigned shards_of(const struct sealed *sealed)
{
	return sealed->session->round->contest->shards;
}

/* ---- checkpoints ---- */

static void judge_note(const struct sealed *sealed, const struct sealed_shard *shard,
    struct slice note, struct sealed_note *ret_note)
{
	*ret_note = (struct sealed_note){.any = note.len > 0};
	ret_note->good =
	    note.len > 0 && checkpoint_open(note, shard->origin,
				sealed->session->round->keys.log_key, &ret_note->checkpoint) == 0;
}

static void note_tokens(const struct sealed *sealed, struct sealed_shard *shard, struct slice note)
{
	uint64_t size, issued;

	if (note.len > 0 &&
	    issued_open(
		note, shard->origin, sealed->session->round->keys.log_key, &size, &issued) == 0 &&
	    issued > shard->issued_noted)
		shard->issued_noted = issued;
}

/* Whether the log's key has begun the epoch that the shard is in. */
static bool is_begun(const struct sealed *sealed, unsigned shard, const struct seal_view *view)
{
	const struct session *session = sealed->session;
	char identity[ORIGIN_MAX], origin[ORIGIN_MAX], old_origin[ORIGIN_MAX];
	struct checkpoint end;

	return commitment_origin(session->ctl->settings.log_name, session->round->contest, shard,
		   identity) == 0 &&
	       commitment_epoch_origin(identity, view->epoch, origin) == 0 &&
	       commitment_epoch_origin(identity, view->epoch - 1, old_origin) == 0 &&
	       statement_open(
		   view->statement, origin, old_origin, session->round->keys.log_key, &end) == 0;
}

/* ---- in a word ---- */

bool sealed_is_behind(const struct sealed_shard *shard)
{
	uint64_t here = shard->here.good ? shard->here.checkpoint.size : shard->here_lost;
	uint64_t sealed = shard->redis.good ? shard->redis.checkpoint.size : 0;

	return !shard->error && (here > shard->ballots || here > sealed);
}

/* A shard may have halted a moment before the record says so, or alone. */
const char *sealed_word(const struct sealed_shard *shard)
{
	if (shard->error)
		return shard->error == -ENOENT ? "not opened" : "damaged in Redis";
	if (shard->halt[0])
		return "halted";
	if (shard->here.any && !shard->here.good)
		return "a bad checkpoint here";
	if (sealed_is_behind(shard))
		return "Redis is behind what was signed here";
	if (shard->here_lost || shard->here_from_files)
		return "no checkpoint here";
	if (shard->redis.any && !shard->redis.good)
		return "a bad checkpoint in Redis";
	if (shard->late_ms)
		return "late";
	return shard->latched && shard->redis.good && shard->redis.checkpoint.size == shard->ballots
		   ? "sealed for good"
		   : "ok";
}

/* ---- the disk ---- */

/* Epoch 1 is the shard's directory itself. */
static int open_epoch_dir(const struct sealed *sealed, unsigned shard, uint64_t of)
{
	const struct settings *settings = &sealed->session->ctl->settings;
	char path[4096], epoch[40] = "";
	int len;

	if (of > 1)
		(void)snprintf(epoch, sizeof(epoch), "/epoch-%" PRIu64, of);
	len = snprintf(path, sizeof(path), "%s/%s/%u%s", settings->ballot_log.dir,
	    sealed->session->round->name, shard, epoch);
	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

/* The latest epoch after the first of which this host has a directory; 0: none. */
static uint64_t latest_epoch(const struct sealed *sealed, unsigned shard)
{
	int fd = open_epoch_dir(sealed, shard, 1);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	uint64_t latest = 0;

	if (fd >= 0 && !dir)
		close(fd);
	while (dir && (entry = readdir(dir))) {
		char *end;
		if (strncmp(entry->d_name, "epoch-", 6) != 0)
			continue;
		uint64_t epoch = strtoull(entry->d_name + 6, &end, 10);
		if (*end == '\0' && epoch > latest && epoch < EPOCH_MAX)
			latest = epoch;
	}
	if (dir)
		closedir(dir);
	return latest;
}

static uint64_t epoch_of(const struct sealed *sealed)
{
	uint64_t epoch = sealed->sealing.epoch;

	for (unsigned i = 0; sealed->session->ctl->settings.ballot_log.dir && i < shards_of(sealed);
	     i++) {
		uint64_t latest = latest_epoch(sealed, i);
		if (latest > epoch)
			epoch = latest;
	}
	return epoch;
}

/* Where the checkpoint has gone, the issued note still tells how much was signed, and the tiles
 * what. */
static int read_issued(struct sealed *sealed, unsigned shard, int dir)
{
	struct sealed_shard *at = &sealed->shard[shard];
	struct buf note;
	uint64_t size = 0, issued;
	int r;

	buf_init(&note, CHECKPOINT_MAX);
	r = tlog_read(dir, "issued", CHECKPOINT_MAX, &note);
	if (r == 0 && issued_open(buf_slice(&note), at->origin,
			  sealed->session->round->keys.log_key, &size, &issued) < 0)
		size = 0;
	buf_release(&note);
	if (size == 0)
		return r == -ENOENT || r == -E2BIG ? 0 : r;
	at->here.checkpoint.size = size;
	at->here_from_files = tlog_root(dir, size, at->here.checkpoint.root) == 0;
	at->here.good = at->here_from_files;
	at->here_lost = at->here_from_files ? 0 : size;
	return 0;
}

static int read_note(struct sealed *sealed, unsigned shard, int dir)
{
	struct sealed_shard *at = &sealed->shard[shard];
	struct buf note;
	struct stat st;
	int r;

	at->here_from_files = false;
	at->here_lost = 0;
	buf_init(&note, CHECKPOINT_MAX);
	r = tlog_read(dir, "checkpoint", CHECKPOINT_MAX, &note);
	if (r == 0 && fstatat(dir, "checkpoint", &st, 0) == 0)
		at->here_age_ms = clock_wall_ms() - (int64_t)st.st_mtim.tv_sec * 1000;
	judge_note(sealed, at, r == 0 ? buf_slice(&note) : slice_make(NULL, 0), &at->here);
	buf_release(&note);
	buf_init(&note, CHECKPOINT_MAX);
	if (tlog_read(dir, "issued", CHECKPOINT_MAX, &note) == 0)
		note_tokens(sealed, at, buf_slice(&note));
	buf_release(&note);
	return r == -ENOENT ? read_issued(sealed, shard, dir) : r;
}

static int read_disk(struct sealed *sealed)
{
	for (unsigned i = 0; sealed->session->ctl->settings.ballot_log.dir && i < shards_of(sealed);
	     i++) {
		int dir = open_epoch_dir(sealed, i, sealed->epoch);
		int r = dir >= 0 ? read_note(sealed, i, dir) : dir == -ENOENT ? 0 : dir;

		if (dir >= 0)
			close(dir);
		if (r < 0)
			return ctl_fail(EX_NOINPUT,
			    "the log of shard %u below %s cannot be read: %s.", i,
			    sealed->session->ctl->settings.ballot_log.dir, strerror(-r));
	}
	return EX_OK;
}

/* ---- shards ---- */

static void ask(struct asked *asked);

static void copy_text(struct slice text, char *ret_text, size_t cap)
{
	(void)snprintf(ret_text, cap, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
}

static void keep(struct asked *asked, const struct seal_view *view)
{
	struct sealed *sealed = asked->sealed;
	struct sealed_shard *shard = &sealed->shard[asked->shard];

	sealed->now_ms = view->now_ms;
	shard->ballots = view->log_size;
	shard->latched = view->latched;
	shard->epoch = view->epoch;
	shard->by_hand = view->epoch > sealed->epoch && !is_begun(sealed, asked->shard, view);
	copy_text(view->until_ms > view->now_ms ? view->holder : slice_text(""), shard->holder,
	    sizeof(shard->holder));
	copy_text(view->halt, shard->halt, sizeof(shard->halt));
	shard->late_ms = view->late_ms;
	judge_note(sealed, shard, view->epoch == sealed->epoch ? view->checkpoint : slice_text(""),
	    &shard->redis);
	shard->issued = view->issued;
	note_tokens(sealed, shard, view->issued_note);
}

static void fail(struct sealed *sealed)
{
	if (!sealed->session->done)
		session_done(sealed->session,
		    ctl_fail(EX_UNAVAILABLE, "Redis does not answer; nothing was done."));
}

static void finish(struct asked *asked)
{
	struct sealed *sealed = asked->sealed;

	free(asked);
	if (--sealed->waiting == 0 && !sealed->session->done)
		session_done(sealed->session, EX_OK);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ask(arg);
}

/* A function library that was not there has been loaded meanwhile. */
static void again(struct asked *asked)
{
	static const struct timeval moment = {0, AGAIN_MS * 1000};
	struct sealed *sealed = asked->sealed;

	if (sealed->session->done || ++sealed->tries > TRIES_MAX ||
	    event_base_once(sealed->session->base, -1, EV_TIMEOUT, on_again, asked, &moment) < 0) {
		fail(sealed);
		finish(asked);
	}
}

static void on_shard(void *arg, int error, const struct seal_view *view)
{
	struct asked *asked = arg;

	if (error == -EIO) {
		again(asked);
		return;
	}
	asked->sealed->shard[asked->shard].error = error;
	if (view)
		keep(asked, view);
	finish(asked);
}

/* Halted before, of another epoch, or damaged: nobody signs there either way. */
static void on_halted(void *arg, enum seal_outcome outcome)
{
	struct asked *asked = arg;

	if (outcome == SEAL_BUSY || outcome == SEAL_UNKNOWN)
		again(asked);
	else
		finish(asked);
}

static void ask(struct asked *asked)
{
	struct sealed *sealed = asked->sealed;

	const struct sealed_shard *shard = &sealed->shard[asked->shard];

	switch (asked->asking) {
	case ASK_LOOK:
		seal_look(sealed->seal, asked->shard, false, on_shard, asked);
		break;
	case ASK_HALT:
		seal_halt(sealed->seal, asked->shard, shard->epoch, asked->why, on_halted, asked);
		break;
	case ASK_REWIND: /* moved: somebody else has put it right, as the servers see */
		if (shard->by_hand)
			seal_rewind(sealed->seal, asked->shard, shard->epoch, sealed->epoch,
			    on_halted, asked);
		else
			finish(asked);
		break;
	}
}

static int ask_all(struct sealed *sealed, enum asking asking, const char *why)
{
	sealed->waiting = shards_of(sealed);
	sealed->tries = 0;
	for (unsigned i = 0; i < shards_of(sealed); i++) {
		struct asked *asked = malloc(sizeof(*asked));

		if (!asked)
			return ctl_fail(EX_OSERR, "there is not enough memory.");
		*asked = (struct asked){sealed, i, asking, why};
		ask(asked);
	}
	session_run(sealed->session);
	return sealed->session->status;
}

/* ---- the record ---- */

static void on_record(void *arg, const struct desk_view *view)
{
	struct sealed *sealed = arg;
	struct session *session = sealed->session;

	if (session->done)
		return;
	if (!view)
		session_done(session, ctl_fail(EX_UNAVAILABLE, "the record cannot be read now."));
	else if (sealing_read(view, &sealed->sealing) < 0)
		session_done(session, ctl_fail(EX_DATAERR,
					  "the record is damaged: see "
					  "ops/runbook.md."));
	else
		session_done(session, EX_OK);
}

static int name_origins(struct sealed *sealed)
{
	const struct session *session = sealed->session;

	for (unsigned i = 0; i < shards_of(sealed); i++) {
		char identity[ORIGIN_MAX];
		if (commitment_origin(session->ctl->settings.log_name, session->round->contest, i,
			identity) < 0 ||
		    commitment_epoch_origin(identity, sealed->epoch, sealed->shard[i].origin) < 0)
			return ctl_fail(EX_CONFIG, "log_name is too long.");
	}
	return EX_OK;
}

static int prepare(struct sealed *sealed)
{
	struct session *session = sealed->session;
	const struct seal_options options = {.round = session->round->name,
	    .packing = session->round->contest,
	    .shards = shards_of(sealed),
	    .lease_ms = 1000};

	sealed->seal = seal_new(session->redis, &options);
	sealed->shard = calloc(shards_of(sealed), sizeof(*sealed->shard));
	return sealed->seal && sealed->shard ? EX_OK
					     : ctl_fail(EX_OSERR, "there is not enough memory.");
}

/* ---- public ---- */

int sealed_open_log(const struct sealed *sealed, unsigned shard)
{
	return sealed->session->ctl->settings.ballot_log.dir
		   ? open_epoch_dir(sealed, shard, sealed->epoch)
		   : -ENOENT;
}

int sealed_look(struct session *session, struct sealed *ret_sealed)
{
	struct sealed *sealed = ret_sealed;
	int status;

	*sealed = (struct sealed){.session = session, .sealing.epoch = 1};
	status = prepare(sealed);
	if (status == EX_OK) {
		desk_read(session->desk, NULL, 0, on_record, sealed);
		session_run(session);
		status = session->status;
	}
	sealed->epoch = epoch_of(sealed);
	if (status == EX_OK)
		status = name_origins(sealed);
	/* The disk first: what is there, Redis had before. */
	if (status == EX_OK)
		status = read_disk(sealed);
	return status == EX_OK ? ask_all(sealed, ASK_LOOK, NULL) : status;
}

void sealed_release(struct sealed *sealed)
{
	seal_free(sealed->seal);
	sealing_release(&sealed->sealing);
	free(sealed->shard);
}

int sealed_rewind(struct sealed *sealed)
{
	return ask_all(sealed, ASK_REWIND, NULL);
}

int sealed_stop(struct sealed *sealed, const char *why)
{
	int status = ask_all(sealed, ASK_HALT, why);

	if (status == EX_OK)
		status = read_disk(sealed);
	return status == EX_OK ? ask_all(sealed, ASK_LOOK, NULL) : status;
}
