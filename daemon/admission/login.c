/* A cookie is "v1.<contest>.<provider>.<language><device>.<end>.<seed>.<signature>"; ids have no
 * full stop, the end is in seconds. */
#include "admission/login.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#define SEED_TEXT_SIZE BASE64_SIZE(sizeof(((struct login *)0)->seed))

int login_begin(struct login *login, int64_t now_ms)
{
	if (RAND_bytes(login->seed, sizeof(login->seed)) <= 0)
		return -EIO;
	login->ends_ms = (now_ms + LOGIN_MS) / 1000 * 1000;
	return 0;
}

static void word_of(
    struct hmac_key *key, const char *label, struct slice text, char ret_word[LOGIN_WORD_SIZE])
{
	const struct slice parts[] = {slice_text(label), text};
	uint8_t mac[SHA256_SIZE];

	hmac_sha256(key, parts, 2, mac);
	base64url_encode(mac, sizeof(mac), ret_word);
}

/* What is signed; returns its length. */
static size_t print_unsigned(const struct login *login, char ret_text[LOGIN_COOKIE_SIZE])
{
	char seed[SEED_TEXT_SIZE];

	base64url_encode(login->seed, sizeof(login->seed), seed);
	return (size_t)snprintf(ret_text, LOGIN_COOKIE_SIZE, "v1.%s.%s.%c%c.%" PRId64 ".%s",
	    login->contest, login->provider, login->english ? 'e' : 'k', login->shared ? 's' : 'o',
	    login->ends_ms / 1000, seed);
}

char *login_print(
    struct hmac_key *key, const struct login *login, char ret_cookie[LOGIN_COOKIE_SIZE])
{
	size_t len = print_unsigned(login, ret_cookie);

	ret_cookie[len] = '.';
	word_of(key, "tallyd login cookie v1\n", slice_make(ret_cookie, len), ret_cookie + len + 1);
	return ret_cookie;
}

/* ---- reading ---- */

/* Cuts what stands before the next full stop from the front. */
static struct slice take_field(struct slice *text)
{
	const char *stop = text->len > 0 ? memchr(text->ptr, '.', text->len) : NULL;
	size_t len = stop ? (size_t)(stop - text->ptr) : text->len;
	struct slice field = slice_make(text->ptr, len);

	len += stop ? 1 : 0;
	if (len > 0)
		*text = slice_make(text->ptr + len, text->len - len);
	return field;
}

static int copy_id(struct slice field, char ret_id[CONTEST_ID_MAX + 1])
{
	if (field.len == 0 || field.len > CONTEST_ID_MAX)
		return -EBADMSG;
	memcpy(ret_id, field.ptr, field.len);
	ret_id[field.len] = '\0';
	return 0;
}

int login_contest(struct slice cookie, char ret_contest[CONTEST_ID_MAX + 1])
{
	if (cookie.len == 0 || cookie.len >= LOGIN_COOKIE_SIZE ||
	    !slice_is(take_field(&cookie), "v1"))
		return -EBADMSG;
	return copy_id(take_field(&cookie), ret_contest);
}

static int read_end(struct slice field, int64_t *ret_ms)
{
	int64_t seconds = 0;

	if (field.len == 0 || field.len > 12)
		return -EBADMSG;
	for (size_t i = 0; i < field.len; i++) {
		if (field.ptr[i] < '0' || field.ptr[i] > '9')
			return -EBADMSG;
		seconds = seconds * 10 + (field.ptr[i] - '0');
	}
	*ret_ms = seconds * 1000;
	return 0;
}

static int read_unsigned(struct slice text, struct login *login)
{
	size_t len;

	if (login_contest(text, login->contest) < 0)
		return -EBADMSG;
	(void)take_field(&text);
	(void)take_field(&text);
	if (copy_id(take_field(&text), login->provider) < 0)
		return -EBADMSG;
	struct slice flags = take_field(&text);
	if (flags.len != 2 || read_end(take_field(&text), &login->ends_ms) < 0)
		return -EBADMSG;
	login->english = flags.ptr[0] == 'e';
	login->shared = flags.ptr[1] == 's';
	if (base64url_decode(text, login->seed, sizeof(login->seed), &len) < 0 ||
	    len != sizeof(login->seed))
		return -EBADMSG;
	return 0;
}

int login_read(struct hmac_key *key, struct slice cookie, int64_t now_ms, struct login *ret_login)
{
	struct login login = {.ends_ms = 0};
	char word[LOGIN_WORD_SIZE];
	const char *stop = cookie.len > 0 && cookie.len < LOGIN_COOKIE_SIZE
			       ? memrchr(cookie.ptr, '.', cookie.len)
			       : NULL;

	if (!stop)
		return -EBADMSG;
	struct slice text = slice_make(cookie.ptr, (size_t)(stop - cookie.ptr));
	struct slice mac = slice_make(stop + 1, cookie.len - text.len - 1);
	word_of(key, "tallyd login cookie v1\n", text, word);
	if (mac.len != strlen(word) || CRYPTO_memcmp(mac.ptr, word, mac.len) != 0 ||
	    read_unsigned(text, &login) < 0)
		return -EBADMSG;
	*ret_login = login;
	return now_ms < login.ends_ms ? 0 : -ETIME;
}

/* ---- what the provider is sent ---- */

int login_hint(struct slice state, bool *ret_english, char ret_contest[CONTEST_ID_MAX + 1])
{
	struct slice language = take_field(&state);

	if (!slice_is(language, "e") && !slice_is(language, "k"))
		return -EBADMSG;
	*ret_english = slice_is(language, "e");
	return copy_id(take_field(&state), ret_contest);
}

void login_words(struct hmac_key *key, const struct login *login, struct login_words *ret_words)
{
	char text[LOGIN_COOKIE_SIZE];
	struct slice cookie = slice_make(text, print_unsigned(login, text));
	uint8_t digest[SHA256_SIZE];

	(void)snprintf(ret_words->state, sizeof(ret_words->state), "%c.%s.",
	    login->english ? 'e' : 'k', login->contest);
	word_of(
	    key, "tallyd login state v1\n", cookie, ret_words->state + strlen(ret_words->state));
	word_of(key, "tallyd login nonce v1\n", cookie, ret_words->nonce);
	word_of(key, "tallyd login verifier v1\n", cookie, ret_words->verifier);
	sha256(slice_text(ret_words->verifier), digest);
	base64url_encode(digest, sizeof(digest), ret_words->challenge);
}
