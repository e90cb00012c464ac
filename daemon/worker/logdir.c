/* Files first, then the checkpoint that speaks of them; the checkpoint only ever grows. */
#include "worker/logdir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* Entries between two flushes. One flush holds up the sealer's other logs, so not too many. */
#define FLUSH_EVERY (1u << 15)
#define MENDING     "mending"

static const mode_t public_dir = 0755; /* everything here is served to everyone */

void logdir_init(struct logdir *dir)
{
	memset(dir, 0, sizeof(*dir));
	dir->fd = dir->mend_fd = -1;
}

void logdir_close(struct logdir *dir)
{
	tree_free(dir->tree);
	if (dir->mend_fd >= 0)
		close(dir->mend_fd);
	if (dir->fd >= 0)
		close(dir->fd); /* and with it the lock */
	logdir_init(dir);
}

/* ---- notes ---- */

/* 0, with len 0 where there is none. */
static int read_note(const struct logdir *dir, const char *name, struct logdir_note *ret_note)
{
	struct buf text;
	int r;

	buf_init(&text, LOGDIR_NOTE_MAX);
	r = tlog_read(dir->fd, name, LOGDIR_NOTE_MAX, &text);
	if (r == 0) {
		memcpy(ret_note->text, text.len ? text.data : "", text.len);
		ret_note->len = text.len;
	} else if (r == -ENOENT || r == -E2BIG) {
		ret_note->len = 0;
	}
	buf_release(&text);
	return r == -ENOENT ? 0 : r;
}

static int put_note(
    struct logdir *dir, const char *name, struct slice text, struct logdir_note *note)
{
	int r;

	if (slice_equal(text, logdir_note_slice(note)))
		return 0;
	if (text.len > LOGDIR_NOTE_MAX)
		return -E2BIG;
	r = tlog_publish(dir->fd, name, text);
	if (r < 0)
		return r;
	memcpy(note->text, text.ptr, text.len);
	note->len = text.len;
	return 0;
}

int logdir_put_issued(struct logdir *dir, struct slice note)
{
	return put_note(dir, "issued", note, &dir->issued);
}

int logdir_put_statement(struct logdir *dir, struct slice note)
{
	return put_note(dir, "statement", note, &dir->statement);
}

int logdir_publish(struct logdir *dir, const struct checkpoint *head, struct slice checkpoint)
{
	int r;

	if (head->size < dir->published.size ||
	    (head->size == dir->published.size && dir->checkpoint.len > 0 &&
		memcmp(head->root, dir->published.root, MERKLE_SIZE) != 0))
		return -EINVAL; /* never; whoever calls has looked */
	r = put_note(dir, "checkpoint", checkpoint, &dir->checkpoint);
	if (r < 0)
		return r;
	dir->published = *head;
	if (head->size >= dir->witnessed)
		dir->witnessed = 0;
	return 0;
}

/* ---- opening ---- */

/* Renames what is wrong, so that nothing that somebody might want to look at is lost. */
static int set_aside(struct logdir *dir, const char *name, char ret_aside[NAME_MAX])
{
	char now[CLOCK_TEXT_SIZE];

	snprintf(ret_aside, NAME_MAX, "%s.damaged-%s", name, clock_format(clock_wall_ms(), 1, now));
	return renameat(dir->fd, name, dir->fd, ret_aside) == 0 ? 0 : -errno;
}

static int read_checkpoint(struct logdir *dir)
{
	char aside[NAME_MAX];
	int r = read_note(dir, "checkpoint", &dir->checkpoint);

	if (r < 0 && r != -E2BIG)
		return r;
	if (r == 0 && dir->checkpoint.len > 0 &&
	    checkpoint_open(
		logdir_note_slice(&dir->checkpoint), dir->origin, dir->key, &dir->published) == 0)
		return 0;
	if (r == 0 && dir->checkpoint.len == 0 &&
	    faccessat(dir->fd, "checkpoint", F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
		return 0; /* there is none */
	}
	dir->checkpoint.len = 0;
	r = set_aside(dir, "checkpoint", aside);
	if (r == 0)
		log_error(
		    "%s/checkpoint is not signed by this log's key: kept as %s; Redis is held "
		    "against the files, and nothing is signed before",
		    dir->path, aside);
	return r;
}

/* With a checkpoint the files may still be ahead of it, by entries that nobody has signed: they
 * grow a moment before it. */
static int read_witnesses(struct logdir *dir)
{
	if (issued_open(logdir_note_slice(&dir->issued), dir->origin, dir->key, &dir->issued_size,
		&dir->issued_count) < 0)
		dir->issued_size = dir->issued_count = 0; /* not this log's: tells nothing */
	return dir->checkpoint.len > 0 ? 0 : logdir_reach(dir, &dir->witnessed);
}

/* Every part of the path; logdir_open() has seen that it fits. */
static int make_dirs(const char *path)
{
	char part[PATH_MAX];
	const char *slash = path;

	do {
		size_t len;

		slash = strchr(slash + 1, '/');
		len = slash ? (size_t)(slash - path) : strlen(path);
		memcpy(part, path, len);
		part[len] = '\0';
		if (mkdir(part, public_dir) != 0 && errno != EEXIST)
			return -errno;
	} while (slash);
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_mending(const struct logdir *dir)
{
	char path[PATH_MAX + sizeof(MENDING)];

	snprintf(path, sizeof(path), "%s/%s", dir->path, MENDING);
	(void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int start_mending(struct logdir *dir)
{
	char bad[TLOG_PATH_MAX];
	int r = 0;

	remove_mending(dir); /* of a try before */
	if (mkdirat(dir->fd, MENDING, public_dir) != 0)
		return -errno;
	dir->mend_fd = openat(dir->fd, MENDING, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->mend_fd < 0)
		return -errno;
	r = tree_open(dir->mend_fd, 0, &dir->tree, bad);
	dir->mending = r == 0;
	return r;
}

/* The tree as the files have it at the published size. */
static int open_tree(struct logdir *dir)
{
	uint8_t root[MERKLE_SIZE];
	char bad[TLOG_PATH_MAX];
	int r = tree_open(dir->fd, dir->published.size, &dir->tree, bad);

	if (r == 0) {
		tree_root(dir->tree, root);
		if (dir->checkpoint.len == 0 || memcmp(root, dir->published.root, MERKLE_SIZE) == 0)
			return 0;
		/* The files agree with each other, but not with what was signed. */
		tree_free(dir->tree);
		dir->tree = NULL;
		snprintf(bad, sizeof(bad), "tile");
		r = -EBADMSG;
	}
	if (r != -EBADMSG && r != -ENOENT)
		return r;
	log_error(
	    "%s/%s is %s: mended from Redis", dir->path, bad, r == -ENOENT ? "missing" : "damaged");
	return start_mending(dir);
}

int logdir_open(struct logdir *dir, const char *path, const char *origin, const uint8_t key[32])
{
	int r;

	logdir_init(dir);
	dir->key = key;
	if (strlen(path) >= sizeof(dir->path) || strlen(origin) >= sizeof(dir->origin))
		return -ENAMETOOLONG;
	memcpy(dir->path, path, strlen(path) + 1);
	memcpy(dir->origin, origin, strlen(origin) + 1);
	r = make_dirs(path);
	if (r < 0)
		return r;
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0)
		return -errno;
	if (flock(dir->fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	remove_mending(dir); /* of a start before */
	r = read_checkpoint(dir);
	if (r == 0)
		r = read_note(dir, "issued", &dir->issued);
	if (r == 0 || r == -E2BIG)
		r = read_note(dir, "statement", &dir->statement);
	if (r == 0 || r == -E2BIG)
		r = read_witnesses(dir);
	return r == 0 ? open_tree(dir) : r;
}

bool logdir_is_back(const struct logdir *dir)
{
	return tree_size(dir->tree) == (dir->mending ? 0 : dir->published.size);
}

int logdir_step_back(struct logdir *dir)
{
	tree_free(dir->tree);
	dir->tree = NULL;
	if (dir->mend_fd >= 0)
		close(dir->mend_fd);
	dir->mend_fd = -1;
	dir->mending = false;
	return open_tree(dir);
}

/* ---- growing, mending ---- */

int logdir_append(struct logdir *dir, const uint8_t entry[TLOG_ENTRY_SIZE], bool sealed)
{
	int r = 0;

	if (sealed && tree_size(dir->tree) % FLUSH_EVERY == 0)
		r = tree_flush(dir->tree);
	return r < 0 ? r : tree_append(dir->tree, entry);
}

/* One rename after the other: a crash between them leaves no tiles, which the next start mends. */
static int swap(struct logdir *dir, char ret_aside[NAME_MAX])
{
	int r = set_aside(dir, "tile", ret_aside);

	if (r == -ENOENT) {
		snprintf(ret_aside, NAME_MAX, "nothing");
		r = 0;
	}
	if (r == 0 && renameat(dir->fd, MENDING "/tile", dir->fd, "tile") != 0)
		r = -errno;
	if (r == 0 && fsync(dir->fd) != 0)
		r = -errno;
	return r;
}

int logdir_mend(struct logdir *dir)
{
	uint8_t root[MERKLE_SIZE];
	char aside[NAME_MAX], bad[TLOG_PATH_MAX];
	int r;

	tree_root(dir->tree, root);
	if (memcmp(root, dir->published.root, MERKLE_SIZE) != 0)
		return -EBADMSG;
	r = tree_flush(dir->tree);
	if (r == 0)
		r = swap(dir, aside);
	if (r < 0)
		return r;
	tree_free(dir->tree);
	dir->tree = NULL;
	close(dir->mend_fd);
	dir->mend_fd = -1;
	dir->mending = false;
	remove_mending(dir);
	r = tree_open(dir->fd, dir->published.size, &dir->tree, bad);
	if (r == 0)
		log_info("%s is mended up to %llu entries; what was there before is kept as %s",
		    dir->path, (unsigned long long)dir->published.size, aside);
	return r;
}
