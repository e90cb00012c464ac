/* What board.c and board_people.c share. For no one else. */
#ifndef TALLYD_OFFICE_BOARD_IMPL_H
#define TALLYD_OFFICE_BOARD_IMPL_H

#include "office/board.h"

/* NULL: not JSON, or memory. */
json_t *board_parse(struct slice text);

/* Fills experts and people. 0; -EBADMSG; -ENOMEM. */
int board_read_people(
    const struct contest *contest, const struct desk_view *view, struct board *board);

#endif
