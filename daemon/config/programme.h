/* A programme: contests that follow each other as rounds, teams going on, falling, coming back, and
 * being added. Reads and checks its file; the next round's contest file is drawn from it, the round
 * before, and that round's certified result (config/programme_draw.h).
 *
 *   id: kai
 *   name: {ko, en}
 *   rounds:
 *     - id: kai-stage1                    # the contest's id
 *       name: {ko, en}                    # the contest's name
 *       file: ../contests/kai-stage1.yaml # its contest file, beside this file; the first round
 * needs it template: …                       # what the round takes from another file than the one
 *                                         # before: all but who is in it
 *       opens_at, closes_at               # needed to draw it
 *       advance: {count, refill, ties}    # its cut, over what it takes from there
 *       add: 1                            # teams that an additional call is planned to add */
#ifndef TALLYD_CONFIG_PROGRAMME_H
#define TALLYD_CONFIG_PROGRAMME_H

#include "config/document.h"
#include "config/fileerrors.h"
#include "contest/contest.h"

#define PROGRAMME_ROUNDS_MAX 64

struct programme_round {
	char *id;
	struct text name;
	char *file, *template;       /* resolved against the programme's directory; NULL: none */
	int64_t opens_ms, closes_ms; /* 0: not known yet */
	struct {
		int count; /* 0: none given */
		bool refill, ties_excluded;
	} advance;
	int add;
};

struct programme { /* owns everything */
	char *path;
	char *id;
	struct text name;
	struct programme_round *rounds;
	size_t n_rounds;
	struct document *document;
};

/* 0; -EINVAL when `errors` holds messages; -errno when unreadable (one message too). */
__attribute__((warn_unused_result)) int programme_load(
    const char *path, struct file_errors *errors, struct programme **ret_programme);
void programme_free(struct programme *programme);

/* Index of a round, or -1. */
int programme_find(const struct programme *programme, const char *id);

/* The contest of a round from its file. 0; -ENOENT when it names none, or there is none yet (no
 * message); -EINVAL, -errno with messages. */
__attribute__((warn_unused_result)) int programme_contest(const struct programme *programme,
    size_t round, struct file_errors *errors, struct contest **ret_contest);

/* Loads every round's file that is there and holds it against the programme: id, hours, cut, and
 * its programme: block. 0; -EINVAL with messages; -ENOMEM. */
__attribute__((warn_unused_result)) int programme_check(
    const struct programme *programme, struct file_errors *errors);

#endif
