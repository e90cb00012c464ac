/* Who does what an operator does where the keys are: one, or two organisers where the contest wants
 * two (approvals: 2), each with a token. */
#ifndef TALLYD_CTL_SIGNERS_H
#define TALLYD_CTL_SIGNERS_H

#include "ctl/session.h"

/* For usage texts, behind session.h's --token. */
#define SIGNERS_USAGE                                                                              \
	"      --second-token FILE   and as this other organiser: both are needed where the\n"     \
	"                      contest wants two organisers (approvals: 2)\n"

/* Leaves in ret_who whoever acts: one, or two who are not the same, with a comma between them.
 * `second_token`: a file with the other organiser's token, or NULL. 0; or the exit status, told. */
int signers_name(struct session *session, const char *second_token, char ret_who[OFFICE_WHO_MAX]);

#endif
