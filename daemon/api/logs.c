/* Keeps descriptors and checkpoints, one of each a shard, for the epoch that was asked for last. */
#include "api/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/checkpoint.h"
#include "tlog/files.h"

#define PATH_SIZE 4096
#define TILES_MAX 128 /* kept for proofs, of all shards: 2 MiB a round and worker */

struct shard_log {
	int dir;        /* of the shard; -1: not open */
	int epoch_dir;  /* of `epoch`; -1: not open */
	uint64_t epoch; /* 0: none yet */
	/* The checkpoint file as it was read last. */
	bool known;
	dev_t device;
	ino_t inode;
	struct timespec changed;
	int error; /* 0 or -EBADMSG */
	struct checkpoint head;
	char note[CHECKPOINT_MAX];
	size_t note_len;
};

struct logs {
	struct logs_options options;
	struct tlog_cache *tiles;
	struct shard_log shard[];
};

/* ---- directories ---- */

static void forget(struct shard_log *log)
{
	if (log->dir >= 0)
		close(log->dir);
	if (log->epoch_dir >= 0)
		close(log->epoch_dir);
	*log = (struct shard_log){.dir = -1, .epoch_dir = -1};
}

static int open_dir(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

static int open_shard(const struct logs *logs, unsigned shard, struct shard_log *log)
{
	char path[PATH_SIZE];
	int fd;

	if (log->dir >= 0)
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s/%u", logs->options.dir, logs->options.round,
		shard) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open_dir(AT_FDCWD, path);
	if (fd < 0)
		return fd;
	log->dir = fd;
	return 0;
}

/* Whoever began anew with an emptied disk made another directory of the same name. */
static bool is_gone(int dir)
{
	struct stat st;

	return fstat(dir, &st) < 0 || st.st_nlink == 0;
}

static int open_epoch(
    const struct logs *logs, unsigned shard, uint64_t epoch, struct shard_log *log)
{
	char path[40];
	int r, fd;

	if (log->epoch_dir >= 0 && log->epoch == epoch && !is_gone(log->epoch_dir))
		return 0;
	forget(log);
	tlog_cache_forget(logs->tiles, shard);
	r = open_shard(logs, shard, log);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "epoch-%" PRIu64, epoch);
	fd = open_dir(log->dir, epoch > 1 ? path : ".");
	if (fd < 0)
		return fd;
	log->epoch_dir = fd;
	log->epoch = epoch;
	return 0;
}

/* ---- the checkpoint ---- */

static bool is_same_file(const struct shard_log *log, const struct stat *st)
{
	return log->known && log->inode == st->st_ino && log->device == st->st_dev &&
	       log->changed.tv_sec == st->st_mtim.tv_sec &&
	       log->changed.tv_nsec == st->st_mtim.tv_nsec;
}

static int open_note(const struct logs *logs, unsigned shard, struct shard_log *log)
{
	char origin[ORIGIN_MAX];
	int r = commitment_epoch_origin(logs->options.origins[shard], log->epoch, origin);

	if (r == 0)
		r = checkpoint_open(slice_make(log->note, log->note_len), origin,
		    logs->options.log_key, &log->head);
	if (r < 0)
		log_error(
		    "contest %s: the checkpoint of shard %u on this host's disk is not one "
		    "of the log's key: see ops/runbook.md",
		    logs->options.round, shard);
	return r == 0 ? 0 : -EBADMSG;
}

static int read_note(const struct logs *logs, unsigned shard, struct shard_log *log)
{
	struct buf text;
	int r;

	buf_init(&text, CHECKPOINT_MAX);
	r = tlog_read(log->epoch_dir, "checkpoint", CHECKPOINT_MAX, &text);
	if (r == 0 && text.len > 0) {
		memcpy(log->note, text.data, text.len);
		log->note_len = text.len;
		log->error = open_note(logs, shard, log);
	} else if (r == 0 || r == -E2BIG) {
		log->error = -EBADMSG;
		r = 0;
	}
	buf_release(&text);
	return r;
}

/* Published under another name and renamed: another file is another inode, or another time. */
static int refresh(const struct logs *logs, unsigned shard, struct shard_log *log)
{
	struct stat st;
	int r;

	if (fstatat(log->epoch_dir, "checkpoint", &st, AT_SYMLINK_NOFOLLOW) < 0) {
		log->known = false;
		return -errno;
	}
	if (is_same_file(log, &st))
		return log->error;
	log->known = false;
	r = read_note(logs, shard, log);
	if (r < 0)
		return r;
	log->known = true;
	log->inode = st.st_ino;
	log->device = st.st_dev;
	log->changed = st.st_mtim;
	return log->error;
}

/* ---- public ---- */

struct logs *logs_new(const struct logs_options *options)
{
	struct logs *logs = calloc(1, sizeof(*logs) + options->shards * sizeof(logs->shard[0]));

	if (!logs)
		return NULL;
	logs->options = *options;
	logs->tiles = tlog_cache_new(TILES_MAX);
	if (!logs->tiles) {
		free(logs);
		return NULL;
	}
	for (unsigned i = 0; i < options->shards; i++)
		logs->shard[i] = (struct shard_log){.dir = -1, .epoch_dir = -1};
	return logs;
}

void logs_free(struct logs *logs)
{
	if (!logs)
		return;
	for (unsigned i = 0; i < logs->options.shards; i++)
		forget(&logs->shard[i]);
	tlog_cache_free(logs->tiles);
	free(logs);
}

int logs_read(struct logs *logs, unsigned shard, const char *path, struct buf *out)
{
	struct shard_log *log = &logs->shard[shard];
	int r = open_shard(logs, shard, log);

	if (r == 0)
		r = tlog_read(log->dir, path, TLOG_BUNDLE_MAX, out);
	if (r == -ENOENT && log->dir >= 0 && is_gone(log->dir)) {
		forget(log);
		r = open_shard(logs, shard, log);
		if (r == 0)
			r = tlog_read(log->dir, path, TLOG_BUNDLE_MAX, out);
	}
	return r;
}

int logs_checkpoint(
    struct logs *logs, unsigned shard, uint64_t epoch, struct logs_checkpoint *ret_checkpoint)
{
	struct shard_log *log = &logs->shard[shard];
	int r = open_epoch(logs, shard, epoch, log);

	if (r == 0)
		r = refresh(logs, shard, log);
	if (r == 0)
		*ret_checkpoint = (struct logs_checkpoint){
		    .note = slice_make(log->note, log->note_len),
		    .head = log->head,
		};
	return r;
}

int logs_prove(struct logs *logs, unsigned shard, uint64_t index,
    uint8_t ret_proof[MERKLE_PROOF_MAX][MERKLE_SIZE], size_t *ret_n)
{
	const struct shard_log *log = &logs->shard[shard];

	return tlog_cache_inclusion(
	    logs->tiles, shard, log->epoch_dir, &log->head, index, ret_proof, ret_n);
}
