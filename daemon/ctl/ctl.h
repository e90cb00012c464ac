/* The subcommands of tallyctl, one file each. A command gets the loaded settings and its own
 * arguments (argv[0] is its name), prints for people, and returns a sysexits status; its usage text
 * serves --help and wrong arguments alike. */
#ifndef TALLYD_CTL_CTL_H
#define TALLYD_CTL_CTL_H

#include "config/settings.h"

struct ctl_command;

struct ctl {
	const char *config;       /* path of the configuration; NULL where none was given */
	struct settings settings; /* all zero for a command that needs no configuration */
	const struct ctl_command *command; /* the running one */
};

struct ctl_command {
	const char *name;
	const char *summary; /* for tallyctl --help */
	const char *usage;
	int (*run)(const struct ctl *ctl, int argc, char **argv);
};

extern const struct ctl_command ctl_keygen, ctl_site, ctl_voters, ctl_experts;
extern const struct ctl_command ctl_invite, ctl_people, ctl_revoke;
/* acts.c */
extern const struct ctl_command ctl_open, ctl_pause, ctl_resume, ctl_extend, ctl_close, ctl_notice,
    ctl_disqualify, ctl_requalify, ctl_requests, ctl_approve, ctl_reject;
extern const struct ctl_command ctl_metrics, ctl_codes, ctl_forget, ctl_issued;
/* rulings.c */
extern const struct ctl_command ctl_recuse, ctl_challenge;
/* status.c, audit.c, records.c, report.c */
extern const struct ctl_command ctl_status, ctl_watch, ctl_tally, ctl_audit, ctl_export, ctl_report;
/* publish.c */
extern const struct ctl_command ctl_publish;
/* recount.c */
extern const struct ctl_command ctl_recount;
/* log.c */
extern const struct ctl_command ctl_log;
/* certify.c */
extern const struct ctl_command ctl_certify, ctl_correct, ctl_result;
extern const struct ctl_command ctl_verify;
extern const struct ctl_command ctl_check, ctl_repair;
extern const struct ctl_command ctl_programme;

/* Writes "tallyctl: <sentence>" and a LF to standard error, and returns `status`. */
__attribute__((format(printf, 2, 3))) int ctl_fail(int status, const char *format, ...);
/* The same for wrong arguments, followed by the lines of the usage that say how it is called.
 * Returns EX_USAGE. */
__attribute__((format(printf, 2, 3))) int ctl_misuse(
    const struct ctl *ctl, const char *format, ...);

/* What somebody else says, as a part of a sentence of ours: without the full stop that Redis ends
 * some errors with. */
void ctl_clause(const char *text, char *ret_text, size_t cap);

/* The configured address as a URL of this machine: "*:8080" is "http://127.0.0.1:8080". */
void ctl_local_url(const struct settings *settings, char *ret_url, size_t cap);

/* Where a page stands, "https://vote.example/vote/", at settings.public_url or the configured
 * address; with the contest named where there are several. */
#define CTL_PAGE_MAX 512
void ctl_page_url(const struct settings *settings, const char *contest, const char *page,
    char ret_url[CTL_PAGE_MAX]);

/* A whole number from min to max. 0 or -EINVAL. */
__attribute__((warn_unused_result)) int ctl_number(
    const char *text, long min, long max, long *ret_number);

#endif
