/* tallyctl log status: how the public log is doing, as a table or as JSON. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "ctl/log.h"
#include "ctl/screen.h"
#include "ctl/sealed.h"

#define TABLE_MAX (256 * 1024)

static size_t shards_of(const struct sealed *sealed)
{
	return sealed->session->round->contest->shards;
}

static const struct sealed_shard *first_refusing(const struct sealed *sealed)
{
	for (size_t i = 0; i < shards_of(sealed); i++)
		if (sealed->shard[i].refuses)
			return &sealed->shard[i];
	return NULL;
}

static bool is_halted(const struct sealed_shard *shard)
{
	return shard->halt[0] != '\0';
}

static bool is_damaged(const struct sealed_shard *shard)
{
	return shard->refuses || shard->error == -EBADMSG ||
	       (shard->here.any && !shard->here.good) || (shard->redis.any && !shard->redis.good) ||
	       shard->here_lost || shard->here_from_files;
}

static bool is_late(const struct sealed_shard *shard)
{
	return shard->late_ms != 0;
}

/* The gravest of what the record and the shards say. */
static const char *state_word(const struct sealed *sealed)
{
	static const struct {
		const char *word;
		bool (*is)(const struct sealed_shard *shard);
	} states[] = {{"halted", is_halted}, {"behind", sealed_is_behind}, {"damaged", is_damaged},
	    {"late", is_late}};

	if (sealed->sealing.halted)
		return "halted";
	for (size_t state = 0; state < sizeof(states) / sizeof(*states); state++)
		for (size_t i = 0; i < shards_of(sealed); i++)
			if (states[state].is(&sealed->shard[i]))
				return states[state].word;
	return sealed->session->ctl->settings.ballot_log.dir ? "ok" : "off";
}

static json_t *size_json(const struct sealed_note *note)
{
	return note->good ? json_integer((json_int_t)note->checkpoint.size) : json_null();
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

static json_t *time_or_null(int64_t at_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return at_ms ? json_string(clock_format(at_ms, 1, text)) : json_null();
}

static json_t *shard_json(size_t number, const struct sealed_shard *shard)
{
	bool known = shard->error == 0;

	return json_pack("{s:I, s:s, s:s, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "shard",
	    (json_int_t)number, "origin", shard->origin, "state", sealed_word(shard), "ballots",
	    known ? json_integer((json_int_t)shard->ballots) : json_null(), "latched",
	    shard->latched, "refuses", shard->refuses, "sealed", size_json(&shard->redis), "here",
	    size_json(&shard->here), "here_age_ms",
	    shard->here.any ? json_integer(shard->here_age_ms) : json_null(), "holder",
	    text_or_null(shard->holder), "halt", text_or_null(shard->halt), "late_since",
	    time_or_null(shard->late_ms));
}

static json_t *halt_json(const struct sealing *sealing)
{
	char at[CLOCK_TEXT_SIZE];

	if (!sealing->halted)
		return json_null();
	return json_pack("{s:I, s:s, s:s}", "shard", (json_int_t)sealing->halt_shard, "why",
	    sealing->halt_why, "at", clock_format(sealing->halt_at_ms, 1, at));
}

static void print_status_json(const struct sealed *sealed)
{
	const struct contest *contest = sealed->session->round->contest;
	json_t *shards = json_array(), *json;

	for (size_t i = 0; i < shards_of(sealed); i++)
		json_array_append_new(shards, shard_json(i, &sealed->shard[i]));
	json = json_pack("{s:s, s:b, s:s, s:I, s:I, s:o, s:o}", "contest", contest->id, "rehearsal",
	    contest->rehearsal, "state", state_word(sealed), "epoch",
	    (json_int_t)sealed->sealing.epoch, "epoch_here", (json_int_t)sealed->epoch, "halt",
	    halt_json(&sealed->sealing), "shards", shards);
	session_print_json(json);
	json_decref(json);
}

static const char *number_or_dash(bool known, uint64_t number, char ret_text[32])
{
	return known ? screen_number((int64_t)number, ret_text) : "–";
}

static int print_shard(struct buf *out, size_t number, const struct sealed_shard *shard)
{
	char text[32], age[32], since[CLOCK_TEXT_SIZE];
	int rc = buf_printf(out, "%5zu  ", number);

	if (rc == 0)
		rc = screen_cell(
		    out, number_or_dash(shard->error == 0, shard->ballots, text), 12, true);
	if (rc == 0)
		rc = screen_cell(out,
		    number_or_dash(shard->redis.good, shard->redis.checkpoint.size, text), 12,
		    true);
	if (rc == 0)
		rc = screen_cell(out,
		    number_or_dash(shard->here.good, shard->here.checkpoint.size, text), 12, true);
	if (rc == 0)
		rc = screen_cell(out,
		    shard->here.any ? screen_duration(shard->here_age_ms, age) : "–", 10, true);
	if (rc == 0)
		rc = buf_printf(
		    out, "  %s%s%s", sealed_word(shard), shard->halt[0] ? ": " : "", shard->halt);
	if (rc == 0 && shard->late_ms)
		rc = buf_printf(out, ": since %s", screen_time(shard->late_ms, since));
	return rc == 0
		   ? buf_printf(out, "%s%s\n", shard->holder[0] ? "; lease: " : "", shard->holder)
		   : rc;
}

static int print_refusing(struct buf *out, const struct sealed *sealed)
{
	const struct sealed_shard *shard = first_refusing(sealed);

	if (!shard)
		return 0;
	return buf_printf(out,
	    "\nShard %zu refuses every ballot: its log in Redis is damaged, or somebody deleted "
	    "the end of it\n(ops/runbook.md, \"A shard refuses every ballot\").\n",
	    (size_t)(shard - sealed->shard));
}

/* Servers hold against Redis what they have acknowledged. */
static bool is_short(const struct sealed *sealed)
{
	for (size_t i = 0; i < shards_of(sealed); i++) {
		const struct sealed_shard *shard = &sealed->shard[i];
		uint64_t here = shard->here.good ? shard->here.checkpoint.size : 0;
		uint64_t redis = shard->redis.good ? shard->redis.checkpoint.size : 0;

		if (shard->error == 0 && shard->ballots < (here > redis ? here : redis))
			return true;
	}
	return false;
}

static const char *taken_words(const struct sealed *sealed)
{
	if (first_refusing(sealed))
		return "";
	if (is_short(sealed))
		return "Servers that know of the lost ballots take none in that shard. ";
	return "Ballots are taken and counted as before. ";
}

static int print_halt(struct buf *out, const struct sealed *sealed)
{
	const struct sealing *sealing = &sealed->sealing;
	char at[CLOCK_TEXT_SIZE];

	if (!sealing->halted)
		return 0;
	return buf_printf(out,
	    "\nHalted at %s in shard %u: %s.\n"
	    "%sNothing is signed. Find out first what "
	    "happened to\n"
	    "Redis, and whether the lost ballots can be brought back (ops/runbook.md, \"Sealing "
	    "has halted\").\n"
	    "Only where they cannot: tallyctl log new-epoch --why TEXT.\n",
	    screen_time(sealing->halt_at_ms, at), sealing->halt_shard, sealing->halt_why,
	    taken_words(sealed));
}

static bool is_well(const struct sealed *sealed)
{
	const char *word = state_word(sealed);

	return strcmp(word, "ok") == 0 || strcmp(word, "off") == 0;
}

static void print_status(const struct sealed *sealed)
{
	struct buf out;
	int rc;

	buf_init(&out, TABLE_MAX);
	rc = buf_printf(&out, "%s: the log is %s, epoch %" PRIu64 "\n\n%5s  %12s%12s%12s%10s\n",
	    session_contest(sealed->session), state_word(sealed), sealed->sealing.epoch, "shard",
	    "ballots", "sealed", "here", "age");
	for (size_t i = 0; i < shards_of(sealed) && rc == 0; i++)
		rc = print_shard(&out, i, &sealed->shard[i]);
	if (rc == 0 && sealed->epoch > sealed->sealing.epoch)
		rc = buf_printf(&out,
		    "\nThis host has the log of epoch %" PRIu64
		    ", and the record is in epoch %" PRIu64 ": it was restored from before that.\n",
		    sealed->epoch, sealed->sealing.epoch);
	if (rc == 0)
		rc = print_refusing(&out, sealed);
	if (rc == 0)
		rc = print_halt(&out, sealed);
	if (rc == 0)
		screen_write(stdout, buf_slice(&out));
	buf_release(&out);
}

int log_status(const struct ctl *ctl, const struct session_options *options)
{
	struct session session;
	struct sealed sealed;
	int status = session_open(ctl, options, &session);

	if (status != EX_OK)
		return status;
	screen_time_zone(session.round->contest->time_zone);
	session.status = sealed_look(&session, &sealed);
	if (session.status == EX_OK && sealed_ask_taken(&sealed) < 0)
		session.status = ctl_fail(EX_UNAVAILABLE, "Redis does not answer.");
	if (session.status == EX_OK && options->json)
		print_status_json(&sealed);
	else if (session.status == EX_OK)
		print_status(&sealed);
	if (session.status == EX_OK && !is_well(&sealed))
		session.status = EX_DATAERR;
	status = session_close(&session);
	sealed_release(&sealed);
	return status;
}
