/* Recomputes salt and entry from what the log holds, and prints the receipt. On the path of every
 * vote, so it prints by hand: all that goes in is numbers, base64 and ids. */
#include "api/receipt.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "api/app.h"
#include "base/encode.h"
#include "contest/commitment.h"

void receipt_make(const struct service *service, const struct cast_result *result,
    const uint8_t spent[LEDGER_SPENT_SIZE], struct slice ballot, struct receipt *ret_receipt)
{
	const char *origin = service->origins[result->shard];
	uint8_t salt[SALT_SIZE], entry[COMMITMENT_SIZE];
	commitment_salt(service->salt_key, origin, result->index, spent, salt);
	commitment_entry(origin, result->index, spent, salt, ballot, entry);

	char entry_text[BASE64_SIZE(COMMITMENT_SIZE)], salt_text[BASE64_SIZE(SALT_SIZE)],
	    spent_text[BASE64_SIZE(LEDGER_SPENT_SIZE)];
	base64_encode(entry, sizeof(entry), entry_text);
	base64_encode(salt, sizeof(salt), salt_text);
	base64_encode(spent, LEDGER_SPENT_SIZE, spent_text);
	int len = snprintf(ret_receipt->json, sizeof(ret_receipt->json),
	    "{\"status\":\"%s\",\"contest\":\"%s\",\"shard\":%u,\"index\":%" PRIu64
	    ",\"entry\":\"%s\",\"spent\":\"%s\",\"salt\":\"%s\"}",
	    result->replacements > 0 ? "replaced" : "counted", service->round->contest->id,
	    result->shard, result->index, entry_text, spent_text, salt_text);
	assert(len > 0 && len < RECEIPT_MAX);
	ret_receipt->len = (size_t)len;
	snprintf(ret_receipt->etag, sizeof(ret_receipt->etag), "\"%" PRIu64 "\"", result->index);
}
