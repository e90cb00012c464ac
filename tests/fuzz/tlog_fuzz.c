/* What is read of the log is strict: a proof, a checkpoint, or a name that is taken is written
 * again as the same bytes; and no name that is served leads elsewhere. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/checkpoint.h"
#include "tlog/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char origin[] = "vote.example/fuzz/0";
static const uint8_t seed[32] = {7};

static void one_proof(struct slice text)
{
	struct tlog_proof proof;
	struct buf again;

	if (tlog_proof_read(text, &proof) != 0)
		return;
	buf_init(&again, TLOG_PROOF_MAX);
	assert(tlog_proof_print(&proof, &again) == 0);
	assert(slice_equal(buf_slice(&again), text));
	buf_release(&again);
}

/* The text as if this key had signed it, and the note as it stands. */
static void one_checkpoint(struct slice text)
{
	uint8_t public_key[32];
	struct checkpoint checkpoint;
	struct buf note, again;

	assert(note_public(seed, public_key) == 0);
	buf_init(&note, 1 << 16);
	buf_init(&again, CHECKPOINT_MAX);
	if (note_sign(text, origin, seed, &note) == 0 &&
	    checkpoint_open(buf_slice(&note), origin, public_key, &checkpoint) == 0) {
		assert(checkpoint_sign(&checkpoint, origin, seed, &again) == 0);
		assert(slice_equal(buf_slice(&note), buf_slice(&again)));
	}
	if (checkpoint_open(text, origin, public_key, &checkpoint) == 0) {
		buf_clear(&again);
		assert(checkpoint_sign(&checkpoint, origin, seed, &again) == 0);
	}
	buf_release(&note);
	buf_release(&again);
}

static void one_path(struct slice path)
{
	struct tlog_file file;

	if (!tlog_path_is_valid(path, &file)) {
		assert(file.covers == 0);
		return;
	}
	assert(path.len < TLOG_PATH_MAX + 20 && path.ptr[0] != '/' && path.ptr[0] != '.');
	assert(memmem(path.ptr, path.len, "..", 2) == NULL);
	assert(memmem(path.ptr, path.len, "//", 2) == NULL);
	assert(memchr(path.ptr, '\0', path.len) == NULL);
	assert(file.covers == 0 || memmem(path.ptr, path.len, ".p/", 3) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_make(data, size);

	one_proof(text);
	one_checkpoint(text);
	one_path(text);
	return 0;
}
