/* Any body either is refused with a sentence, or is a ballot whose canonical text reads back as
 * itself. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "contest/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct entry entries[] = {{.id = "naver-cloud"}, {.id = "upstage"}, {.id = "nc-ai"}};

static void one_form(const char *form, const json_t *body)
{
	struct contest contest = {
	    .id = "fuzz",
	    .form = form_find(slice_text(form)),
	    .ballot = {.choices_min = 1,
		.choices_max = 2,
		.score_min = 1,
		.score_max = 10,
		.score_step = 3},
	    .entries = entries,
	    .n_entries = 3,
	};
	struct ballot ballot, again;
	char why[FORM_WHY_MAX] = "";
	if (ballot_parse(&contest, body, &ballot, why) != 0) {
		assert(why[0] && memchr(why, '\0', sizeof(why)));
		return;
	}
	struct buf first, second;
	buf_init(&first, 4096);
	buf_init(&second, 4096);
	assert(ballot_print(&contest, &ballot, &first) == 0);
	assert(ballot_read(&contest, buf_slice(&first), &again) == 0);
	assert(ballot_print(&contest, &again, &second) == 0);
	assert(slice_equal(buf_slice(&first), buf_slice(&second)));
	struct form_increment increments[CONTEST_INCREMENTS_MAX];
	assert(ballot_increments(&contest, &ballot, &again, increments) == 0);
	buf_release(&first);
	buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *body = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	if (body) {
		one_form("choices", body);
		one_form("scores", body);
		json_decref(body);
	}
	return 0;
}
