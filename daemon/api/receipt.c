/* Recomputes salt and entry from what the log holds, and prints the receipt. On the path of every
 * vote, so it prints by hand: all that goes in is numbers, base64 and ids. */
#include "api/receipt.h"

#include <assert.h>
#include <string.h>

#include "api/app.h"
#include "base/encode.h"
#include "contest/commitment.h"

static void put(struct receipt *receipt, const char *text)
{
	size_t len = strlen(text);

	assert(receipt->len + len < RECEIPT_MAX);
	memcpy(receipt->json + receipt->len, text, len + 1);
	receipt->len += len;
}

static void put_number(struct receipt *receipt, uint64_t number)
{
	char text[DECIMAL_SIZE];

	(void)decimal_encode(number, text);
	put(receipt, text);
}

static void put_bytes(struct receipt *receipt, const uint8_t *bytes, size_t len)
{
	assert(receipt->len + BASE64_SIZE(len) <= RECEIPT_MAX);
	receipt->len += base64_encode(bytes, len, receipt->json + receipt->len);
}

static void put_etag(uint64_t index, char ret_etag[RECEIPT_ETAG_MAX])
{
	ret_etag[0] = '"';
	size_t len = 1 + decimal_encode(index, ret_etag + 1);
	memcpy(ret_etag + len, "\"", sizeof("\""));
}

void receipt_make(const struct service *service, const struct cast_result *result,
    const uint8_t spent[LEDGER_SPENT_SIZE], struct slice ballot, struct receipt *ret_receipt)
{
	const char *origin = service->origins[result->shard];
	uint8_t salt[SALT_SIZE], entry[COMMITMENT_SIZE];
	commitment_salt(service->salt_key, origin, result->index, spent, salt);
	commitment_entry(origin, result->index, spent, salt, ballot, entry);

	ret_receipt->len = 0;
	put(ret_receipt, "{\"status\":\"");
	put(ret_receipt, result->replacements > 0 ? "replaced" : "counted");
	put(ret_receipt, "\",\"contest\":\"");
	put(ret_receipt, service->round->contest->id);
	put(ret_receipt, "\",\"shard\":");
	put_number(ret_receipt, result->shard);
	put(ret_receipt, ",\"index\":");
	put_number(ret_receipt, result->index);
	put(ret_receipt, ",\"entry\":\"");
	put_bytes(ret_receipt, entry, sizeof(entry));
	put(ret_receipt, "\",\"spent\":\"");
	put_bytes(ret_receipt, spent, LEDGER_SPENT_SIZE);
	put(ret_receipt, "\",\"salt\":\"");
	put_bytes(ret_receipt, salt, sizeof(salt));
	put(ret_receipt, "\"}");
	put_etag(result->index, ret_receipt->etag);
}
