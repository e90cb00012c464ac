/* What organisers rule about experts and entries. Records in C:rulings:
 *   "recusal/<person>/<entry>"   {"kind":"recusal"|"challenge","why","who","at":ms}
 *       회피 recorded by the organiser, or a team's 기피 that was upheld: this expert's scores of
 * this entry leave the aggregate (they stay in the history), and the sheet refuses new ones.
 *   "challenge/<person>/<entry>" {"decision":"rejected","why","who","at":ms}: a challenge that was
 * not upheld "disqualified/<entry>"       {"why":{"ko","en"},"who","at":ms} */
#ifndef TALLYD_OFFICE_RULINGS_H
#define TALLYD_OFFICE_RULINGS_H

#include "office/office.h"

enum ruling {
	RULING_RECUSAL,
	RULING_CHALLENGE_UPHELD,
	RULING_CHALLENGE_REJECTED,
	RULING_LIFT, /* a recusal or upheld challenge is taken back */
};

/* 404 no-such-person, no-such-entry; 409 already-ruled, nothing-to-lift; 403 certified (unless
 * for_correction); 422 invalid-reason: `why` must be a line of 1 to OFFICE_WHY_MAX characters.
 * Good: members {"person","name","entry","decision","n" (of the audit entry)}, and "warning", a
 * sentence, when the entry is left with fewer experts than its panel's min_experts. Acts in the
 * audit log: ruling.recusal, ruling.challenge ("decision":"upheld"|"rejected"), ruling.lifted. */
void rulings_expert(struct office *office, enum ruling ruling, const char *person,
    const char *entry, const char *who, const char *why, bool for_correction, verdict_cb *cb,
    void *arg);

/* The ruling by which this expert's scores of this entry do not count, as its JSON; ptr NULL: they
 * count. Borrowed from the view, which has DESK_RULINGS whole. */
struct slice ruling_about(const struct desk_view *view, const char *person, const char *entry);
/* Whether there is one. */
bool ruling_excludes(const struct desk_view *view, const char *person, const char *entry);

#endif
