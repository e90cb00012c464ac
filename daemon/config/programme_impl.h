/* What a draw is made of, between the file that gathers it (programme_draw.c) and the one that
 * writes it down (programme_compose.c). */
#ifndef TALLYD_CONFIG_PROGRAMME_IMPL_H
#define TALLYD_CONFIG_PROGRAMME_IMPL_H

#include "config/programme_draw.h"

struct item { /* all borrowed from documents and contests that outlive it */
	const char *id;
	struct document *document;
	const yaml_node_t *node;
};

struct items {
	struct item *list;
	size_t n, cap;
};

struct lineup { /* who takes part in a round, as blocks of files that define them */
	struct items entries, organisations, groups;
};

struct source { /* a contest's file or an addition, kept until the draw ends */
	struct document *document;
	struct contest *contest;
	struct config_errors *errors;
};

struct draw {
	const struct programme *programme;
	const struct draw_order *order;
	struct file_errors *errors;
	struct config_errors *own; /* the programme's file */
	size_t round;
	struct source before, template;
	struct source *earlier; /* by round, below `round`; read when looked for */
	struct source *additions;
	struct round_result result;
	struct lineup lineup;
	struct drawn drawn;
};

const yaml_node_t *draw_round_node(const struct draw *draw, size_t round);
/* The file of a round before, read once. NULL: there is none, or it is broken (told). */
const struct source *draw_earlier(struct draw *draw, size_t round);

/* Each: 0 whatever was noted; -ENOMEM. */
int lineup_carry(struct draw *draw);
int lineup_back(struct draw *draw, const char *entry);
int lineup_add(struct draw *draw, const struct source *addition);

struct composition { /* all borrowed */
	const struct programme *programme;
	size_t round;
	struct document *base; /* a contest's file: what is not said here is as there */
	const struct lineup *lineup;
};

/* The round's contest file, without comments. 0 with text to be freed; -ENOMEM. */
__attribute__((warn_unused_result)) int programme_compose(
    const struct composition *composition, char **ret_text);

#endif
