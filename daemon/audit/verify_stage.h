/* What the files of verify share that put the standing together again: verify_stage.c,
 * verify_experts.c, verify_metrics.c, verify_shown.c. For no one else. */
#ifndef TALLYD_AUDIT_VERIFY_STAGE_H
#define TALLYD_AUDIT_VERIFY_STAGE_H

#include "audit/verify_impl.h"
#include "office/board.h"

struct stage {
	struct verify *verify;
	const struct contest *contest;
	char path[VERIFY_PATH_MAX]; /* of the newest result */
	/* Filled from the bundle's files where the server fills it from the desk. */
	struct board *board;
	json_t *annex; /* or NULL */
	bool sheets;   /* panels come from single sheets */
	bool panel_known[CONTEST_PANELS_MAX][CONTEST_ENTRIES_MAX];
	bool metrics; /* there are metrics */
};

/* sheets.json, the annex' panels, public.experts: whichever tells more fills the panels, and each
 * is held against it. 0 or -ENOMEM. */
__attribute__((warn_unused_result)) int stage_experts(struct stage *stage);
/* A sheet's row in sheets.json as a member of the board; false: noted. */
bool stage_expert(struct stage *stage, const json_t *row, size_t number, bool pseudonyms,
    struct board_expert *ret_expert);
/* metrics.json, or those of the annex. */
void stage_metrics(struct stage *stage);
/* What a version shows, against itself. */
void stage_shown(struct stage *stage, const char *path, const json_t *document);

#endif
