/* A subcommand's way to one contest round in Redis: wires configuration, connection, desk and
 * ledger together, turns the loop while the subcommand waits, and takes all of it down. Decides
 * nothing. */
#include "ctl/session.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/contestfile.h"
#include "ctl/screen.h"
#include "office/record.h"
#include "store/redis.h"
#include "store/redis_settings.h"

#define CONNECT_MS   3000
#define ANSWER_MS    10000
#define BY_MAX       64 /* characters of a name given with --by */
#define BY_BYTES_MAX (OFFICE_WHO_MAX - sizeof("operator:"))

/* ---- which contest ---- */

static int id_of_file(const struct ctl *ctl, const char *path, char ret_id[CONTEST_ID_MAX + 1])
{
	struct contest *contest = NULL;
	struct config_errors errors = {0};
	int r = contestfile_load(path, ctl->settings.rehearsal, &contest, &errors);

	if (r < 0)
		config_errors_print(&errors, stderr);
	else
		(void)snprintf(ret_id, CONTEST_ID_MAX + 1, "%s", contest->id);
	config_errors_release(&errors);
	contest_free(contest);
	return r < 0 ? EX_CONFIG : EX_OK;
}

/* The file of the contest that is meant: the one of that id, or the only one. */
static int find_file(const struct ctl *ctl, const char *id, const char **ret_path)
{
	const struct settings *settings = &ctl->settings;

	if (id == NULL && settings->n_contests != 1)
		return ctl_misuse(ctl, "%s names %zu contests; say which with --contest.",
		    ctl->config, settings->n_contests);
	for (size_t i = 0; i < settings->n_contests; i++) {
		char found[CONTEST_ID_MAX + 1];
		int status = id_of_file(ctl, settings->contests[i], found);

		if (status != EX_OK)
			return status;
		if (id == NULL || strcmp(id, found) == 0) {
			*ret_path = settings->contests[i];
			return EX_OK;
		}
	}
	return ctl_fail(EX_USAGE, "%s names no contest \"%s\".", ctl->config, id);
}

static int load_round(struct session *session)
{
	char why[ROUND_WHY_MAX];
	const char *path = NULL;
	int status = find_file(session->ctl, session->options.contest, &path);
	session->file = path;

	if (status == EX_OK && round_load(&session->ctl->settings, path, &session->round, why) < 0)
		status = ctl_fail(EX_CONFIG, "%s", why);
	if (status == EX_OK)
		(void)snprintf(session->contest, sizeof(session->contest), "%s%s",
		    session->round->contest->id,
		    session->round->contest->rehearsal ? " (rehearsal)" : "");
	return status;
}

/* ---- the connection ---- */

static int read_password(struct session *session)
{
	const char *path = session->ctl->settings.redis.password_file;
	FILE *file;

	if (path == NULL)
		return EX_OK;
	file = fopen(path, "re");
	if (file == NULL || fgets(session->password, sizeof(session->password), file) == NULL) {
		int error = errno;
		if (file != NULL)
			(void)fclose(file);
		return ctl_fail(EX_CONFIG, "redis.password_file %s cannot be read: %s.", path,
		    file != NULL ? "it is empty" : strerror(error));
	}
	(void)fclose(file);
	session->password[strcspn(session->password, "\r\n")] = '\0';
	return EX_OK;
}

static void on_redis(void *arg, bool connected, const char *why)
{
	struct session *session = arg;

	if (session->ledger != NULL)
		ledger_on_redis(session->ledger, connected, why);
}

static void on_ready(void *arg, bool ready, const char *why)
{
	struct session *session = arg;

	(void)why;
	if (ready || ledger_is_refused(session->ledger))
		session->done = true;
}

static struct ledger *make_ledger(struct session *session)
{
	const struct round *round = session->round;
	struct ledger_options options = office_ledger_options(round);
	options.in_flight_max = (unsigned)session->ctl->settings.redis.in_flight;
	options.on_ready = on_ready;
	options.arg = session;
	return ledger_new(session->base, session->redis, &options);
}

static int wire(struct session *session)
{
	const struct settings *settings = &session->ctl->settings;
	struct redis_options options = redis_options_from(settings, session->password);

	options.on_state = on_redis;
	options.arg = session;
	session->base = event_base_new();
	if (session->base != NULL)
		session->redis = redis_new(session->base, &options);
	if (session->redis != NULL)
		session->desk = desk_new(session->base, session->redis,
		    &(struct desk_options){.round = session->round->name});
	if (session->desk != NULL)
		session->ledger = make_ledger(session);
	if (session->ledger == NULL)
		return ctl_fail(EX_OSERR, "there is not enough memory.");
	session->office = (struct office){session->round, session->desk, session->ledger};
	return EX_OK;
}

/* ---- the loop ---- */

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	*(bool *)arg = true;
}

/* True when session_done() came in time. */
static bool turn_until_done(struct session *session, int ms)
{
	bool late = false;
	struct event *deadline = evtimer_new(session->base, on_late, &late);
	const struct timeval time = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	bool done;

	if (deadline == NULL || evtimer_add(deadline, &time) < 0)
		late = true;
	while (!session->done && !late) {
		(void)event_base_loop(session->base, EVLOOP_ONCE);
		ledger_flush(session->ledger);
	}
	if (deadline != NULL)
		event_free(deadline);
	done = session->done;
	session->done = false;
	return done;
}

static int wait_until_ready(struct session *session)
{
	const char *address = redis_where(&session->ctl->settings);
	char why[256];
	bool told = turn_until_done(session, CONNECT_MS);

	if (ledger_is_ready(session->ledger))
		return EX_OK;
	if (told || ledger_is_refused(session->ledger))
		return ctl_fail(EX_CONFIG,
		    "contest %s: %s. The configuration and keys must be those under which the "
		    "contest began; see ops/runbook.md.",
		    session->round->contest->id, ledger_why(session->ledger));
	ctl_clause(ledger_why(session->ledger), why, sizeof(why));
	if (session->ctl->settings.redis.server.enabled)
		return ctl_fail(EX_UNAVAILABLE,
		    "Redis at %s is not to be had: %s. tallyd starts and ends it (redis.server): "
		    "is tallyd running with %s?",
		    address, why, session->ctl->config);
	return ctl_fail(EX_UNAVAILABLE,
	    "Redis at %s is not to be had: %s. Is it running, and does %s name it (redis.address)?",
	    address, why, session->ctl->config);
}

void session_run(struct session *session)
{
	if (turn_until_done(session, ANSWER_MS))
		return;
	/* What still waits for an answer belongs to whoever has called, so it ends here. */
	session->done = true;
	redis_free(session->redis);
	session->redis = NULL;
	session->status = ctl_fail(EX_UNAVAILABLE,
	    "Redis gave no answer within %d s. What was asked for may have been done: look before "
	    "asking again.",
	    ANSWER_MS / 1000);
}

void session_run_on(struct session *session)
{
	while (!session->done) {
		(void)event_base_loop(session->base, EVLOOP_ONCE);
		ledger_flush(session->ledger);
	}
	session->done = false;
}

void session_done(struct session *session, int status)
{
	session->status = status;
	session->done = true;
}

/* ---- which phase ---- */

struct asking {
	struct session *session;
	enum phase phase;
};

static void on_record(void *arg, const struct desk_view *view)
{
	struct asking *asking = arg;
	struct record record;

	if (asking->session->done)
		return;
	if (view == NULL || record_read(asking->session->round->contest, view, &record) < 0) {
		session_done(asking->session,
		    ctl_fail(EX_UNAVAILABLE, "the record cannot be read now; nothing was done."));
		return;
	}
	asking->phase = record.phase;
	session_done(asking->session, EX_OK);
}

int session_phase(struct session *session, enum phase *ret_phase)
{
	struct asking asking = {.session = session};

	desk_read(session->desk, NULL, 0, on_record, &asking);
	session_run(session);
	if (session->status == EX_OK)
		*ret_phase = asking.phase;
	return session->status;
}

/* ---- who acts ---- */

static bool is_plain_name(const char *name)
{
	long n = text_characters(slice_text(name));

	for (struct slice rest = slice_text(name); n > 0 && rest.len > 0;) {
		uint32_t point = 0;
		size_t size = text_next(rest, &point);
		if (text_is_unshown(point))
			return false;
		rest = slice_make(rest.ptr + size, rest.len - size);
	}
	return n > 0 && n <= BY_MAX && strlen(name) <= BY_BYTES_MAX &&
	       !text_is_blank(slice_text(name));
}

static int name_operator(struct session *session)
{
	const char *name = session->options.by;
	const struct passwd *login = name == NULL ? getpwuid(getuid()) : NULL;

	if (name != NULL && !is_plain_name(name))
		return ctl_fail(EX_USAGE,
		    "--by takes a name on one line: 1 to %d characters in UTF-8 that are all seen, "
		    "and "
		    "at most %d bytes.",
		    BY_MAX, (int)BY_BYTES_MAX);
	if (name != NULL || (login != NULL && is_plain_name(login->pw_name)))
		(void)snprintf(session->who, sizeof(session->who), "operator:%s",
		    name != NULL ? name : login->pw_name);
	else
		(void)snprintf(
		    session->who, sizeof(session->who), "operator:uid-%ld", (long)getuid());
	return EX_OK;
}

static void on_person(void *arg, const struct desk_view *view)
{
	struct session *session = arg;
	const struct bearer *bearer = &session->bearer;
	struct person person;

	if (session->done)
		return;
	if (view == NULL) {
		session_done(
		    session, ctl_fail(EX_UNAVAILABLE, "Redis did not answer; nothing was done."));
	} else if (bearer_person(bearer, view, &person) < 0) {
		session_done(
		    session, ctl_fail(EX_NOPERM, "the token of %s has been revoked or replaced.",
				 bearer->id));
	} else {
		(void)person_who(&person, session->who);
		person_release(&person);
		session_done(session, EX_OK);
	}
}

static int check_token(struct session *session)
{
	const char *path = session->options.token;
	struct bearer *bearer = &session->bearer;
	char token[SESSION_TOKEN_SIZE];
	int status = session_token(path, token);
	int r;

	if (status != EX_OK)
		return status;
	r = bearer_read(session->round, session->ctl->settings.issuer_name, slice_text(token),
	    clock_wall_ms(), bearer);
	OPENSSL_cleanse(token, sizeof(token));
	if (r == -ETIME)
		return ctl_fail(EX_NOPERM, "%s: the token has expired.", path);
	if (r < 0)
		return ctl_fail(EX_NOPERM, "%s: is not a token for contest %s.", path,
		    session_contest(session));
	if (bearer->role != ROLE_ORGANISER)
		return ctl_fail(EX_NOPERM,
		    "%s: is the token of an %s; organisers act with --token.", path,
		    role_name(bearer->role));
	desk_read(
	    session->desk, &(struct desk_want){DESK_PEOPLE, bearer->id}, 1, on_person, session);
	session_run(session);
	return session->status;
}

/* ---- from beginning to end ---- */

int session_open(
    const struct ctl *ctl, const struct session_options *options, struct session *ret_session)
{
	struct session *session = ret_session;

	(void)signal(
	    SIGPIPE, SIG_IGN); /* a Redis that has gone is told of like any other failure */
	*session = (struct session){.ctl = ctl, .options = *options};
	session->status = load_round(session);
	if (session->status == EX_OK)
		session->status = read_password(session);
	if (session->status == EX_OK)
		session->status = wire(session);
	if (session->status == EX_OK)
		session->status = wait_until_ready(session);
	if (session->status == EX_OK)
		session->status =
		    options->token != NULL ? check_token(session) : name_operator(session);
	return session->status == EX_OK ? EX_OK : session_close(session);
}

int session_load(
    const struct ctl *ctl, const struct session_options *options, struct session *ret_session)
{
	*ret_session = (struct session){.ctl = ctl, .options = *options};
	ret_session->status = load_round(ret_session);
	return ret_session->status == EX_OK ? EX_OK : session_close(ret_session);
}

static int status_of(const struct verdict *verdict)
{
	switch (verdict->status) {
	case 503:
		return EX_UNAVAILABLE;
	case 401:
	case 403:
		return EX_NOPERM;
	default:
		return EX_DATAERR;
	}
}

void session_keep(void *arg, const struct verdict *verdict)
{
	struct session *session = arg;

	if (session->done)
		return;
	json_decref(session->verdict.members);
	session->verdict = *verdict;
	json_incref(session->verdict.members);
	if (verdict->slug == NULL)
		session_done(session, EX_OK);
	else
		session_done(session, ctl_fail(status_of(verdict), "%s", verdict->detail));
}

void session_print_json(const json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15));

	screen_write_json(stdout, slice_text(text));
	(void)fputc('\n', stdout);
	free(text);
}

const char *session_contest(const struct session *session)
{
	return session->contest;
}

int session_close(struct session *session)
{
	session->done = true; /* what completes now comes too late to be told */
	if (session->redis != NULL)
		redis_free(session->redis);
	if (session->desk != NULL)
		desk_free(session->desk);
	if (session->ledger != NULL)
		ledger_free(session->ledger);
	if (session->base != NULL)
		event_base_free(session->base);
	round_free(session->round);
	json_decref(session->verdict.members);
	OPENSSL_cleanse(session->password, sizeof(session->password));
	return session->status;
}
