/* What a contest is: plain values, filled by config/contestfile from the contest's file. Pure; no
 * I/O. A struct contest owns everything it points to; contest_free() releases it. Texts are UTF-8.
 */
#ifndef TALLYD_CONTEST_CONTEST_H
#define TALLYD_CONTEST_CONTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/slice.h"

#define CONTEST_ENTRIES_MAX    64
#define CONTEST_RANKING_MAX    16
#define CONTEST_ID_MAX         40  /* [a-z0-9-], begins with a letter */
#define CONTEST_INCREMENTS_MAX 256 /* of one ballot */

struct text { /* the same in both languages of the pages */
	char *ko;
	char *en;
};

struct link {
	struct text label;
	char *url; /* https only */
};

struct group { /* a group of companies under one control */
	char *id;
	struct text name;
};

struct organisation {
	char *id;
	struct text name;
	char **aliases; /* other names under which it is known */
	size_t n_aliases;
	char *group;   /* id of the group of companies it belongs to, or NULL */
	char *unit_of; /* id of the organisation that it is a part of, or NULL */
};

struct entry {
	char *id;
	struct text name;
	char *reading; /* Korean reading, for the order of the syllables (가나다) */
	char *lead;    /* organisation id */
	struct text head;
	struct text model; /* both NULL when none is named */
	struct text goal;
	struct text showcase; /* at most 300 characters */
	char **participants;  /* organisation ids */
	size_t n_participants;
	struct link *links;
	size_t n_links;
};

struct criterion {
	char *id;
	struct text name;
	int min, max, step, weight;
	struct text rubric; /* what low and high mean, in a line */
};

struct form; /* contest/form.h */

enum revote { REVOTE_REFUSE, REVOTE_REPLACE };
enum admission_kind { ADMISSION_OPEN, ADMISSION_CODES, ADMISSION_OIDC, ADMISSION_ASSERTION };
enum visibility { VISIBLE_LIVE, VISIBLE_ORGANISERS, VISIBLE_ON_PUBLISH };

/* Their names in files and on the wire, in the order of the enums, ended by NULL. */
extern const char *const revote_names[];
extern const char *const admission_names[];
extern const char *const visibility_names[];

struct publish_steps { /* how the public's numbers move */
	int first_at;  /* ballots before anything is shown */
	int step;      /* ballots between two showings */
	int every_ms;  /* and at least so long between them */
};

struct contest {
	char *id;
	bool rehearsal; /* the rehearsal: block has been applied */
	bool demonstration;
	struct text name;
	struct text about;           /* who may vote, in a line or two */
	struct text entry_noun;      /* what an entry is called: 팀 / team */
	struct text organiser;       /* who runs it */
	char *contact;               /* mail address or URL for help */
	int64_t opens_ms, closes_ms; /* 0 in a rehearsal: always open */
	char *time_zone;             /* IANA name, for the pages: Asia/Seoul */
	enum admission_kind admission;
	enum revote revote;
	const struct form *form;
	struct { /* each form reads its own */
		int choices_min, choices_max;
		int score_min, score_max, score_step;
	} ballot;
	enum visibility citizen, experts, standing;
	struct publish_steps publish;
	struct {
		int min_entries, max_wait_ms;
	} seal;
	bool openings_public;
	unsigned shards;
	uint64_t expected_voters;
	struct entry *entries;
	size_t n_entries;
	struct group *groups;
	size_t n_groups;
	struct organisation *organisations;
	size_t n_organisations;
	struct criterion *criteria;
	size_t n_criteria;
};

void contest_free(struct contest *contest);

/* Index of an entry, or -1. */
int contest_entry(const struct contest *contest, struct slice id);
const struct organisation *contest_organisation(const struct contest *contest, const char *id);

/* A name as it is compared: without spaces, ASCII letters in lower case, without the suffix
 * 산학협력단 (a university's cooperation foundation is no other organisation). Cut to fit; returns
 * ret_text. */
char *organisation_plain_name(const char *name, char *ret_text, size_t cap);

/* expected_voters / 80, at least 1: keeps the spent buckets small. */
unsigned contest_buckets(const struct contest *contest);

/* "<id>" or, in a rehearsal, "<id>~rehearsal": names the round in keys, files and the log. */
void contest_round(const struct contest *contest, char *ret_text, size_t cap);

/* What everybody may know of it, as the API shows it; without phase, clock, and hashes. NULL:
 * memory. */
json_t *contest_public_json(const struct contest *contest);

/* Everything that affects counting, as canonical JSON (sorted keys, compact) for the rules record:
 * hours, form, entries, revote, shards, buckets, and the key fingerprints given (each 32 bytes).
 * The caller frees the text with free(). NULL: memory. */
struct contest_fingerprints {
	uint8_t token_key[32]; /* Privacy Pass key id */
	uint8_t log_key[32];   /* SHA-256 of the log's public key */
	uint8_t salt_key[32];  /* fingerprint of the salt key */
};
char *contest_rules(const struct contest *contest, const struct contest_fingerprints *keys);

#endif
