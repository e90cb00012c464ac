/* crypto/note: published notes and keys, the way there and back, and everything else refused. */
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
#include "crypto/note.h"

/* The example of Go's golang.org/x/mod/sumdb/note, which C2SP signed-note describes: the keys carry
 * the kind 0x01 before their 32 bytes. */
#define NAME "PeterNeumann"
#define TEXT                                                                                       \
	"If you think cryptography is the answer to your problem,\n"                               \
	"then you don't know what your problem is.\n"
#define LINE                                                                                       \
	"\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSN" \
	"XgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
static const char public_text[] = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char secret_text[] = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

static uint8_t seed[32], public_key[32];

static int read_keys(void **state)
{
	uint8_t bytes[33];
	size_t len;

	(void)state;
	assert_int_equal(base64_decode(slice_text(secret_text), bytes, sizeof(bytes), &len), 0);
	assert_int_equal(bytes[0], 1);
	memcpy(seed, bytes + 1, 32);
	assert_int_equal(base64_decode(slice_text(public_text), bytes, sizeof(bytes), &len), 0);
	memcpy(public_key, bytes + 1, 32);
	return 0;
}

static void published_note(void **state)
{
	struct buf note;
	struct slice text;
	uint8_t public[32];

	(void)state;
	buf_init(&note, 4096);
	assert_int_equal(note_public(seed, public), 0);
	assert_memory_equal(public, public_key, 32);
	assert_int_equal(note_sign(slice_text(TEXT), NAME, seed, &note), 0);
	assert_true(slice_is(buf_slice(&note), TEXT "\n" LINE)); /* Ed25519 draws nothing */
	assert_int_equal(note_open(buf_slice(&note), NAME, public_key, &text), 0);
	assert_true(slice_is(text, TEXT));
	buf_release(&note);
}

/* RFC 8032 section 7.1, test 1. */
static void published_key(void **state)
{
	uint8_t secret[32], wanted[32], public[32];
	size_t len;

	(void)state;
	assert_int_equal(
	    hex_decode(
		slice_text("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
		secret, 32, &len),
	    0);
	assert_int_equal(
	    hex_decode(
		slice_text("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
		wanted, 32, &len),
	    0);
	assert_int_equal(note_public(secret, public), 0);
	assert_memory_equal(public, wanted, 32);
}

/* Lines of other keys are passed over, known or not, before or behind; empty lines belong to the
 * text. */
static void takes(void **state)
{
	static const char other[] =
	    "\xe2\x80\x94 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+"
	    "EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
	static const char unknown[] = "\xe2\x80\x94 PeterNeumann AAAAAAAA\n";
	const char *const lines[][3] = {{LINE, "", ""}, {other, LINE, ""}, {LINE, other, ""},
	    {unknown, LINE, other}, {LINE, LINE, ""}};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char note[2000];
		struct slice text;
		(void)snprintf(
		    note, sizeof(note), "%s\n%s%s%s", TEXT, lines[i][0], lines[i][1], lines[i][2]);
		assert_int_equal(note_open(slice_text(note), NAME, public_key, &text), 0);
		assert_true(slice_is(text, TEXT));
	}
	{
		struct buf note;
		struct slice text;
		buf_init(&note, 4096);
		assert_int_equal(note_sign(slice_text("a\n\n\nb\n"), "x", seed, &note), 0);
		assert_int_equal(note_open(buf_slice(&note), "x", public_key, &text), 0);
		assert_true(slice_is(text, "a\n\n\nb\n"));
		buf_release(&note);
	}
}

static void refuses(void **state)
{
	static const char *const notes[] = {
	    "",
	    "\n",
	    "\n\n",
	    TEXT,
	    TEXT "\n",
	    TEXT LINE,
	    TEXT "\n" LINE "x",
	    TEXT "\n" LINE "\n",
	    TEXT "\n\xe2\x80\x94 PeterNeumann\n",
	    TEXT "\n\xe2\x80\x94 PeterNeumann \n",
	    TEXT "\n\xe2\x80\x94 PeterNeumann AAAA\n",
	    TEXT "\n" LINE "not a line\n",
	    "then you don't know what your problem is.\n\n" LINE,
	    "\t" TEXT "\n" LINE,
	    TEXT "\r\n\n" LINE,
	};
	struct slice text = {NULL, 0};
	char note[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		assert_int_equal(
		    note_open(slice_text(notes[i]), NAME, public_key, &text), -EBADMSG);
	/* every byte of it counts */
	for (size_t i = 0; i < strlen(TEXT "\n" LINE); i++) {
		(void)snprintf(note, sizeof(note), "%s", TEXT "\n" LINE);
		note[i] ^= 1;
		assert_int_equal(note_open(slice_text(note), NAME, public_key, &text), -EBADMSG);
	}
	/* a wrong signature of this key beside a right one */
	(void)snprintf(note, sizeof(note), "%s", TEXT "\n" LINE LINE);
	note[strlen(note) - 20] ^= 1;
	assert_int_equal(note_open(slice_text(note), NAME, public_key, &text), -EBADMSG);
	/* another name, another key */
	assert_int_equal(
	    note_open(slice_text(TEXT "\n" LINE), "Peter", public_key, &text), -EBADMSG);
	assert_int_equal(note_open(slice_text(TEXT "\n" LINE), NAME, seed, &text), -EBADMSG);
	assert_null(text.ptr);
}

static void signs_only_what_can_be_opened(void **state)
{
	char long_name[NOTE_NAME_MAX + 2];
	const struct {
		const char *text, *name;
	} rows[] = {{"", "n"}, {"no end", "n"}, {"a\tb\n", "n"}, {"a\r\n", "n"}, {"a\x7f\n", "n"},
	    {"a\n", ""}, {"a\n", "a b"}, {"a\n", "a+b"}, {"a\n", "a\nb"}, {"a\n", long_name}};
	struct buf out;

	(void)state;
	memset(long_name, 'n', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	buf_init(&out, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    note_sign(slice_text(rows[i].text), rows[i].name, seed, &out), -EINVAL);
		assert_int_equal(out.len, 0);
	}
	buf_release(&out);
	buf_init(&out, 100); /* no room for the line: nothing is left behind */
	assert_int_equal(note_sign(slice_text("a\n"), "n", seed, &out), -ENOBUFS);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

/* Of Go's sumdb/note, and of its checksum database, whose base64 has a plus sign. */
static void verifier_keys(void **state)
{
	static const char peter[] =
	    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
	static const char go[] =
	    "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
	char name[NOTE_NAME_MAX + 1], text[NOTE_VERIFIER_MAX];
	uint8_t key[32];

	(void)state;
	assert_int_equal(note_verifier_print(NAME, public_key, text), 0);
	assert_string_equal(text, peter);
	assert_int_equal(note_verifier_read(slice_text(peter), name, key), 0);
	assert_string_equal(name, NAME);
	assert_memory_equal(key, public_key, 32);
	assert_int_equal(note_verifier_read(slice_text(go), name, key), 0);
	assert_string_equal(name, "sum.golang.org");
	assert_int_equal(note_verifier_print(name, key, text), 0);
	assert_string_equal(text, go);
	assert_int_equal(note_verifier_print("a b", key, text), -EINVAL);
	/* every byte counts, and every one must be there */
	for (size_t i = 0; i < strlen(peter); i++) {
		(void)snprintf(text, sizeof(text), "%s", peter);
		text[i] ^= 1;
		assert_int_equal(note_verifier_read(slice_text(text), name, key), -EINVAL);
		assert_int_equal(note_verifier_read(slice_make(peter, i), name, key), -EINVAL);
	}
	assert_int_equal(note_verifier_read(slice_text("a+c74f20a3"), name, key), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_note),
	    cmocka_unit_test(published_key),
	    cmocka_unit_test(takes),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(signs_only_what_can_be_opened),
	    cmocka_unit_test(verifier_keys),
	};

	return cmocka_run_group_tests(tests, read_keys, NULL);
}
