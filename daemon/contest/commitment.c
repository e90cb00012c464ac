/* The hashes that tie a token, a ballot and its place in the log together. The layouts are promised
 * to whoever checks the log, so each hash begins with its own name and version. */
#include "contest/commitment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/encode.h"
#include "contest/contest.h"
#include "crypto/digest.h"

int commitment_origin(const char *log_name, const struct contest *contest, unsigned shard,
    char ret_origin[ORIGIN_MAX])
{
	char origin[ORIGIN_MAX];
	char round[CONTEST_ID_MAX + 16];
	int len;

	contest_round(contest, round, sizeof(round));
	len = snprintf(origin, sizeof(origin), "%s/%s/%u", log_name, round, shard);
	if (len < 0 || (size_t)len >= sizeof(origin))
		return -ENOBUFS;
	memcpy(ret_origin, origin, (size_t)len + 1);
	return 0;
}

int commitment_epoch_origin(const char *origin, uint64_t epoch, char ret_origin[ORIGIN_MAX])
{
	char text[ORIGIN_MAX];
	int len = epoch < 2 ? snprintf(text, sizeof(text), "%s", origin)
			    : snprintf(text, sizeof(text), "%s/epoch-%" PRIu64, origin, epoch);

	if (len < 0 || (size_t)len >= sizeof(text))
		return -ENOBUFS;
	memcpy(ret_origin, text, (size_t)len + 1);
	return 0;
}

void commitment_spent(struct slice token_input, uint8_t ret_spent[SPENT_SIZE])
{
	const struct slice parts[] = {slice_text("tallyd spent v1\n"), token_input};
	uint8_t digest[SHA256_SIZE];

	sha256_parts(parts, 2, digest);
	memcpy(ret_spent, digest, SPENT_SIZE);
}

void commitment_salt(struct hmac_key *key, const char *origin, uint64_t index,
    const uint8_t spent[SPENT_SIZE], uint8_t ret_salt[SALT_SIZE])
{
	uint8_t place[8];
	const struct slice parts[] = {
	    slice_text(origin),
	    slice_text("\n"),
	    slice_make(place, sizeof(place)),
	    slice_make(spent, SPENT_SIZE),
	};

	put_u64be(place, index);
	hmac_sha256(key, parts, sizeof(parts) / sizeof(parts[0]), ret_salt);
}

void commitment_tag(struct hmac_key *key, const char *origin, int64_t replaces,
    const uint8_t spent[SPENT_SIZE], struct slice ballot, uint8_t ret_tag[TAG_SIZE])
{
	uint8_t place[8], mac[SHA256_SIZE];
	const struct slice parts[] = {
	    slice_text("tallyd tag v1\n"),
	    slice_text(origin),
	    slice_text("\n"),
	    slice_make(place, sizeof(place)),
	    slice_make(spent, SPENT_SIZE),
	    ballot,
	};

	put_u64be(place, replaces < 0 ? 0 : 1 + (uint64_t)replaces);
	hmac_sha256(key, parts, sizeof(parts) / sizeof(parts[0]), mac);
	memcpy(ret_tag, mac, TAG_SIZE);
}

void commitment_entry(const char *origin, uint64_t index, const uint8_t spent[SPENT_SIZE],
    const uint8_t salt[SALT_SIZE], struct slice ballot, uint8_t ret_entry[COMMITMENT_SIZE])
{
	uint8_t place[8];
	const struct slice parts[] = {
	    slice_text("tallyd ballot v1\n"),
	    slice_text(origin),
	    slice_text("\n"),
	    slice_make(place, sizeof(place)),
	    slice_make(spent, SPENT_SIZE),
	    slice_make(salt, SALT_SIZE),
	    ballot,
	};

	put_u64be(place, index);
	sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), ret_entry);
}
