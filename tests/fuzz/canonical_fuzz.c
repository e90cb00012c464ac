/* The reader of canonical ballots takes exactly what the printer writes: what it reads prints as
 * the same bytes. These bytes come back from Redis. */
#include <assert.h>
#include <stdint.h>

#include "contest/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct entry entries[] = {{.id = "naver-cloud"}, {.id = "upstage"}, {.id = "nc-ai"}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const forms[] = {"choices", "scores"};
	for (size_t i = 0; i < 2; i++) {
		struct contest contest = {
		    .id = "fuzz",
		    .form = form_find(slice_text(forms[i])),
		    .ballot = {.choices_min = 1,
			.choices_max = 3,
			.score_max = 10,
			.score_step = 1},
		    .entries = entries,
		    .n_entries = 3,
		};
		struct ballot ballot;
		if (ballot_read(&contest, slice_make(data, size), &ballot) != 0)
			continue;
		struct buf text;
		buf_init(&text, 4096);
		assert(ballot_print(&contest, &ballot, &text) == 0);
		assert(slice_equal(buf_slice(&text), slice_make(data, size)));
		buf_release(&text);
	}
	return 0;
}
