/* What binds an OpenID Connect login to the browser that began it, without a session anywhere: the
 * callback's cookie holds one random seed, signed; state, nonce (OpenID Connect Core 1.0, section
 * 3.1.2.1) and the PKCE verifier (RFC 7636, section 4.1) are HMACs of the cookie. So whoever sees
 * the address of the callback cannot end the login elsewhere, and whoever has the cookie alone has
 * no code. */
#ifndef TALLYD_ADMISSION_LOGIN_H
#define TALLYD_ADMISSION_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/encode.h"
#include "base/slice.h"
#include "contest/contest.h"
#include "crypto/digest.h"

#define LOGIN_MS          (15 * 60 * 1000) /* that somebody may take at the provider */
#define LOGIN_COOKIE      "tallyd-login"
#define LOGIN_COOKIE_SIZE 256
#define LOGIN_WORD_SIZE   44 /* 32 bytes in base64url, and NUL */
#define LOGIN_STATE_SIZE  (2 + CONTEST_ID_MAX + 1 + LOGIN_WORD_SIZE)

struct login { /* what the callback has to know again */
	char contest[CONTEST_ID_MAX + 1];
	char provider[CONTEST_ID_MAX + 1];
	bool english; /* the pages' language; else Korean */
	bool shared;  /* a device that several people use */
	int64_t ends_ms;
	uint8_t seed[16];
};

struct login_words {
	char state[LOGIN_STATE_SIZE]; /* language and contest stand before the word, readable */
	char nonce[LOGIN_WORD_SIZE];
	char verifier[LOGIN_WORD_SIZE];
	char challenge[LOGIN_WORD_SIZE]; /* S256 of the verifier */
};

/* Draws the seed, sets the end. 0 or -EIO: no randomness. */
__attribute__((warn_unused_result)) int login_begin(struct login *login, int64_t now_ms);

/* Characters of a cookie's value. Returns ret_cookie. */
char *login_print(
    struct hmac_key *key, const struct login *login, char ret_cookie[LOGIN_COOKIE_SIZE]);

/* The contest that a cookie says it is of, before its key is known. 0 or -EBADMSG. */
__attribute__((warn_unused_result)) int login_contest(
    struct slice cookie, char ret_contest[CONTEST_ID_MAX + 1]);
/* 0; -EBADMSG: not signed with this key; -ETIME: it has ended, and ret_login says what it was. */
__attribute__((warn_unused_result)) int login_read(
    struct hmac_key *key, struct slice cookie, int64_t now_ms, struct login *ret_login);

/* What a state says that came without its cookie, as when a login is ended in another browser; it
 * proves nothing, and serves for an answer in the right language. 0 or -EBADMSG. */
__attribute__((warn_unused_result)) int login_hint(
    struct slice state, bool *ret_english, char ret_contest[CONTEST_ID_MAX + 1]);

void login_words(struct hmac_key *key, const struct login *login, struct login_words *ret_words);

#endif
