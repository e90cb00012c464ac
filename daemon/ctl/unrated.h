/* Says before an act what it makes final: a panel that weighs something and has rated nobody, or
 * not everybody, can do so until the close, and without it no result is ever certified. */
#ifndef TALLYD_CTL_UNRATED_H
#define TALLYD_CTL_UNRATED_H

#include "ctl/session.h"

/* Before "close" or "publish"; other acts need no warning. Where somebody sits at a terminal,
 * "close" asks whether to go on. 0: go on; or the exit status, told. */
int unrated_warn(struct session *session, const char *act);

#endif
