/* Shared by results.c, which decides and stores, results_possible.c, which says what stands against
 * it, and results_words.c, which puts into words and signs. */
#ifndef TALLYD_OFFICE_RESULTS_IMPL_H
#define TALLYD_OFFICE_RESULTS_IMPL_H

#include "office/board.h"
#include "office/count.h"
#include "office/results.h"

struct signing {
	struct office *office;
	bool correct;
	uint8_t seed[32];
	char *log_name, *why;
	char who[OFFICE_WHO_MAX];
	struct result_evidence evidence; /* its JSON owned */
	struct count *count;
	uint8_t salt[32];
	verdict_cb *cb;
	void *arg;
	struct verdict verdict;
	/* of the last decision */
	struct board *board;
	json_t *record; /* {"document","annex","note"} */
	json_t *document;
	uint64_t version;
};

/* True when board, count and evidence let the result be signed; else signing->verdict. */
bool result_possible(struct signing *signing, const struct desk_view *view);
/* The rows of the document, as counted in Redis. NULL: memory. */
json_t *result_citizen(const struct signing *signing);

/* Makes signing->document and signing->record from board, count and version. 0 or -ENOMEM. */
__attribute__((warn_unused_result)) int result_words(
    struct signing *signing, const struct desk_view *view);
/* Compact, sorted keys; the caller frees it. NULL: memory. */
char *result_canonical(const json_t *json);
/* Whether what was made says nothing else than a result that is stored, {"document","annex"} as
 * text: apart from version, hour, reason, who signed, and where the audit log stood. */
bool result_says_the_same(const json_t *record, struct slice stored);

#endif
