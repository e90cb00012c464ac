/* What a sealer signs (FORMAT.md sections 3.3, 3.4, 6), and the entries under it. */
#include "worker/shardlog_impl.h"

#include <errno.h>
#include <string.h>

#include "base/encode.h"

void shardlog_entry(const struct shardlog *log, const struct seal_ballot *ballot,
    uint8_t ret_entry[COMMITMENT_SIZE])
{
	const char *identity = log->options.identity;
	uint8_t salt[SALT_SIZE];

	commitment_salt(log->options.salt_key, identity, ballot->index, ballot->spent, salt);
	commitment_entry(identity, ballot->index, ballot->spent, salt, ballot->ballot, ret_entry);
}

/* Keeps what was written into `text`, and releases it. */
static int keep(int r, struct buf *text, struct logdir_note *ret_note)
{
	if (r == 0) {
		memcpy(ret_note->text, text->data, text->len);
		ret_note->len = text->len;
	}
	buf_release(text);
	return r;
}

static int sign_text(const struct shardlog *log, const char *origin, int r, struct buf *text,
    struct logdir_note *ret_note)
{
	struct buf note;

	buf_init(&note, LOGDIR_NOTE_MAX);
	if (r == 0)
		r = note_sign(buf_slice(text), origin, log->options.seed, &note);
	buf_release(text);
	return keep(r, &note, ret_note);
}

static int issued_text(const struct shardlog *log, uint64_t size, struct buf *text)
{
	buf_init(text, LOGDIR_NOTE_MAX);
	return buf_printf(text, "tallyd issued v1\n%s\n%llu\n%llu\n", log->dir.origin,
	    (unsigned long long)size, (unsigned long long)log->view.issued);
}

bool shardlog_issued_is_current(const struct shardlog *log)
{
	struct slice there = slice_make(log->issued.text, log->issued.len);
	struct buf text;
	bool same = issued_text(log, log->view.size, &text) == 0 && there.len > text.len &&
		    memcmp(there.ptr, text.data, text.len) == 0;

	buf_release(&text);
	return same;
}

int shardlog_sign_head(struct shardlog *log)
{
	struct checkpoint *head = &log->new_head;
	struct buf note, text;
	int r;

	head->size = tree_size(log->dir.tree);
	tree_root(log->dir.tree, head->root);
	buf_init(&note, LOGDIR_NOTE_MAX);
	r = checkpoint_sign(head, log->dir.origin, log->options.seed, &note);
	r = keep(r, &note, &log->new_checkpoint);
	if (r < 0)
		return r;
	r = issued_text(log, head->size, &text);
	return sign_text(log, log->dir.origin, r, &text, &log->new_issued);
}

int shardlog_sign_statement(const struct shardlog *log, uint64_t epoch,
    const struct sealing_old *old, struct logdir_note *ret_note)
{
	const char *identity = log->options.identity;
	char origin[ORIGIN_MAX], old_origin[ORIGIN_MAX], root[BASE64_SIZE(MERKLE_SIZE)];
	uint8_t hash[MERKLE_SIZE];
	struct buf text;
	int r;

	if (commitment_epoch_origin(identity, epoch, origin) < 0 ||
	    commitment_epoch_origin(identity, epoch - 1, old_origin) < 0)
		return -ENOBUFS;
	if (old->checkpoint.size > 0)
		memcpy(hash, old->checkpoint.root, sizeof(hash));
	else
		merkle_root(NULL, 0, hash);
	(void)base64_encode(hash, sizeof(hash), root);
	buf_init(&text, LOGDIR_NOTE_MAX);
	r = buf_printf(&text, "tallyd epoch v1\n%s\n%s\n%llu\n%s\n%llu\n", origin, old_origin,
	    (unsigned long long)old->checkpoint.size, root, (unsigned long long)old->now);
	return sign_text(log, origin, r, &text, ret_note);
}
