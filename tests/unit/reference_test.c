/* crypto/checkpoint, crypto/merkle, tlog/: against what Go's transparency log library makes of the
 * same entries (vectors/tlog.json, written by tests/reference/tlog.go): the same notes byte for
 * byte, the same roots, the same proofs. */
#include "tlog_fixture.h"

#include "crypto/checkpoint.h"
#include "vectors.h"

static json_t *vectors;

static int load(void **state)
{
	(void)state;
	vectors = vectors_load("tlog.json");
	return 0;
}

static int unload(void **state)
{
	(void)state;
	json_decref(vectors);
	return 0;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	assert_non_null(text);
	return text;
}

static uint64_t number_of(const json_t *object, const char *name)
{
	const json_t *number = json_object_get(object, name);

	assert_true(json_is_integer(number));
	return (uint64_t)json_integer_value(number);
}

static size_t hashes_of(const json_t *object, naive_hash ret_hashes[MERKLE_PROOF_MAX])
{
	const json_t *list = json_object_get(object, "hashes"), *text;
	size_t i, len;

	assert_true(json_is_array(list) && json_array_size(list) <= MERKLE_PROOF_MAX);
	json_array_foreach(list, i, text)
	{
		assert_int_equal(base64_decode(slice_text(json_string_value(text)), ret_hashes[i],
				     MERKLE_SIZE, &len),
		    0);
		assert_int_equal(len, MERKLE_SIZE);
	}
	return i;
}

static void entry_of(uint64_t i, uint8_t ret_entry[TLOG_ENTRY_SIZE])
{
	char text[40];
	int len = snprintf(text, sizeof(text), "entry %llu", (unsigned long long)i);

	naive_sha256(-1, (const uint8_t *)text, (size_t)len, ret_entry, 0, ret_entry);
}

static void grow(struct tree *tree, uint64_t size)
{
	uint8_t entry[TLOG_ENTRY_SIZE];

	while (tree_size(tree) < size) {
		entry_of(tree_size(tree), entry);
		assert_int_equal(tree_append(tree, entry), 0);
	}
}

/* Opens the note and finds the tree of that size. */
static struct checkpoint checkpoint_of(uint64_t size)
{
	const json_t *notes = json_object_get(vectors, "checkpoints"), *note;
	struct bytes seed = vector_bytes(vectors, "seed");
	uint8_t key[32];
	size_t i;

	assert_int_equal(note_public(seed.data, key), 0);
	json_array_foreach(notes, i, note)
	{
		struct checkpoint checkpoint;
		assert_int_equal(checkpoint_open(slice_text(json_string_value(note)),
				     text_of(vectors, "origin"), key, &checkpoint),
		    0);
		if (checkpoint.size == size)
			return checkpoint;
	}
	fail_msg("no checkpoint of %llu entries", (unsigned long long)size);
	return (struct checkpoint){0};
}

static void the_same_notes_and_roots(void **state)
{
	const json_t *notes = json_object_get(vectors, "checkpoints"), *inclusion;
	struct bytes seed = vector_bytes(vectors, "seed");
	struct log_fixture log;
	struct tree *tree;
	struct buf note;
	size_t i, n = 0;

	(void)state;
	log_start(&log);
	tree = log_open(&log, 0);
	buf_init(&note, CHECKPOINT_MAX);
	json_array_foreach(json_object_get(vectors, "inclusion"), i, inclusion)
	{
		struct checkpoint checkpoint = {.size = number_of(inclusion, "size")};
		if (checkpoint.size == tree_size(tree))
			continue;
		grow(tree, checkpoint.size);
		tree_root(tree, checkpoint.root);
		buf_clear(&note);
		assert_int_equal(
		    checkpoint_sign(&checkpoint, text_of(vectors, "origin"), seed.data, &note), 0);
		assert_true(
		    slice_is(buf_slice(&note), json_string_value(json_array_get(notes, n++))));
	}
	assert_int_equal(n, json_array_size(notes));
	buf_release(&note);
	tree_free(tree);
	log_end(&log);
}

static void the_same_key(void **state)
{
	struct bytes seed = vector_bytes(vectors, "seed");
	char text[NOTE_VERIFIER_MAX];
	uint8_t key[32];

	(void)state;
	assert_int_equal(note_public(seed.data, key), 0);
	assert_int_equal(note_verifier_print(text_of(vectors, "origin"), key, text), 0);
	assert_string_equal(text, text_of(vectors, "verifier_key"));
}

static void the_same_proofs(void **state)
{
	const json_t *vector;
	struct log_fixture log;
	struct tree *tree;
	size_t i, n;

	(void)state;
	log_start(&log);
	tree = log_open(&log, 0);
	grow(tree, 70000);
	assert_int_equal(tree_flush(tree), 0);
	tree_free(tree);
	json_array_foreach(json_object_get(vectors, "inclusion"), i, vector)
	{
		uint64_t index = number_of(vector, "index"), size = number_of(vector, "size");
		naive_hash wanted[MERKLE_PROOF_MAX], proof[MERKLE_PROOF_MAX], leaf;
		struct checkpoint checkpoint = checkpoint_of(size);
		uint8_t entry[TLOG_ENTRY_SIZE];
		entry_of(index, entry);
		merkle_leaf(slice_make(entry, sizeof(entry)), leaf);
		assert_int_equal(tlog_inclusion(log.dir, size, index, proof, &n), 0);
		assert_int_equal(n, hashes_of(vector, wanted));
		assert_memory_equal(proof, wanted, n * MERKLE_SIZE);
		assert_true(merkle_includes(
		    index, size, leaf, (const naive_hash *)wanted, n, checkpoint.root));
	}
	assert_int_equal(i, 14);
	json_array_foreach(json_object_get(vectors, "consistency"), i, vector)
	{
		uint64_t old = number_of(vector, "old"), size = number_of(vector, "size");
		naive_hash wanted[MERKLE_PROOF_MAX], proof[MERKLE_PROOF_MAX];
		struct checkpoint before = checkpoint_of(old), now = checkpoint_of(size);
		assert_int_equal(tlog_consistency(log.dir, old, size, proof, &n), 0);
		assert_int_equal(n, hashes_of(vector, wanted));
		assert_memory_equal(proof, wanted, n * MERKLE_SIZE);
		assert_true(merkle_extends(
		    old, before.root, size, now.root, (const naive_hash *)wanted, n));
	}
	assert_int_equal(i, 21);
	log_end(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_key),
	    cmocka_unit_test(the_same_notes_and_roots),
	    cmocka_unit_test(the_same_proofs),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
