/* crypto/checkpoint: tree heads and proofs, the way there and back, and everything else refused. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include "base/encode.h"
#include "crypto/checkpoint.h"

#define ORIGIN "vote.example/kai-stage1/0"
#define ROOT   "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

static const uint8_t seed[32] = {1, 2, 3};
static uint8_t public_key[32];

static int make_key(void **state)
{
	(void)state;
	return note_public(seed, public_key);
}

/* The example of C2SP tlog-checkpoint, whose key is not published: text alone. */
static void text_is_as_specified(void **state)
{
	static const char text[] = "example.com/behind-the-sofa\n20852163\n" ROOT "\n";
	struct checkpoint checkpoint = {.size = 20852163}, again;
	struct slice opened;
	struct buf note;
	size_t len;

	(void)state;
	assert_int_equal(base64_decode(slice_text(ROOT), checkpoint.root, 32, &len), 0);
	buf_init(&note, CHECKPOINT_MAX);
	assert_int_equal(
	    checkpoint_sign(&checkpoint, "example.com/behind-the-sofa", seed, &note), 0);
	assert_int_equal(
	    note_open(buf_slice(&note), "example.com/behind-the-sofa", public_key, &opened), 0);
	assert_true(slice_is(opened, text));
	assert_int_equal(
	    checkpoint_open(buf_slice(&note), "example.com/behind-the-sofa", public_key, &again),
	    0);
	assert_int_equal(again.size, checkpoint.size);
	assert_memory_equal(again.root, checkpoint.root, MERKLE_SIZE);
	buf_release(&note);
}

/* FORMAT.md section 6. */
static void statements(void **state)
{
#define NEW ORIGIN "/epoch-2"
	static const struct {
		const char *text;
		int r;
	} rows[] = {
	    {"tallyd epoch v1\n" NEW "\n" ORIGIN "\n5\n" ROOT "\n3\n", 0},
	    {"tallyd epoch v1\n" NEW "\n" ORIGIN "\n0\n" ROOT "\n0\n", 0},
	    {"tallyd epoch v2\n" NEW "\n" ORIGIN "\n5\n" ROOT "\n3\n", -EBADMSG},
	    {"tallyd epoch v1\n" ORIGIN "\n" ORIGIN "\n5\n" ROOT "\n3\n", -EBADMSG},
	    {"tallyd epoch v1\n" NEW "\n" NEW "\n5\n" ROOT "\n3\n", -EBADMSG},
	    {"tallyd epoch v1\n" NEW "\n" ORIGIN "\n05\n" ROOT "\n3\n", -EBADMSG},
	    {"tallyd epoch v1\n" NEW "\n" ORIGIN "\n5\nCsUY\n3\n", -EBADMSG},
	    {"tallyd epoch v1\n" NEW "\n" ORIGIN "\n5\n" ROOT "\n-3\n", -EBADMSG},
	    {"tallyd epoch v1\n" NEW "\n" ORIGIN "\n5\n" ROOT "\n", -EBADMSG},
	    {"tallyd epoch v1\n" NEW "\n" ORIGIN "\n5\n" ROOT "\n3\n4\n", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct checkpoint end = {.size = 77};
		struct buf note;

		buf_init(&note, CHECKPOINT_MAX);
		assert_int_equal(note_sign(slice_text(rows[i].text), NEW, seed, &note), 0);
		assert_int_equal(
		    statement_open(buf_slice(&note), NEW, ORIGIN, public_key, &end), rows[i].r);
		assert_int_equal(end.size, i == 0 ? 5 : i == 1 ? 0 : 77);
		note.data[note.len - 10] ^= 1;
		assert_int_equal(
		    statement_open(buf_slice(&note), NEW, ORIGIN, public_key, &end), -EBADMSG);
		buf_release(&note);
	}
	assert_int_equal(
	    statement_open(slice_make(NULL, 0), NEW, ORIGIN, public_key, &(struct checkpoint){0}),
	    -EBADMSG);
#undef NEW
}

/* Signed by the right key under the right name, and yet no checkpoint of this origin. */
static void refuses_other_texts(void **state)
{
	static const struct {
		const char *text;
		int r;
	} rows[] = {
	    {ORIGIN "\n0\n" ROOT "\n", 0},
	    {ORIGIN "\n9223372036854775807\n" ROOT "\n", 0},
	    {ORIGIN "\n9223372036854775808\n" ROOT "\n", -EBADMSG},
	    {ORIGIN "\n18446744073709551617\n" ROOT "\n", -EBADMSG},
	    {ORIGIN "\n99999999999999999999\n" ROOT "\n", -EBADMSG},
	    {ORIGIN "\n00\n" ROOT "\n", -EBADMSG},
	    {ORIGIN "\n01\n" ROOT "\n", -EBADMSG},
	    {ORIGIN "\n+1\n" ROOT "\n", -EBADMSG},
	    {ORIGIN "\n-1\n" ROOT "\n", -EBADMSG},
	    {ORIGIN "\n 1\n" ROOT "\n", -EBADMSG},
	    {ORIGIN "\n1 \n" ROOT "\n", -EBADMSG},
	    {ORIGIN "\n1a\n" ROOT "\n", -EBADMSG},
	    {ORIGIN "\n\n" ROOT "\n", -EBADMSG},
	    {ORIGIN "\n1\n" ROOT " \n", -EBADMSG},
	    {ORIGIN "\n1\n" ROOT "\nextension\n", -EBADMSG},
	    {ORIGIN "\n1\n" ROOT "\n\n", -EBADMSG},
	    {"\n" ORIGIN "\n1\n" ROOT "\n", -EBADMSG},
	    {ORIGIN "\n1\n", -EBADMSG},
	    {ORIGIN "\n", -EBADMSG},
	    {"\n", -EBADMSG},
	    {ORIGIN "/epoch-2\n1\n" ROOT "\n", -EBADMSG},
	    {"vote.example/kai-stage1/1\n1\n" ROOT "\n", -EBADMSG},
	    /* base64: short, long, unpadded, with stray bits, in the other alphabet */
	    {ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n", -EBADMSG},
	    {ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2JA\n", -EBADMSG},
	    {ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n", -EBADMSG},
	    {ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", -EBADMSG},
	    {ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=\n", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct checkpoint checkpoint = {.size = 42};
		struct buf note;
		int r;
		buf_init(&note, 4096);
		assert_int_equal(note_sign(slice_text(rows[i].text), ORIGIN, seed, &note), 0);
		r = checkpoint_open(buf_slice(&note), ORIGIN, public_key, &checkpoint);
		if (r != rows[i].r)
			print_error("row %zu\n", i);
		assert_int_equal(r, rows[i].r);
		if (r < 0)
			assert_int_equal(checkpoint.size, 42);
		buf_release(&note);
	}
}

static void every_bit_counts(void **state)
{
	struct checkpoint checkpoint = {.size = 7, .root = {1}}, opened;
	uint8_t other_key[32];
	struct buf note;

	(void)state;
	buf_init(&note, CHECKPOINT_MAX);
	assert_int_equal(checkpoint_sign(&checkpoint, ORIGIN, seed, &note), 0);
	for (size_t bit = 0; bit < note.len * 8; bit++) {
		note.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_equal(
		    checkpoint_open(buf_slice(&note), ORIGIN, public_key, &opened), -EBADMSG);
		note.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t len = 0; len < note.len; len++)
		assert_int_equal(
		    checkpoint_open(slice_make(note.data, len), ORIGIN, public_key, &opened),
		    -EBADMSG);
	memcpy(other_key, public_key, sizeof(other_key));
	other_key[0] ^= 1;
	assert_int_equal(checkpoint_open(buf_slice(&note), ORIGIN, other_key, &opened), -EBADMSG);
	assert_int_equal(
	    checkpoint_open(buf_slice(&note), ORIGIN "0", public_key, &opened), -EBADMSG);
	assert_int_equal(checkpoint_open(buf_slice(&note), ORIGIN, public_key, &opened), 0);
	buf_release(&note);
}

static void signs_only_what_can_be_opened(void **state)
{
	char long_name[2 * CHECKPOINT_MAX];
	const struct {
		uint64_t size;
		const char *origin;
	} rows[] = {{1ull << 63, ORIGIN}, {UINT64_MAX, ORIGIN}, {1, ""}, {1, "a b"}, {1, "a+b"},
	    {1, "a\nb"}, {1, long_name}};
	struct buf out;

	(void)state;
	memset(long_name, 'n', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	buf_init(&out, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct checkpoint checkpoint = {.size = rows[i].size};
		assert_int_equal(checkpoint_sign(&checkpoint, rows[i].origin, seed, &out), -EINVAL);
		assert_int_equal(out.len, 0);
	}
	buf_release(&out);
}

/* ---- proofs ---- */

#define HASH_A "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"
#define HASH_B "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n"
#define TITLE  "c2sp.org/tlog-proof@v1\n"
#define BEHIND "\nexample.com/fancylog\n109482\n"

static void reads_and_prints(void **state)
{
	static const struct {
		const char *text;
		uint64_t index;
		size_t n;
		const char *extra;
	} rows[] = {
	    {TITLE "index 0\n" BEHIND, 0, 0, NULL},
	    {TITLE "index 73894\n" HASH_A HASH_B BEHIND, 73894, 2, NULL},
	    {TITLE "extra AAEC\nindex 9223372036854775807\n" HASH_B BEHIND, INT64_MAX, 1, "AAEC"},
	    {TITLE "extra \nindex 5\n" HASH_B BEHIND, 5, 1, ""},
	    {TITLE "index 5\n" HASH_B "\n\n", 5, 1, NULL}, /* what is behind is not looked at */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tlog_proof proof;
		struct buf again;
		assert_int_equal(tlog_proof_read(slice_text(rows[i].text), &proof), 0);
		assert_int_equal(proof.index, rows[i].index);
		assert_int_equal(proof.n_hashes, rows[i].n);
		if (rows[i].extra == NULL)
			assert_null(proof.extra.ptr);
		else
			assert_true(
			    proof.extra.ptr != NULL && slice_is(proof.extra, rows[i].extra));
		buf_init(&again, TLOG_PROOF_MAX);
		assert_int_equal(tlog_proof_print(&proof, &again), 0);
		assert_true(slice_is(buf_slice(&again), rows[i].text));
		buf_release(&again);
	}
}

static void refuses_other_proofs(void **state)
{
	static const char *const rows[] = {
	    "",
	    "\n",
	    TITLE,
	    TITLE "index 1\n",
	    TITLE "index 1\n" HASH_A,
	    TITLE "index 1\n" HASH_A "\n", /* nothing behind */
	    "c2sp.org/tlog-proof@v2\nindex 1\n" BEHIND,
	    " " TITLE "index 1\n" BEHIND,
	    "c2sp.org/tlog-proof@v1\r\nindex 1\n" BEHIND,
	    TITLE "index 01\n" BEHIND,
	    TITLE "index -1\n" BEHIND,
	    TITLE "index \n" BEHIND,
	    TITLE "index 9223372036854775808\n" BEHIND,
	    TITLE "index  1\n" BEHIND,
	    TITLE "Index 1\n" BEHIND,
	    TITLE "index 1\nextra AAEC\n" BEHIND,
	    TITLE "extra AAEC\nextra AAEC\nindex 1\n" BEHIND,
	    TITLE "extra AAE\nindex 1\n" BEHIND,
	    TITLE "extra AAED=\nindex 1\n" BEHIND,
	    TITLE "extra\nindex 1\n" BEHIND,
	    TITLE "extra AAEC\n" BEHIND,
	    TITLE "index 1\ngSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlR=\n" BEHIND,
	    TITLE "index 1\ngSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ\n" BEHIND,
	    TITLE "index 1\nAAEC\n" BEHIND,
	    TITLE "index 1\n " HASH_A BEHIND,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tlog_proof proof = {.index = 42};
		if (tlog_proof_read(slice_text(rows[i]), &proof) != -EBADMSG)
			fail_msg("row %zu was taken", i);
		assert_int_equal(proof.index, 42);
	}
}

static void has_limits(void **state)
{
	struct tlog_proof proof = {.index = 1, .checkpoint = slice_text("x\n")}, again;
	struct buf text;

	(void)state;
	buf_init(&text, 4 * TLOG_PROOF_MAX);
	proof.n_hashes = MERKLE_PROOF_MAX;
	assert_int_equal(tlog_proof_print(&proof, &text), 0);
	assert_int_equal(tlog_proof_read(buf_slice(&text), &again), 0);
	assert_int_equal(again.n_hashes, MERKLE_PROOF_MAX);
	text.len -= 3; /* one hash too many */
	assert_int_equal(buf_append_text(&text, HASH_A "\nx\n"), 0);
	assert_int_equal(tlog_proof_read(buf_slice(&text), &again), -EBADMSG);
	buf_clear(&text);
	proof.n_hashes = MERKLE_PROOF_MAX + 1;
	assert_int_equal(tlog_proof_print(&proof, &text), -EINVAL);
	proof.n_hashes = 0;
	proof.index = 1ull << 63;
	assert_int_equal(tlog_proof_print(&proof, &text), -EINVAL);
	assert_int_equal(text.len, 0);
	proof.index = 1;
	assert_int_equal(tlog_proof_print(&proof, &text), 0);
	while (text.len <= TLOG_PROOF_MAX)
		assert_int_equal(buf_append_text(&text, "a line of another's\n"), 0);
	assert_int_equal(tlog_proof_read(buf_slice(&text), &again), -EBADMSG);
	buf_release(&text);
	buf_init(&text, 20); /* no room: nothing is left behind */
	assert_int_equal(tlog_proof_print(&proof, &text), -ENOBUFS);
	assert_int_equal(text.len, 0);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_is_as_specified),
	    cmocka_unit_test(statements),
	    cmocka_unit_test(refuses_other_texts),
	    cmocka_unit_test(every_bit_counts),
	    cmocka_unit_test(signs_only_what_can_be_opened),
	    cmocka_unit_test(reads_and_prints),
	    cmocka_unit_test(refuses_other_proofs),
	    cmocka_unit_test(has_limits),
	};

	return cmocka_run_group_tests(tests, make_key, NULL);
}
