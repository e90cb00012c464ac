/* Turns of those who wait, and the words for them. */
#include "api/turn.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "crypto/digest.h"

#define SLOWEST     1.0  /* a second */
#define LEAVES      0.95 /* of the pace: those who come late, and whom chance brings together */
#define FIRST_MS    1000
#define DUE_DIGITS  15
#define MAC_BYTES   9  /* 72 bits; a wrong word only waits */
#define REQUEST_MAX 64 /* a token request is random from its 4th byte on */

/* ---- who is when ---- */

/* No turn is so far away, unless the clock was set back: then nobody waits for it any more. */
static bool is_beyond(int64_t due_ms, int64_t now_ms)
{
	return due_ms > now_ms + TURN_LONGEST_MS + (int64_t)(2e3 / SLOWEST);
}

/* A second in which nobody was served, or which is not over, says nothing of how many can be: what
 * stands still for a while goes on as before, and the line must not be as long as if it did not. */
static void begin_second(struct turns *turns, int64_t now_ms)
{
	int64_t second = now_ms / 1000;

	if (second == turns->second)
		return;
	if (turns->pressed && turns->served > 0 && second == turns->second + 1)
		turns->pace = (turns->pace + turns->served) / 2;
	turns->second = second;
	turns->served = 0;
	turns->pressed = false;
}

void turns_served(struct turns *turns, int64_t now_ms)
{
	begin_second(turns, now_ms);
	turns->served++;
}

static int64_t give(struct turns *turns, int64_t *next_us, int64_t now_ms)
{
	int64_t soonest_us = (now_ms + FIRST_MS) * 1000, due_ms;

	begin_second(turns, now_ms);
	turns->pressed = true;
	if (*next_us < soonest_us || is_beyond(*next_us / 1000, now_ms))
		*next_us = soonest_us;
	due_ms = *next_us / 1000;
	if (due_ms >= now_ms + TURN_LONGEST_MS)
		return now_ms + TURN_LONGEST_MS;
	*next_us += (int64_t)(1e6 / LEAVES / (turns->pace > SLOWEST ? turns->pace : SLOWEST));
	return due_ms;
}

int64_t turns_give(struct turns *turns, int64_t now_ms)
{
	return give(turns, &turns->next_us, now_ms);
}

int64_t turns_put_off(struct turns *turns, int64_t now_ms)
{
	return give(turns, &turns->again_us, now_ms);
}

bool turns_are_pressed(const struct turns *turns, int64_t now_ms)
{
	return turns->pressed && turns->second == now_ms / 1000;
}

bool turns_are_over(const struct turns *turns, int64_t now_ms)
{
	return turns->next_us <= now_ms * 1000 || is_beyond(turns->next_us / 1000, now_ms);
}

/* ---- words ---- */

static void print_mac(struct hmac_key *key, const char due[DUE_DIGITS], struct slice request,
    char ret_mac[2 * MAC_BYTES + 1])
{
	uint8_t mac[SHA256_SIZE];
	const struct slice parts[] = {slice_text("turn"), slice_make(due, DUE_DIGITS),
	    slice_make(request.ptr, request.len < REQUEST_MAX ? request.len : REQUEST_MAX)};

	hmac_sha256(key, parts, sizeof(parts) / sizeof(parts[0]), mac);
	(void)hex_encode(mac, MAC_BYTES, ret_mac);
}

void turn_print(
    struct hmac_key *key, int64_t due_ms, struct slice request, char ret_word[TURN_SIZE])
{
	(void)snprintf(ret_word, TURN_SIZE, "%0*lld.", DUE_DIGITS, (long long)due_ms);
	print_mac(key, ret_word, request, ret_word + DUE_DIGITS + 1);
}

int64_t turn_read(struct hmac_key *key, struct slice word, struct slice request, int64_t now_ms)
{
	int64_t due_ms;
	char due[DUE_DIGITS + 1] = "", mac[2 * MAC_BYTES + 1];
	const char *text = word.ptr;

	if (word.len != DUE_DIGITS + 1 + 2 * MAC_BYTES)
		return 0;
	memcpy(due, text, DUE_DIGITS);
	print_mac(key, due, request, mac);
	if (text[DUE_DIGITS] != '.' ||
	    CRYPTO_memcmp(text + DUE_DIGITS + 1, mac, 2 * MAC_BYTES) != 0)
		return 0;
	due_ms = strtoll(due, NULL, 10);
	return is_beyond(due_ms, now_ms) ? 0 : due_ms;
}
