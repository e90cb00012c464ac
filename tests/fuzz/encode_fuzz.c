/* Decoders are strict: whatever they take encodes back to the same text. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_make(data, size);
	uint8_t *bytes = malloc(size + 1);
	char *again = malloc(BASE64_SIZE(size) + HEX_SIZE(size));
	size_t len;
	if (base64_decode(text, bytes, size, &len) == 0)
		assert(slice_equal(slice_make(again, base64_encode(bytes, len, again)), text));
	if (base64url_decode(text, bytes, size, &len) == 0) {
		size_t plain = base64url_encode(bytes, len, again);
		bool same = slice_equal(slice_make(again, plain), text);
		size_t padded = base64url_encode_padded(bytes, len, again);
		assert(same || slice_equal(slice_make(again, padded), text));
	}
	if (hex_decode(text, bytes, size, &len) == 0)
		assert(len * 2 == size);
	int64_t ms;
	if (clock_parse(text, &ms) == 0) {
		char printed[CLOCK_TEXT_SIZE];
		int64_t back;
		assert(clock_parse(slice_text(clock_format(ms, 1, printed)), &back) == 0);
		assert(back == ms);
	}
	free(bytes);
	free(again);
	return 0;
}
