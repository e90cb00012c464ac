/* Looks at a contest round again and again, cheaply: counters and record each time, the rest of the
 * desk only when its log has grown. Callers who ask while it is looking share the look. */
#ifndef TALLYD_OFFICE_LOOKOUT_H
#define TALLYD_OFFICE_LOOKOUT_H

#include "office/board.h"

struct lookout;

/* `office` is borrowed. NULL: memory. */
struct lookout *lookout_new(struct office *office);
/* After desk_free() and ledger_free(), which complete what is under way. */
void lookout_free(struct lookout *lookout);

enum look {
	LOOK_PUBLIC, /* what the public sees is up to date: drafts of sheets alone make no new board
		      */
	LOOK_ALL,
};

/* Calls back once, in a later turn, with what is known now; both NULL: Redis did not answer, or its
 * data are damaged. Borrowed for the callback. */
void lookout_look(struct lookout *lookout, enum look look, board_cb *cb, void *arg);

/* What the desk says of the contest by itself. */
struct lookout_alone {
	struct record record; /* its phase is not held against the shards' */
	struct sealing sealing;
};
/* Within a callback: Redis has less than what was acknowledged to voters, and `count` is what it
 * has. */
bool lookout_is_behind(const struct lookout *lookout);
/* Within a callback that was given NULL: the ballots' counters are damaged, and this is the record
 * at that moment. NULL: it is something else. Borrowed for the callback. */
const struct lookout_alone *lookout_alone(const struct lookout *lookout);

#endif
