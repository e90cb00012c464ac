/* Signed notes: how a signature line is written, found and checked. */
#include "crypto/note.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/encode.h"
#include "crypto/digest.h"

#define KEY_ID_SIZE    4
#define SIGNATURE_SIZE 64
#define LINE_SIZE      (KEY_ID_SIZE + SIGNATURE_SIZE)
#define ED25519_KIND   0x01 /* C2SP signed-note, "Signature types" */

/* The em dash (U+2014) and the space that begin a signature line. */
static const char dash[] = "\xe2\x80\x94 ";

/* The name of a key: ASCII here, no space, no plus. */
static bool is_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > NOTE_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] == '+' || name[i] >= 0x7f)
			return false;
	return true;
}

/* Ends in LF and has no other control character. */
static bool is_text(struct slice text)
{
	if (text.len == 0 || text.ptr[text.len - 1] != '\n')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if ((c < 0x20 && c != '\n') || c == 0x7f)
			return false;
	}
	return true;
}

static void key_id(const char *name, const uint8_t public_key[32], uint8_t ret_id[KEY_ID_SIZE])
{
	uint8_t digest[SHA256_SIZE];

	sha256_parts((struct slice[]){slice_text(name), slice_text("\n"),
			 slice_make(&(uint8_t){ED25519_KIND}, 1), slice_make(public_key, 32)},
	    4, digest);
	memcpy(ret_id, digest, KEY_ID_SIZE);
}

/* ---- keys in writing ---- */

int note_verifier_print(
    const char *name, const uint8_t public_key[32], char ret_text[NOTE_VERIFIER_MAX])
{
	uint8_t id[KEY_ID_SIZE], kind_and_key[1 + 32] = {ED25519_KIND};
	char hex[HEX_SIZE(KEY_ID_SIZE)], base64[BASE64_SIZE(sizeof(kind_and_key))];

	if (!is_name(name))
		return -EINVAL;
	key_id(name, public_key, id);
	hex_encode(id, sizeof(id), hex);
	memcpy(kind_and_key + 1, public_key, 32);
	base64_encode(kind_and_key, sizeof(kind_and_key), base64);
	(void)snprintf(ret_text, NOTE_VERIFIER_MAX, "%s+%s+%s", name, hex, base64);
	return 0;
}

int note_verifier_read(struct slice text, char ret_name[NOTE_NAME_MAX + 1], uint8_t ret_public[32])
{
	const char *plus = text.len > 0 ? memchr(text.ptr, '+', text.len) : NULL;
	size_t len = plus != NULL ? (size_t)(plus - text.ptr) : 0, n;
	char name[NOTE_NAME_MAX + 1], again[NOTE_VERIFIER_MAX];
	uint8_t kind_and_key[1 + 32];

	/* The base64 may hold plus signs; before it stand the id's 8 digits and one. */
	if (len == 0 || len > NOTE_NAME_MAX || text.len < len + 10 || text.len >= NOTE_VERIFIER_MAX)
		return -EINVAL;
	memcpy(name, text.ptr, len);
	name[len] = '\0';
	if (base64_decode(slice_make(plus + 10, text.len - len - 10), kind_and_key,
		sizeof(kind_and_key), &n) < 0 ||
	    n != sizeof(kind_and_key) || kind_and_key[0] != ED25519_KIND ||
	    note_verifier_print(name, kind_and_key + 1, again) < 0 || !slice_is(text, again))
		return -EINVAL;
	memcpy(ret_name, name, len + 1);
	memcpy(ret_public, kind_and_key + 1, 32);
	return 0;
}

/* ---- signing ---- */

static EVP_PKEY *key_of_seed(const uint8_t seed[32])
{
	return EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed, 32);
}

int note_public(const uint8_t seed[32], uint8_t ret_public[32])
{
	EVP_PKEY *pkey = key_of_seed(seed);
	uint8_t raw[32];
	size_t len = sizeof(raw);
	int r = -ENOMEM;

	if (pkey != NULL && EVP_PKEY_get_raw_public_key(pkey, raw, &len) && len == sizeof(raw)) {
		memcpy(ret_public, raw, sizeof(raw));
		r = 0;
	}
	EVP_PKEY_free(pkey);
	return r;
}

static int sign(struct slice text, const uint8_t seed[32], uint8_t ret_signature[SIGNATURE_SIZE])
{
	EVP_PKEY *pkey = key_of_seed(seed);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t len = SIGNATURE_SIZE;
	int r = -ENOMEM;

	if (pkey != NULL && context != NULL &&
	    EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, pkey, NULL) == 1 &&
	    EVP_DigestSign(context, ret_signature, &len, (const uint8_t *)text.ptr, text.len) == 1)
		r = 0;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pkey);
	return r;
}

int note_sign(struct slice text, const char *name, const uint8_t seed[32], struct buf *out)
{
	uint8_t public_key[32], line[LINE_SIZE];
	char base64[BASE64_SIZE(LINE_SIZE)];
	size_t before = out->len;
	int r;

	if (!is_text(text) || !is_name(name))
		return -EINVAL;
	r = note_public(seed, public_key);
	if (r == 0)
		r = sign(text, seed, line + KEY_ID_SIZE);
	if (r < 0)
		return r;
	key_id(name, public_key, line);
	(void)base64_encode(line, sizeof(line), base64);
	r = buf_append_slice(out, text);
	if (r == 0)
		r = buf_printf(out, "\n%s%s %s\n", dash, name, base64);
	if (r < 0)
		out->len = before;
	return r;
}

/* ---- opening ---- */

/* The text ends at the last empty line; signature lines follow. */
static int split(struct slice note, struct slice *ret_text, struct slice *ret_lines)
{
	if (!is_text(note))
		return -EBADMSG;
	for (size_t i = note.len - 1; i > 0; i--)
		if (note.ptr[i] == '\n' && note.ptr[i - 1] == '\n') {
			*ret_text = slice_make(note.ptr, i);
			*ret_lines = slice_make(note.ptr + i + 1, note.len - i - 1);
			return ret_lines->len > 0 ? 0 : -EBADMSG;
		}
	return -EBADMSG;
}

/* Takes the next line off, without its LF. */
static struct slice take_line(struct slice *lines)
{
	const char *lf = memchr(lines->ptr, '\n', lines->len);
	struct slice line = slice_make(lines->ptr, (size_t)(lf - lines->ptr));

	*lines = slice_make(lf + 1, lines->len - line.len - 1);
	return line;
}

/* "— <name> <base64>". 0, or -EBADMSG where it is no signature line at all. */
static int read_line(struct slice line, struct slice *ret_name, struct slice *ret_base64)
{
	const size_t begin = sizeof(dash) - 1;
	const char *space;

	if (!slice_starts(line, dash))
		return -EBADMSG;
	line = slice_make(line.ptr + begin, line.len - begin);
	space = memchr(line.ptr, ' ', line.len);
	if (space == NULL || space == line.ptr)
		return -EBADMSG;
	*ret_name = slice_make(line.ptr, (size_t)(space - line.ptr));
	*ret_base64 = slice_make(space + 1, line.len - ret_name->len - 1);
	return ret_base64->len > 0 ? 0 : -EBADMSG;
}

static bool verifies(struct slice text, const uint8_t public_key[32], const uint8_t *signature)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, public_key, 32);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = pkey != NULL && context != NULL &&
		    EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, pkey, NULL) == 1 &&
		    EVP_DigestVerify(context, signature, SIGNATURE_SIZE, (const uint8_t *)text.ptr,
			text.len) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pkey);
	return good;
}

int note_open(
    struct slice note, const char *name, const uint8_t public_key[32], struct slice *ret_text)
{
	struct slice text, lines;
	uint8_t id[KEY_ID_SIZE];
	bool found = false;
	int r = is_name(name) ? split(note, &text, &lines) : -EBADMSG;

	if (r < 0)
		return r;
	key_id(name, public_key, id);
	while (lines.len > 0) {
		struct slice its_name, base64;
		uint8_t bytes[LINE_SIZE];
		size_t len;

		if (read_line(take_line(&lines), &its_name, &base64) < 0)
			return -EBADMSG;
		if (!slice_is(its_name, name) ||
		    base64_decode(base64, bytes, sizeof(bytes), &len) < 0 || len != sizeof(bytes) ||
		    memcmp(bytes, id, sizeof(id)) != 0)
			continue; /* another key's */
		if (!verifies(text, public_key, bytes + KEY_ID_SIZE))
			return -EBADMSG;
		found = true;
	}
	if (!found)
		return -EBADMSG;
	*ret_text = text;
	return 0;
}
