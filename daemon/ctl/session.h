/* A subcommand's way to one contest round in Redis: configuration, keys, connection, desk and
 * ledger, on a loop that runs until the subcommand has its answer; and the options that such
 * subcommands share:
 *   --contest C, --json, --by NAME, --token FILE, --why TEXT. */
#ifndef TALLYD_CTL_SESSION_H
#define TALLYD_CTL_SESSION_H

#include <stdbool.h>

#include "contest/phase.h"
#include "ctl/ctl.h"
#include "office/people.h"

struct event_base;
struct redis;

/* One option of a subcommand beside the shared ones; the table ends with name NULL. Options may
 * stand before, between and behind the operands; "--" ends them. */
struct ctl_option {
	const char *name; /* "until", without dashes */
	/* Set to the argument, which must then follow: "--until X", "--until=X". */
	const char **value;
	bool *flag; /* or set to true */
};

struct session_options {
	const char *contest; /* NULL: the only one configured */
	const char *by;      /* NULL: the login name */
	const char *token;   /* file with an organiser's token, or NULL */
	const char *why;     /* "" where none was given */
	bool json;
};

/* Reads the command line. Operands go to ret_operands (at most `max`, at least `min`). 0; or the
 * exit status, told. `options` may be NULL. */
int session_arguments(const struct ctl *ctl, int argc, char **argv,
    const struct ctl_option *options, size_t min, size_t max, const char **ret_operands,
    size_t *ret_n, struct session_options *ret_shared);

/* Reads --lang: "ko" (also where it is NULL) or "en". 0, or the exit status, told. */
int session_language(const struct ctl *ctl, const char *lang, bool *ret_english);
/* For what is done for a reason only: 0, or the exit status, told, where --why says nothing. */
int session_wants_why(
    const struct ctl *ctl, const char *command, const struct session_options *options);

#define SESSION_TOKEN_SIZE (JWS_MAX + 2)

/* The token of a file: that alone, or in the link that tallyctl invite prints, with what it prints
 * around it. What is longer than any token comes cut, and still too long for one. 0; or the exit
 * status, told. */
int session_token(const char *path, char ret_token[SESSION_TOKEN_SIZE]);

struct session {
	const struct ctl *ctl;
	struct session_options options;
	struct event_base *base;
	struct redis *redis;
	struct round *round;
	const char *file; /* the contest's */
	struct desk *desk;
	struct ledger *ledger;
	struct office office;
	char who[OFFICE_WHO_MAX]; /* "operator:<name>", or "organiser:<id>" after --token was
				     checked */
	struct bearer bearer;     /* of --token */
	char contest[CONTEST_ID_MAX + 16]; /* of session_contest() */
	char password[256];
	int status; /* what session_close() returns */
	bool done;
	struct verdict verdict; /* of session_keep(); members owned */
};

/* Connects, lays down or compares the rules, checks --token. 0; or the exit status, told in a
 * sentence with the remedy (69: Redis is not to be had, 78: configuration or keys). The session is
 * closed then. */
int session_open(
    const struct ctl *ctl, const struct session_options *options, struct session *ret_session);
/* The round alone, without Redis and without asking who acts. Likewise; session_close() it. */
int session_load(
    const struct ctl *ctl, const struct session_options *options, struct session *ret_session);
/* The phase that the record has now. 0, or the exit status, told. */
int session_phase(struct session *session, enum phase *ret_phase);
/* Runs the loop until session_done(); ends by itself after 10 s with a sentence and 69: then all
 * that was asked has completed, and nothing more is to be asked. */
void session_run(struct session *session);
/* The same for what may last: no deadline of its own. */
void session_run_on(struct session *session);
void session_done(struct session *session, int status);
/* A verdict_cb, `arg` the session: keeps the verdict and ends the loop; status 0 when good, else
 * the refusal is told
 * ("tallyctl: <detail>") and the status is 69 (503), 77 (401, 403), or 65. */
void session_keep(void *session, const struct verdict *verdict);
/* Prints JSON for --json: indented, with a final LF; drops nothing. */
void session_print_json(const json_t *json);
/* The contest for a sentence: its id, and "(rehearsal)" behind where it is one. */
const char *session_contest(const struct session *session);
int session_close(struct session *session);

#endif
