/* Draws a round's contest file: everything as in the round before (or the template), with those in
 * it who advanced there, in that file's order, then teams that come back, then those that are
 * added. What is drawn is checked as any contest file is; nothing is written here. */
#ifndef TALLYD_CONFIG_PROGRAMME_DRAW_H
#define TALLYD_CONFIG_PROGRAMME_DRAW_H

#include "config/programme.h"

struct draw_order {        /* all borrowed */
	const char *round; /* id */
	const char *const
	    *results; /* files: documents of the round before (office/results.h), or
			 {"document":text,…} as the API gives them; the newest counts */
	size_t n_results;
	/* Files with `entries`, `organisations`, `groups` as in a contest's file. An organisation
	 * that the round before has too is to be the same. */
	const char *const *additions;
	size_t n_additions;
	/* Entries that fell in an earlier round; taken from the latest one that had them. */
	const char *const *again;
	size_t n_again;
	bool rehearsal; /* takes results of a rehearsal, and only those */
};

struct drawn {      /* drawn_release() */
	char *text; /* the file */
	size_t len;
	struct contest *contest; /* the same, read */
	size_t carried, back, added;
	int planned; /* how many the programme meant to be added */
};

/* 0; -EINVAL with messages, in all files that take part and in what was drawn (as "<file> as
 * drawn"); -ENOMEM. */
__attribute__((warn_unused_result)) int programme_draw(const struct programme *programme,
    const struct draw_order *order, struct file_errors *errors, struct drawn *ret_drawn);
void drawn_release(struct drawn *drawn);

/* ---- results ---- */

struct round_result { /* round_result_release() */
	char *contest;
	bool rehearsal;
	int64_t version;
	char **advanced; /* entry ids */
	size_t n_advanced;
};

/* Reads a result's document. 0; -EINVAL with messages; -errno when unreadable (one message too).
 * Does not check its signature: result_verify() does. */
__attribute__((warn_unused_result)) int round_result_load(
    const char *path, struct config_errors *errors, struct round_result *ret_result);
void round_result_release(struct round_result *result);

#endif
