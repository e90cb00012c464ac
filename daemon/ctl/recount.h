/* A recount for a subcommand: with a bar while it lasts, and its disagreements in lines. */
#ifndef TALLYD_CTL_RECOUNT_H
#define TALLYD_CTL_RECOUNT_H

#include "audit/recount.h"
#include "ctl/session.h"

/* 0 with the recount, or the exit status, told. */
int recount_session(struct session *session, struct recount **ret_recount);
/* Each disagreement on a line of standard error. */
void recount_tell(const struct recount *recount);

#endif
