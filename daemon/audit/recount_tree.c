/* Makes the entries of a shard's log again, from ballots and the salt key, and compares: leaf by
 * leaf with the entries on this host's disk, where there are any, and root by root with what was
 * signed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/recount_impl.h"
#include "crypto/digest.h"
#include "crypto/note.h"

static const uint8_t *log_key(const struct shard_recount *shard)
{
	return shard->all->options->office->round->keys.log_key;
}

/* ---- what was signed ---- */

static void take_sealed(struct shard_recount *shard, const struct seal_view *view)
{
	struct recount_shard *told = shard->told;
	struct awaited_head *sealed = &shard->tree.sealed;

	if (!view->checkpoint.ptr) {
		if (view->size > 0)
			findings_add(shard->findings, "log",
			    "shard %u: %" PRIu64
			    " ballots are said to be sealed, but there is no checkpoint",
			    shard->number, view->size);
		return;
	}
	if (checkpoint_open(view->checkpoint, told->origin, log_key(shard), &sealed->checkpoint) !=
	    0) {
		findings_add(shard->findings, "log",
		    "shard %u: the checkpoint in Redis is not one of %s, or not signed by the "
		    "log's key",
		    shard->number, told->origin);
		return;
	}
	if (sealed->checkpoint.size != view->size)
		findings_add(shard->findings, "log",
		    "shard %u: the checkpoint in Redis is one of %" PRIu64
		    " ballots, and beside it stands %" PRIu64,
		    shard->number, sealed->checkpoint.size, view->size);
	sealed->any = true;
	told->sealed = true;
	told->checkpoint = sealed->checkpoint;
}

/* A decimal without leading zeros; up to 15 digits, as Redis keeps it. */
static bool read_number(struct slice text, uint64_t *ret)
{
	uint64_t value = 0;

	if (text.len == 0 || text.len > 15 || (text.len > 1 && text.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	*ret = value;
	return true;
}

int tree_issued(
    const struct seal_view *view, const char *origin, const uint8_t key[32], uint64_t *ret_issued)
{
	struct slice text, lines[4];
	uint64_t size;

	if (!view->issued_note.ptr || note_open(view->issued_note, origin, key, &text) != 0)
		return -EBADMSG;
	for (size_t i = 0; i < 4; i++) {
		const char *end = text.len > 0 ? memchr(text.ptr, '\n', text.len) : NULL;
		if (!end)
			return -EBADMSG;
		lines[i] = slice_make(text.ptr, (size_t)(end - text.ptr));
		text = slice_make(end + 1, text.len - lines[i].len - 1);
	}
	return text.len == 0 && slice_is(lines[0], "tallyd issued v1") &&
		       slice_is(lines[1], origin) && read_number(lines[2], &size) &&
		       read_number(lines[3], ret_issued)
		   ? 0
		   : -EBADMSG;
}

/* ---- this host's disk ---- */

static int open_directory(const struct shard_recount *shard)
{
	const struct recount_options *options = shard->all->options;
	char path[4096];
	int len;

	if (!options->log_dir)
		return -1;
	len = snprintf(path, sizeof(path), "%s/%s/%u", options->log_dir,
	    options->office->round->name, shard->number);
	if (len > 0 && (size_t)len < sizeof(path) && shard->told->epoch > 1)
		len += snprintf(
		    path + len, sizeof(path) - (size_t)len, "/epoch-%" PRIu64, shard->told->epoch);
	if (len <= 0 || (size_t)len >= sizeof(path))
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void take_kept(struct shard_recount *shard)
{
	struct remaking *tree = &shard->tree;
	struct buf note;

	buf_init(&note, CHECKPOINT_MAX);
	int r =
	    tree->dir >= 0 ? tlog_read(tree->dir, "checkpoint", CHECKPOINT_MAX, &note) : -ENOENT;
	if (r == 0)
		r = checkpoint_open(
		    buf_slice(&note), shard->told->origin, log_key(shard), &tree->kept.checkpoint);
	if (r == 0)
		tree->kept.any = shard->told->on_disk = true;
	else if (r != -ENOENT)
		findings_add(shard->findings, "disk",
		    "shard %u: this host's checkpoint is not one of %s, or not signed by the log's "
		    "key",
		    shard->number, shard->told->origin);
	buf_release(&note);
}

void tree_begin(struct shard_recount *shard, const struct seal_view *view)
{
	struct remaking *tree = &shard->tree;
	const struct recount_options *options = shard->all->options;

	tree->dir = -1;
	(void)!commitment_origin(
	    options->log_name, options->office->round->contest, shard->number, tree->identity);
	if (!view)
		return;
	shard->told->epoch = view->epoch;
	(void)!commitment_epoch_origin(tree->identity, view->epoch, shard->told->origin);
	take_sealed(shard, view);
	tree->dir = open_directory(shard);
	take_kept(shard);
}

void tree_release(struct shard_recount *shard)
{
	if (shard->tree.dir >= 0)
		(void)close(shard->tree.dir);
}

/* ---- entry by entry ---- */

/* The entry that this host's disk has at this index; NULL: none. */
static const uint8_t *kept_entry(struct shard_recount *shard, uint64_t index)
{
	struct remaking *tree = &shard->tree;
	uint64_t size = tree->kept.checkpoint.size, n = index / TLOG_WIDTH;

	if (!tree->kept.any || index >= size || tree->unreadable)
		return NULL;
	if (tree->width == 0 || tree->bundle != n) {
		uint64_t left = size - n * TLOG_WIDTH;
		tree->width = left < TLOG_WIDTH ? (unsigned)left : TLOG_WIDTH;
		tree->bundle = n;
		if (tlog_read_entries(tree->dir, n, tree->width, tree->entries) != 0) {
			tree->unreadable = true;
			findings_add(shard->findings, "disk",
			    "shard %u, index %" PRIu64
			    ": this host's entries cannot be read from here on",
			    shard->number, index);
			return NULL;
		}
	}
	return tree->entries[index % TLOG_WIDTH];
}

static void compare_head(struct awaited_head *head, const struct frontier *frontier)
{
	uint8_t root[MERKLE_SIZE];

	if (!head->any || head->reached || head->checkpoint.size != frontier->size)
		return;
	frontier_root(frontier, root);
	head->reached = true;
	head->same = memcmp(root, head->checkpoint.root, sizeof(root)) == 0;
}

static void compare_heads(struct remaking *tree)
{
	compare_head(&tree->sealed, &tree->frontier);
	compare_head(&tree->kept, &tree->frontier);
}

void tree_take(struct shard_recount *shard, const struct seal_ballot *ballot)
{
	struct remaking *tree = &shard->tree;
	uint8_t salt[SALT_SIZE], entry[COMMITMENT_SIZE], leaf[MERKLE_SIZE];
	const uint8_t *kept = kept_entry(shard, ballot->index);

	compare_heads(tree); /* of no ballots at all */
	commitment_salt(shard->all->salt, tree->identity, ballot->index, ballot->spent, salt);
	commitment_entry(tree->identity, ballot->index, ballot->spent, salt, ballot->ballot, entry);
	if (kept && memcmp(kept, entry, sizeof(entry)) != 0)
		findings_add(shard->findings, "log",
		    "shard %u, index %" PRIu64
		    ": the ballot in Redis is not the one that was sealed",
		    shard->number, ballot->index);
	merkle_leaf(slice_make(entry, sizeof(entry)), leaf);
	frontier_add(&tree->frontier, leaf);
	compare_heads(tree);
}

/* ---- the end ---- */

static void judge_head(
    struct shard_recount *shard, const struct awaited_head *head, const char *where)
{
	uint64_t size = head->checkpoint.size;

	if (!head->any || (head->reached && head->same))
		return;
	if (!head->reached && shard->told->unread)
		return;
	if (!head->reached)
		findings_add(shard->findings, "log",
		    "shard %u: the checkpoint %s is one of %" PRIu64
		    " ballots, and Redis has %" PRIu64 " only",
		    shard->number, where, size, shard->tree.frontier.size);
	else
		findings_add(shard->findings, "log",
		    "shard %u: the first %" PRIu64
		    " ballots in Redis are not those of the checkpoint %s: they give another root",
		    shard->number, size, where);
}

void tree_end(struct shard_recount *shard)
{
	struct remaking *tree = &shard->tree;

	compare_heads(tree);
	judge_head(shard, &tree->sealed, "in Redis");
	judge_head(shard, &tree->kept, "on this host's disk");
}
