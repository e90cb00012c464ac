/* Conflicts of interest: an affiliation held against an entry's lead and participants. Names are
 * compared as organisation_plain_name() writes them, so that KAIST is 한국과학기술원 where the
 * contest's file says so, and neither spaces, case, nor the suffix 산학협력단 make another
 * organisation. Pure rules. */
#ifndef TALLYD_CONTEST_CONFLICT_H
#define TALLYD_CONTEST_CONFLICT_H

#include "contest/contest.h"

/* Names are taken as people write them: without legal forms (㈜, 주식회사, Inc.), with a second
 * name in brackets (한국과학기술원(KAIST)), and with a department behind (KAIST AI대학원: a part of
 * KAIST, and so in conflict but at the scope `unit`). */

/* The organisation that an affiliation means: by id, name in either language, or alias. NULL: none
 * that the contest knows. Of two with the same plain name (서울대학교 and 서울대학교 산학협력단)
 * the one that is no unit. */
const struct organisation *conflict_organisation(
    const struct contest *contest, const char *affiliation);

/* The entry's organisation (its lead first, then participants in the file's order) that this
 * affiliation is in conflict with at the contest's conflict_scope, or NULL. An affiliation that the
 * contest does not know is in conflict with an organisation of the same plain name only, that is
 * with none. Organisations with the same plain name are one at every scope. */
const struct organisation *conflict_of(
    const struct contest *contest, const char *affiliation, size_t entry);

/* The same for all entries at once; `affiliation` NULL: none. */
void conflict_of_each(const struct contest *contest, const char *affiliation,
    const struct organisation *ret_with[CONTEST_ENTRIES_MAX]);

#endif
