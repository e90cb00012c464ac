/* A voter's receipt: names the log, the place in it, and the entry, with what the entry is made of
 * (contest/commitment.h). */
#ifndef TALLYD_API_RECEIPT_H
#define TALLYD_API_RECEIPT_H

#include <stdint.h>

#include "base/slice.h"
#include "store/ledger.h"

#define RECEIPT_MAX      512
#define RECEIPT_ETAG_MAX 24

struct service;

struct receipt {
	char json[RECEIPT_MAX];
	size_t len;
	char etag[RECEIPT_ETAG_MAX]; /* the quoted index: what If-Match wants when the ballot is
					replaced */
};

/* `ballot` is the canonical ballot that stands at result->index. */
void receipt_make(const struct service *service, const struct cast_result *result,
    const uint8_t spent[LEDGER_SPENT_SIZE], struct slice ballot, struct receipt *ret_receipt);

#endif
