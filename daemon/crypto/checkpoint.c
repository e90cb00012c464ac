/* Tree heads and proofs as text. Both are read strictly: one text for given contents. */
#include "crypto/checkpoint.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/encode.h"

#define HASH_TEXT  (BASE64_SIZE(MERKLE_SIZE) - 1) /* characters of a hash in base64 */
#define NUMBER_MAX INT64_MAX                      /* sizes and indices are below 2^63 */

/* Takes the first line off, without its LF. -EBADMSG: there is none. */
static int take_line(struct slice *text, struct slice *ret_line)
{
	const char *lf = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;

	if (lf == NULL)
		return -EBADMSG;
	*ret_line = slice_make(text->ptr, (size_t)(lf - text->ptr));
	*text = slice_make(lf + 1, text->len - ret_line->len - 1);
	return 0;
}

/* Decimal below 2^63, without leading zeros. */
static int read_number(struct slice text, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (text.len == 0 || text.len > 19 || (text.ptr[0] == '0' && text.len > 1))
		return -EBADMSG;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -EBADMSG;
		number = number * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	if (number > NUMBER_MAX) /* 19 digits do not pass 2^64 */
		return -EBADMSG;
	*ret_number = number;
	return 0;
}

static int read_hash(struct slice text, uint8_t ret_hash[MERKLE_SIZE])
{
	uint8_t hash[MERKLE_SIZE];
	size_t len;

	if (base64_decode(text, hash, sizeof(hash), &len) < 0 || len != sizeof(hash))
		return -EBADMSG;
	memcpy(ret_hash, hash, sizeof(hash));
	return 0;
}

/* ---- checkpoints ---- */

int checkpoint_sign(const struct checkpoint *checkpoint, const char *origin, const uint8_t seed[32],
    struct buf *out)
{
	char root[BASE64_SIZE(MERKLE_SIZE)];
	struct buf text;
	int r;

	if (checkpoint->size > NUMBER_MAX)
		return -EINVAL;
	(void)base64_encode(checkpoint->root, sizeof(checkpoint->root), root);
	buf_init(&text, CHECKPOINT_MAX);
	r = buf_printf(&text, "%s\n%llu\n%s\n", origin, (unsigned long long)checkpoint->size, root);
	if (r == -ENOBUFS)
		r = -EINVAL; /* no key has so long a name */
	if (r == 0)
		r = note_sign(buf_slice(&text), origin, seed, out);
	buf_release(&text);
	return r;
}

int checkpoint_open(struct slice note, const char *origin, const uint8_t public_key[32],
    struct checkpoint *ret_checkpoint)
{
	struct slice text, name, size, root;
	struct checkpoint checkpoint;

	if (note_open(note, origin, public_key, &text) < 0 || take_line(&text, &name) < 0 ||
	    take_line(&text, &size) < 0 || take_line(&text, &root) < 0 || text.len > 0 ||
	    !slice_is(name, origin) || read_number(size, &checkpoint.size) < 0 ||
	    read_hash(root, checkpoint.root) < 0)
		return -EBADMSG;
	*ret_checkpoint = checkpoint;
	return 0;
}

int issued_open(struct slice note, const char *origin, const uint8_t public_key[32],
    uint64_t *ret_size, uint64_t *ret_issued)
{
	struct slice text, lines[4];
	uint64_t size, issued;

	if (note_open(note, origin, public_key, &text) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < 4; i++)
		if (take_line(&text, &lines[i]) < 0)
			return -EBADMSG;
	if (text.len > 0 || !slice_is(lines[0], "tallyd issued v1") ||
	    !slice_is(lines[1], origin) || read_number(lines[2], &size) < 0 ||
	    read_number(lines[3], &issued) < 0)
		return -EBADMSG;
	*ret_size = size;
	*ret_issued = issued;
	return 0;
}

int statement_open(struct slice note, const char *origin, const char *old_origin,
    const uint8_t public_key[32], struct checkpoint *ret_end)
{
	struct slice text, lines[6];
	struct checkpoint end;
	uint64_t now;

	if (note_open(note, origin, public_key, &text) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < 6; i++)
		if (take_line(&text, &lines[i]) < 0)
			return -EBADMSG;
	if (text.len > 0 || !slice_is(lines[0], "tallyd epoch v1") || !slice_is(lines[1], origin) ||
	    !slice_is(lines[2], old_origin) || read_number(lines[3], &end.size) < 0 ||
	    read_hash(lines[4], end.root) < 0 || read_number(lines[5], &now) < 0)
		return -EBADMSG;
	*ret_end = end;
	return 0;
}

/* ---- proofs ---- */

static const char proof_title[] = "c2sp.org/tlog-proof@v1";

static int print_hashes(const struct tlog_proof *proof, struct buf *out)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < proof->n_hashes; i++) {
		char line[HASH_TEXT + 1];
		(void)base64_encode(proof->hashes[i], MERKLE_SIZE, line);
		line[HASH_TEXT] = '\n';
		r = buf_append(out, line, sizeof(line));
	}
	return r;
}

int tlog_proof_print(const struct tlog_proof *proof, struct buf *out)
{
	size_t before = out->len;
	int r = 0;

	if (proof->index > NUMBER_MAX || proof->n_hashes > MERKLE_PROOF_MAX)
		return -EINVAL;
	r = buf_printf(out, "%s\n", proof_title);
	if (r == 0 && proof->extra.ptr != NULL)
		r = buf_printf(out, "extra %.*s\n", (int)proof->extra.len, proof->extra.ptr);
	if (r == 0)
		r = buf_printf(out, "index %llu\n", (unsigned long long)proof->index);
	if (r == 0)
		r = print_hashes(proof, out);
	if (r == 0)
		r = buf_append_text(out, "\n");
	if (r == 0)
		r = buf_append_slice(out, proof->checkpoint);
	if (r < 0)
		out->len = before;
	return r;
}

/* What follows `word` in a line. -EBADMSG: the line does not begin so. */
static int after(struct slice line, const char *word, struct slice *ret_rest)
{
	size_t len = strlen(word);

	if (!slice_starts(line, word))
		return -EBADMSG;
	*ret_rest = slice_make(line.ptr + len, line.len - len);
	return 0;
}

static bool is_base64(struct slice text)
{
	uint8_t bytes[TLOG_PROOF_MAX];
	size_t len;

	return base64_decode(text, bytes, sizeof(bytes), &len) == 0;
}

/* The lines up to an empty one, which is taken off as well. */
static int read_hashes(struct slice *text, struct tlog_proof *proof)
{
	struct slice line;

	for (proof->n_hashes = 0;; proof->n_hashes++) {
		if (take_line(text, &line) < 0)
			return -EBADMSG;
		if (line.len == 0)
			return 0;
		if (proof->n_hashes == MERKLE_PROOF_MAX ||
		    read_hash(line, proof->hashes[proof->n_hashes]) < 0)
			return -EBADMSG;
	}
}

int tlog_proof_read(struct slice text, struct tlog_proof *ret_proof)
{
	struct tlog_proof proof = {.index = 0};
	struct slice line, number;

	if (text.len > TLOG_PROOF_MAX || take_line(&text, &line) < 0 ||
	    !slice_is(line, proof_title) || take_line(&text, &line) < 0)
		return -EBADMSG;
	if (after(line, "extra ", &proof.extra) == 0 &&
	    (!is_base64(proof.extra) || take_line(&text, &line) < 0))
		return -EBADMSG;
	if (after(line, "index ", &number) < 0 || read_number(number, &proof.index) < 0 ||
	    read_hashes(&text, &proof) < 0 || text.len == 0)
		return -EBADMSG;
	proof.checkpoint = text;
	*ret_proof = proof;
	return 0;
}
