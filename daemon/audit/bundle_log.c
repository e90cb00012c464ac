/* Copies the log of a shard, of every epoch. What was copied is what is checked: the tree is grown
 * again from the copy. */
#include "audit/bundle_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/bundle_impl.h"
#include "base/encode.h"
#include "tlog/tree.h"

#define ITEM_SIZE  (2 + TLOG_ENTRY_SIZE)
#define EPOCHS_MAX 1000

struct copying { /* one epoch of one shard */
	struct bundle *bundle;
	const struct bundle_log *log;
	int from;                     /* the epoch's directory on this host */
	char to[BUNDLE_PATH_MAX / 2]; /* and in the bundle, with a final slash */
	char origin[ORIGIN_MAX];
	struct checkpoint checkpoint;
	char *why;
};

static int put(const struct copying *it, const char *path, struct slice bytes)
{
	char whole[BUNDLE_PATH_MAX];

	(void)snprintf(whole, sizeof(whole), "%s%s", it->to, path);
	return bundle_put(it->bundle, whole, bytes, it->why);
}

static int lacks(const struct copying *it, const char *path, int error)
{
	return bundle_fail(error, it->why, "%s%s: this host's copy cannot be taken: %s.", it->to,
	    path, error == -EBADMSG ? "it is damaged" : strerror(-error));
}

/* ---- tiles and entries ---- */

static unsigned width_of(uint64_t total, uint64_t n)
{
	uint64_t rest = total - n * TLOG_WIDTH;

	return rest < TLOG_WIDTH ? (unsigned)rest : TLOG_WIDTH;
}

static int copy_tile(const struct copying *it, unsigned level, uint64_t n, unsigned width)
{
	uint8_t hashes[TLOG_TILE_MAX];
	char path[TLOG_PATH_MAX];
	int r = tlog_read_tile(it->from, level, n, width, hashes);

	(void)tlog_tile_path(level, n, width, path);
	return r < 0 ? lacks(it, path, r)
		     : put(it, path, slice_make(hashes, (size_t)width * MERKLE_SIZE));
}

static int copy_entries(const struct copying *it, uint64_t n, unsigned width)
{
	uint8_t entries[TLOG_WIDTH][TLOG_ENTRY_SIZE], bytes[TLOG_BUNDLE_MAX];
	char path[TLOG_PATH_MAX];
	int r = tlog_read_entries(it->from, n, width, entries);

	(void)tlog_bundle_path("tile/entries", n, width, path);
	if (r < 0)
		return lacks(it, path, r);
	for (unsigned i = 0; i < width; i++) {
		put_u16be(bytes + (size_t)i * ITEM_SIZE, TLOG_ENTRY_SIZE);
		memcpy(bytes + (size_t)i * ITEM_SIZE + 2, entries[i], TLOG_ENTRY_SIZE);
	}
	return put(it, path, slice_make(bytes, (size_t)width * ITEM_SIZE));
}

int bundle_log_show(const struct bundle_log *log, const char *what, uint64_t done, uint64_t total,
    char ret_why[BUNDLE_WHY_MAX])
{
	return log->progress(log->arg, what, done, total)
		   ? 0
		   : bundle_fail(-EINTR, ret_why, "Interrupted.");
}

static int copy_files(const struct copying *it)
{
	uint64_t size = it->checkpoint.size, total = size;
	char what[40];
	int r = 0;

	(void)snprintf(what, sizeof(what), "log of shard %u", it->log->shard);
	for (uint64_t n = 0; r == 0 && n * TLOG_WIDTH < size; n++) {
		r = copy_entries(it, n, width_of(size, n));
		if (r == 0)
			r = bundle_log_show(it->log, what, n * TLOG_WIDTH, size, it->why);
	}
	for (unsigned level = 0; r == 0 && total > 0; level++, total /= TLOG_WIDTH)
		for (uint64_t n = 0; r == 0 && n * TLOG_WIDTH < total; n++)
			r = copy_tile(it, level, n, width_of(total, n));
	return r;
}

/* Grows the tree again from the copy: every tile follows from the entries, and the root is it. */
static int check_copy(const struct copying *it)
{
	int dir = openat(bundle_fd(it->bundle), it->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint8_t root[MERKLE_SIZE];
	char bad[TLOG_PATH_MAX];
	struct tree *tree = NULL;
	int r = dir < 0 ? -errno : tree_open(dir, it->checkpoint.size, &tree, bad);

	if (r == -EBADMSG)
		r = bundle_fail(r, it->why,
		    "%s%s: this host's copy is damaged; take the log from another host.", it->to,
		    bad);
	else if (r < 0)
		r = bundle_fail(r, it->why, "%s: cannot be read: %s.", it->to, strerror(-r));
	if (r == 0) {
		tree_root(tree, root);
		if (memcmp(root, it->checkpoint.root, MERKLE_SIZE) != 0)
			r = bundle_fail(-EBADMSG, it->why,
			    "%s: this host's log has another root than the checkpoint of %" PRIu64
			    " entries; see ops/runbook.md.",
			    it->to, it->checkpoint.size);
	}
	tree_free(tree);
	if (dir >= 0)
		(void)close(dir);
	return r;
}

/* ---- notes ---- */

/* The host's newest checkpoint must be the one that is wanted. */
static int copy_checkpoint(const struct copying *it)
{
	struct checkpoint is = {0};
	struct buf note;
	int r;

	buf_init(&note, CHECKPOINT_MAX);
	r = tlog_read(it->from, "checkpoint", CHECKPOINT_MAX, &note);
	if (r == 0)
		r = checkpoint_open(buf_slice(&note), it->origin, it->log->log_key, &is);
	if (r < 0)
		r = lacks(it, "checkpoint", r);
	else if (is.size != it->checkpoint.size)
		r = bundle_fail(-ESTALE, it->why,
		    "%scheckpoint: this host's is of %" PRIu64 " entries, and %" PRIu64
		    " are wanted; is the server running, and has its log caught up?",
		    it->to, is.size, it->checkpoint.size);
	else if (memcmp(is.root, it->checkpoint.root, MERKLE_SIZE) != 0)
		r = bundle_fail(-EBADMSG, it->why,
		    "%scheckpoint: this host's has another root than what was certified; see "
		    "ops/runbook.md.",
		    it->to);
	else
		r = put(it, "checkpoint", buf_slice(&note));
	buf_release(&note);
	return r;
}

/* The line at *text, without its LF; moves on. Empty at the end. */
static struct slice take_line(struct slice *text)
{
	const char *lf = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;
	struct slice line = slice_make(text->ptr, lf ? (size_t)(lf - text->ptr) : 0);

	if (lf)
		*text = slice_make(lf + 1, text->len - line.len - 1);
	return line;
}

static int read_number(struct slice line, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (line.len == 0 || line.len > 16 || (line.len > 1 && line.ptr[0] == '0'))
		return -EBADMSG;
	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] < '0' || line.ptr[i] > '9')
			return -EBADMSG;
		number = 10 * number + (uint64_t)(line.ptr[i] - '0');
	}
	*ret_number = number;
	return 0;
}

/* Copies a note of ours and gives its text, borrowed from `note`, behind its first two lines: what
 * it is and the origin. */
static int copy_note(const struct copying *it, const char *name, const char *kind, struct buf *note,
    struct slice *ret_text)
{
	struct slice text = {NULL, 0};
	int r = tlog_read(it->from, name, CHECKPOINT_MAX, note);

	if (r == 0)
		r = note_open(buf_slice(note), it->origin, it->log->log_key, &text);
	if (r == 0 &&
	    (!slice_is(take_line(&text), kind) || !slice_is(take_line(&text), it->origin)))
		r = -EBADMSG;
	if (r < 0)
		return lacks(it, name, r);
	*ret_text = text;
	return put(it, name, buf_slice(note));
}

static int copy_issued(const struct copying *it, uint64_t *ret_issued)
{
	struct slice text = {NULL, 0};
	struct buf note;
	int r;

	buf_init(&note, CHECKPOINT_MAX);
	r = copy_note(it, "issued", "tallyd issued v1", &note, &text);
	if (r == 0) {
		(void)take_line(&text); /* the log's size when it was written */
		r = read_number(take_line(&text), ret_issued);
		if (r < 0)
			r = lacks(it, "issued", r);
	}
	buf_release(&note);
	return r;
}

/* What the statement says of the epoch before. */
static int copy_statement(const struct copying *it, struct checkpoint *ret_old)
{
	struct slice text = {NULL, 0}, root;
	struct buf note;
	size_t len;
	int r;

	buf_init(&note, CHECKPOINT_MAX);
	r = copy_note(it, "statement", "tallyd epoch v1", &note, &text);
	if (r == 0) {
		(void)take_line(&text); /* the old origin */
		r = read_number(take_line(&text), &ret_old->size);
		root = take_line(&text);
		if (r == 0 && (base64_decode(root, ret_old->root, MERKLE_SIZE, &len) < 0 ||
				  len != MERKLE_SIZE))
			r = -EBADMSG;
		if (r < 0)
			r = lacks(it, "statement", r);
	}
	buf_release(&note);
	return r;
}

/* ---- epochs ---- */

static int open_epoch(struct copying *it, int host, uint64_t epoch)
{
	const struct bundle_log *log = it->log;
	char name[40] = ".";

	(void)snprintf(it->to, sizeof(it->to), "log/%s/%u/", log->contest, log->shard);
	if (epoch > 1) {
		(void)snprintf(name, sizeof(name), "epoch-%" PRIu64, epoch);
		(void)snprintf(
		    it->to, sizeof(it->to), "log/%s/%u/%s/", log->contest, log->shard, name);
	}
	if (commitment_epoch_origin(log->identity, epoch, it->origin) < 0)
		return bundle_fail(-EINVAL, it->why, "%s: the log's name is too long.", it->to);
	it->from = openat(host, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (it->from < 0)
		return bundle_fail(-errno, it->why,
		    "%s: this host has no such log: %s. Publish on one that has, or copy it from "
		    "there.",
		    it->to, strerror(errno));
	return 0;
}

/* Of an old epoch the last checkpoint; where nothing had been sealed there is none. */
static int copy_epoch(const struct copying *it, bool newest, uint64_t *ret_issued)
{
	uint64_t issued;
	int r;

	if (!newest && it->checkpoint.size == 0)
		return 0;
	r = copy_checkpoint(it);
	if (r == 0)
		r = copy_issued(it, newest ? ret_issued : &issued);
	if (r == 0)
		r = copy_files(it);
	return r == 0 ? check_copy(it) : r;
}

int bundle_copy_log(struct bundle *bundle, int host, const struct bundle_log *log,
    uint64_t *ret_issued, char ret_why[BUNDLE_WHY_MAX])
{
	struct copying it = {.bundle = bundle, .log = log, .why = ret_why};
	struct checkpoint next = log->certified;
	int r = log->epoch > EPOCHS_MAX ? -EBADMSG : 0;

	for (uint64_t epoch = log->epoch; r == 0 && epoch > 0; epoch--) {
		it.from = -1;
		r = open_epoch(&it, host, epoch);
		it.checkpoint = next;
		if (r == 0)
			r = copy_epoch(&it, epoch == log->epoch, ret_issued);
		if (r == 0 && epoch > 1)
			r = copy_statement(&it, &next);
		if (it.from >= 0)
			(void)close(it.from);
	}
	return r;
}
