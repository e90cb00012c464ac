/* Carries acts out: one decision at the desk, and then every shard.
 *
 *   acts_perform, acts_decide -> decide -> on_written -> on_applied -> finish */
#include "office/acts_impl.h"
#include "office/people.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- the end ---- */

static void finish(struct doing *doing)
{
	doing->cb(doing->arg, &doing->verdict);
	json_decref(doing->verdict.members);
	json_decref(doing->stored);
	act_release(&doing->act);
	free(doing->word);
	free(doing);
}

static json_t *done_members(const struct doing *doing)
{
	json_t *members = json_pack("{s:s, s:I, s:I}", "phase", phase_name(doing->it.after),
	    "version", (json_int_t)doing->it.version, "n", (json_int_t)doing->n);
	if (members && doing->imports) {
		json_object_set_new(
		    members, "imported", json_integer((json_int_t)doing->it.imported));
		json_object_set_new(
		    members, "replaced", json_integer((json_int_t)doing->it.replaced));
	}
	return members;
}

/* Where the act itself was looked at, not only refused or put off. */
static void add_warnings(struct doing *doing)
{
	json_t *warnings = doing->imports
			       ? metrics_warnings(office_contest(doing->office), doing->act.json)
			       : NULL;
	if (warnings)
		(void)json_object_set_new(doing->verdict.members, "warnings", warnings);
}

static void succeed(struct doing *doing)
{
	struct verdict *verdict = &doing->verdict;
	verdict->status = doing->waits ? 202 : 200;
	if (doing->waits || doing->mode == MODE_REJECT)
		verdict->members =
		    json_pack("{s:s, s:I}", "request", doing->request, "n", (json_int_t)doing->n);
	else
		verdict->members = done_members(doing);
	add_warnings(doing);
	finish(doing);
}

static void on_applied(void *arg, int error)
{
	struct doing *doing = arg;
	if (error == 0) {
		succeed(doing);
		return;
	}
	if (error == -EIO)
		verdict_refuse(&doing->verdict, 503, "unavailable", "Recorded, not everywhere yet",
		    "The act is recorded (audit entry %" PRIu64
		    ") and will be carried through to "
		    "every shard; do not repeat it, look at the phase.",
		    doing->n);
	else
		verdict_refuse(&doing->verdict, 500, "damaged", "A shard does not follow",
		    "The act is recorded (audit entry %" PRIu64
		    "), but a shard is %s; see the "
		    "runbook.",
		    doing->n,
		    error == -EPERM ? "further than the record" : "not what it should be");
	finish(doing);
}

static void refuse_late(struct doing *doing)
{
	verdict_refuse(&doing->verdict, 409, "not-possible", "Not possible in this phase",
	    "The contest has closed meanwhile, and nothing reopens after the close.");
}

static void on_written(void *arg, enum desk_outcome outcome, uint64_t n)
{
	struct doing *doing = arg;
	doing->n = n;
	if (doing->verdict.status == 0 && outcome == DESK_LATE)
		refuse_late(doing);
	else if (doing->verdict.status == 0 && outcome != DESK_WRITTEN &&
		 !(outcome == DESK_LEFT && doing->idle))
		verdict_of_desk(outcome, &doing->verdict);
	if (doing->verdict.status != 0)
		finish(doing);
	else if (doing->it.bumped)
		ledger_apply(doing->office->ledger, doing->it.version, doing->it.latched,
		    doing->it.opens_ms, doing->it.closes_ms, on_applied, doing);
	else
		succeed(doing);
}

/* ---- deciding ---- */

static bool refuse_damaged(struct doing *doing)
{
	verdict_of_desk(DESK_DAMAGED, &doing->verdict);
	return false;
}

static bool write_act(struct doing *doing, struct desk_change *change)
{
	json_t *entry = act_entry(&doing->it);
	int rc = entry ? act_fill(&doing->it, change) : -ENOMEM;
	if (rc == 0 && doing->mode == MODE_APPROVE)
		rc = request_settle(doing, change, entry);
	if (rc != 0) {
		json_decref(entry);
		return refuse_damaged(doing);
	}
	return desk_note(change, entry) == 0 || true; /* desk_update() remembers a failure */
}

static bool decide_act(
    struct doing *doing, const struct desk_view *view, struct desk_change *change)
{
	struct act_case *it = &doing->it;
	*it = (struct act_case){.contest = office_contest(doing->office),
	    .view = view,
	    .act = &doing->act,
	    .who = doing->who,
	    .for_correction = doing->for_correction};
	doing->waits = doing->idle = false;
	doing->imports = doing->act.deed == DEED_METRICS;
	if (!act_possible(it, &doing->verdict))
		return false;
	if (act_is_idle(it)) {
		it->version = it->record.version;
		doing->idle = true;
		return false;
	}
	if (doing->mode != MODE_PERFORM || !act_wants_second(it))
		return write_act(doing, change);
	return !request_repeats(doing, view) && !requests_are_full(doing, view) &&
	       request_make(doing, view, change);
}

static bool decide(void *arg, const struct desk_view *view, struct desk_change *change)
{
	struct doing *doing = arg;
	if (doing->misread)
		return false;
	json_decref(doing->verdict.members);
	doing->verdict = (struct verdict){0};
	if (!organiser_stands(view, doing->who)) {
		refuse_revoked(&doing->verdict);
		return false;
	}
	if (doing->mode == MODE_PERFORM)
		return decide_act(doing, view, change);
	if (!request_find(doing, view))
		return false;
	if (doing->mode == MODE_REJECT)
		return request_reject(doing, change);
	return request_approvable(doing, view) && decide_act(doing, view, change);
}

/* ---- beginning ---- */

static struct doing *doing_new(
    struct office *office, enum mode mode, const char *who, verdict_cb *cb, void *arg)
{
	struct doing *doing = calloc(1, sizeof(*doing));
	if (!doing)
		return NULL;
	*doing = (struct doing){.office = office, .mode = mode, .cb = cb, .arg = arg};
	(void)snprintf(doing->who, sizeof(doing->who), "%s", who);
	return doing;
}

static void refuse_for_memory(verdict_cb *cb, void *arg)
{
	struct verdict verdict = {0};
	verdict_refuse(&verdict, 503, "unavailable", "Not possible now",
	    "Memory is short; nothing was done. Ask again.");
	cb(arg, &verdict);
}

/* Beside what the act is about, the record of who acts; and where a request is decided, of whoever
 * made it: it is not known yet who that was. */
static size_t fill_wants(const struct doing *doing, struct desk_want ret_wants[DESK_WANTS_MAX])
{
	const char *organiser = organiser_of(doing->who);
	size_t n = act_n_wants;
	memcpy(ret_wants, act_wants, n * sizeof(*act_wants));
	if (doing->mode != MODE_PERFORM)
		ret_wants[n++] = (struct desk_want){DESK_PEOPLE, NULL};
	else if (organiser)
		ret_wants[n++] = (struct desk_want){DESK_PEOPLE, organiser};
	return n;
}

/* The refusal of what cannot be read is given by way of the desk too, so that every answer comes in
 * a later turn. */
static void begin(struct doing *doing)
{
	struct desk_want wants[DESK_WANTS_MAX];
	size_t n = fill_wants(doing, wants);
	doing->misread = doing->verdict.status != 0;
	desk_update(doing->office->desk, wants, doing->misread ? 0 : n, decide, on_written, doing);
}

static int draw_request_id(char ret_id[REQUEST_ID_SIZE])
{
	uint8_t bytes[6];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	ret_id[0] = 'r';
	ret_id[1] = '-';
	(void)hex_encode(bytes, sizeof(bytes), ret_id + 2);
	return 0;
}

void acts_perform(struct office *office, const json_t *act, const char *who, bool for_correction,
    verdict_cb *cb, void *arg)
{
	char why[ACT_WHY_MAX];
	struct doing *doing = doing_new(office, MODE_PERFORM, who, cb, arg);
	int rc = doing ? draw_request_id(doing->request) : -ENOMEM;
	if (rc == 0)
		rc = act_read(office_contest(office), act, &doing->act, why);
	if (rc != 0 && rc != -EINVAL) {
		free(doing);
		refuse_for_memory(cb, arg);
		return;
	}
	doing->for_correction = for_correction;
	if (rc == -EINVAL)
		verdict_refuse(
		    &doing->verdict, 422, "invalid-act", "Not an act of this contest", "%s", why);
	begin(doing);
}

/* A rejection is explained; an approval may be. */
static void check_word(struct doing *doing)
{
	long n = act_text_length(doing->word);
	bool empty = doing->word[0] == '\0';
	if (empty ? doing->mode == MODE_APPROVE : n > 0 && n <= OFFICE_WHY_MAX)
		return;
	verdict_refuse(&doing->verdict, 422, "invalid-act", "Not a decision",
	    "\"why\" must be plain text of 1 to %d characters.", OFFICE_WHY_MAX);
}

void acts_decide(struct office *office, const char *request, bool approve, const char *who,
    const char *why, verdict_cb *cb, void *arg)
{
	struct doing *doing = doing_new(office, approve ? MODE_APPROVE : MODE_REJECT, who, cb, arg);
	char *word = strdup(why ? why : "");
	if (!doing || !word) {
		free(doing);
		free(word);
		refuse_for_memory(cb, arg);
		return;
	}
	doing->word = word;
	/* A longer name than any that is drawn is cut to one that is none. */
	(void)snprintf(doing->request, sizeof(doing->request), "%s",
	    strlen(request) < sizeof(doing->request) ? request : "?");
	check_word(doing);
	begin(doing);
}
