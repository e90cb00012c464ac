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
#define CONTEST_CRITERIA_MAX   64
#define ORGANISATION_PLAIN_MAX 512 /* bytes of a name as it is compared */
#define CONTEST_PANELS_MAX     8
#define CONTEST_PROVIDERS_MAX  8
#define CONTEST_PARTS_MAX      16
#define CONTEST_SUBTOTALS_MAX  8

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
	char **plain; /* all names as they are compared, after contest_prepare(); else NULL */
	size_t n_plain;
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

enum aggregate_kind { AGGREGATE_MEAN, AGGREGATE_TRIMMED_MEAN, AGGREGATE_MEDIAN };

struct panel { /* people who hand in score sheets: experts, professional users */
	char *id;
	struct text name;
	char **criteria; /* ids, in the contest's order; all of the contest's where none is named */
	size_t n_criteria;
	enum aggregate_kind aggregate; /* of the experts' weighted totals of an entry */
	bool comments_required;        /* one for each entry scored, before a sheet is submitted */
	int min_experts;               /* fewer for an entry: a warning */
};

/* ---- how the stage's standing is put together ---- */

enum part_source { PART_CITIZENS, PART_PANEL, PART_METRIC };

enum scale {
	SCALE_POINTS,  /* value / out_of */
	SCALE_SHARE,   /* value / the greatest value of any entry */
	SCALE_MIN_MAX, /* (value - least) / (greatest - least); all equal: full */
};

struct subtotal {
	char *id;
	struct text name;
};

struct part {
	char *id;
	struct text name;
	enum part_source source;
	char *panel;    /* id; of PART_PANEL only */
	char *subtotal; /* id, or NULL */
	int weight;     /* points that the part can give; 0: shown, not counted (참고용) */
	enum scale scale;
	int out_of; /* SCALE_POINTS: the value that gets full points; 0: the panel's greatest total
		     */
};

enum standing_publish { STANDING_FULL, STANDING_TOP_AND_MEAN, STANDING_ADVANCERS };

/* How far a conflict of interest reaches: the same unit of an organisation, the same organisation
 * with all its units, or the same group of companies. */
enum conflict_scope { SCOPE_UNIT, SCOPE_ORGANISATION, SCOPE_GROUP };

/* Whether organisers see experts' scores before the close, or who is how far only. */
enum sheets_seen { SHEETS_AFTER_CLOSE, SHEETS_ALWAYS };

struct form; /* contest/form.h */

/* What a ranking's ranks go by. */
enum ranking_method { RANKING_SCHULZE, RANKING_BORDA };

enum revote { REVOTE_REFUSE, REVOTE_REPLACE };
enum admission_kind { ADMISSION_OPEN, ADMISSION_CODES, ADMISSION_OIDC, ADMISSION_ASSERTION };
enum visibility { VISIBLE_LIVE, VISIBLE_ORGANISERS, VISIBLE_ON_PUBLISH };

/* Their names in files and on the wire, in the order of the enums, ended by NULL. */
extern const char *const revote_names[];
extern const char *const ranking_method_names[]; /* schulze, borda */
extern const char *const admission_names[];
extern const char *const visibility_names[];
extern const char *const aggregate_names[];        /* mean, trimmed-mean, median */
extern const char *const part_source_names[];      /* citizens, panel, metric */
extern const char *const scale_names[];            /* points, share-of-maximum, min-max */
extern const char *const standing_publish_names[]; /* full, top-and-mean, advancers */
extern const char *const conflict_scope_names[];   /* unit, organisation, group */
extern const char *const sheets_seen_names[];      /* after-close, always */

/* What an identity provider must say of whoever votes: all conditions that a rule names. */
struct claim_rule {
	char *claim;
	char *at_least, *at_most; /* dates, YYYY-MM-DD; NULL: no bound */
	char **one_of;            /* texts; none: any */
	size_t n_one_of;
};

struct sign_in {  /* a place where citizens identify themselves */
	char *id; /* of a provider in the settings */
	struct text name;
};

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
	struct text about;      /* who may vote, in a line or two */
	struct text entry_noun; /* what an entry is called: 팀 / team */
	struct text organiser;  /* who runs it */
	char *contact;          /* mail address or URL for help */
	char **published_at;    /* where the published bundle will stand; of this round alone */
	size_t n_published_at;
	int64_t opens_ms, closes_ms; /* 0 in a rehearsal: always open */
	char *time_zone;             /* IANA name, for the pages: Asia/Seoul */
	enum admission_kind admission;
	struct {                    /* with ADMISSION_OIDC and ADMISSION_ASSERTION */
		char *person_claim; /* names the person: the same value, the same person */
		int64_t delete_ms;  /* when what is kept of persons is deleted */
		struct sign_in *providers;
		size_t n_providers;
		char **acr; /* any of these; none: whatever the provider did */
		size_t n_acr;
		struct claim_rule *claims;
		size_t n_claims;
	} identity;
	enum revote revote;
	const struct form *form;
	struct { /* each form reads its own */
		int choices_min, choices_max;
		int score_min, score_max, score_step;
		enum ranking_method ranking_method;
		int ranking_min, ranking_max; /* entries ranked; at most CONTEST_RANKING_MAX */
	} ballot;
	enum visibility citizen, experts, standing;
	enum sheets_seen sheets_seen; /* visibility: {sheets: after-close} */
	struct publish_steps publish;
	struct {
		int min_entries, max_wait_ms;
	} seal;
	bool openings_public; /* whether everybody may open the log's entries after the close */
	bool sheets_public;   /* and experts' sheets, once the result is certified */
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

	struct panel *panels; /* a file with criteria and no panels has one, "experts" */
	size_t n_panels;
	enum conflict_scope conflict_scope;
	struct { /* what an expert agrees to before the first sheet; both texts NULL: nothing */
		struct text text;
		bool required; /* the server insists; otherwise the page only asks */
	} pledge;
	bool pseudonyms; /* exports and reports do not name experts */
	int approvals;   /* organisers that an early close, a disqualification, and the replacement
			    of a metric need: 1 or 2 */
	struct {
		struct part *parts; /* none: the contest has no standing */
		size_t n_parts;
		struct subtotal *subtotals;
		size_t n_subtotals;
		enum standing_publish publish;
		int advance;        /* how many go on; 0: no cut line */
		bool refill;        /* whether others move up for the disqualified */
		bool ties_excluded; /* a tie across the cut line: false, all of them advance;
				       true, none of them */
	} stage;
	struct { /* the programme that the contest is a round of; id NULL: none */
		char *id;
		struct text name;
		int round;      /* from 1 */
		int rounds;     /* as planned */
		char *previous; /* contest id, or NULL */
	} programme;
};

void contest_free(struct contest *contest);
/* Works out once what is asked for often. For whoever has filled a contest; 0 or -ENOMEM. */
__attribute__((warn_unused_result)) int contest_prepare(struct contest *contest);

/* Index of an entry, or -1. */
int contest_entry(const struct contest *contest, struct slice id);
const struct organisation *contest_organisation(const struct contest *contest, const char *id);
/* Index of a criterion, panel, or part, or -1. */
int contest_criterion(const struct contest *contest, struct slice id);
int contest_panel(const struct contest *contest, struct slice id);
int contest_part(const struct contest *contest, struct slice id);
/* The panel's criteria as indices into contest->criteria, in the contest's order; how many. */
size_t panel_criteria(const struct contest *contest, const struct panel *panel,
    size_t ret_criteria[CONTEST_CRITERIA_MAX]);
/* The greatest and least weighted total of one entry on a sheet of this panel. */
int64_t panel_greatest(const struct contest *contest, const struct panel *panel);
int64_t panel_least(const struct contest *contest, const struct panel *panel);

/* A name as it is compared: normalised and case-folded (Unicode NFKC_Casefold), without white
 * space, without the suffix 산학협력단 (a university's cooperation foundation is no other
 * organisation). Cut to fit; returns ret_text. `name` is UTF-8. */
char *organisation_plain_name(const char *name, char *ret_text, size_t cap);

/* expected_voters / 80, at least 1: keeps the spent buckets small. */
unsigned contest_buckets(const struct contest *contest);
/* Each shard's part of them, at least 1: as many voters in a bucket, however many shards. */
unsigned contest_shard_buckets(const struct contest *contest);
/* Where a token's ballots are, from its `spent` (contest/commitment.h). */
unsigned contest_shard_of(const struct contest *contest, const uint8_t spent[16]);

/* Whether admission rests on who somebody is: then `identity` holds. */
bool contest_knows_persons(const struct contest *contest);

/* "<id>" or, in a rehearsal, "<id>~rehearsal": names the round in keys, files and the log. */
void contest_round(const struct contest *contest, char *ret_text, size_t cap);

/* What everybody may know of it, as the API shows it; without phase, clock, and hashes. NULL:
 * memory. */
json_t *contest_public_json(const struct contest *contest);

/* Everything that affects counting, as canonical JSON (sorted keys, compact) for the rules record:
 * hours, form, entries with their organisations, revote, shards, buckets, criteria, panels,
 * conflict scope, the standing's parts and cut, approvals, the name of the logs (the first part of
 * their identities, contest/commitment.h), and the key fingerprints given (each 32 bytes). The
 * caller frees the text with free(). NULL: memory. */
struct contest_fingerprints {
	uint8_t token_key[32];    /* Privacy Pass key id */
	uint8_t log_key[32];      /* SHA-256 of the log's public key */
	uint8_t salt_key[32];     /* fingerprint of the salt key */
	uint8_t bearer_key[32];   /* SHA-256 of the key that signs named tokens (its SPKI in DER) */
	uint8_t result_key[32];   /* SHA-256 of the key that signs results (raw Ed25519) */
	uint8_t identity_key[32]; /* fingerprint of the identity key, where persons are known */
};
char *contest_rules(
    const struct contest *contest, const char *log_name, const struct contest_fingerprints *keys);

#endif
