/* Counts invitation codes by batch: the audit log knows the batches, Redis their codes. */
#include "ctl/codes.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "ctl/screen.h"
#include "office/codes.h"

struct counted {
	struct session *session;
	json_t *batches; /* by rising numbers: {"batch","label","count","made",…} */
	uint64_t n;      /* of the audit log, read so far */
	unsigned shard;  /* to be asked next */
};

enum { PIECE = 500 };

static void on_entries(void *arg, int error, const struct desk_entry *entries, size_t n);

static void take_entry(struct counted *counted, const struct desk_entry *item)
{
	json_t *entry = json_loadb(item->json.ptr, item->json.len, JSON_REJECT_DUPLICATES, NULL);
	const char *act = json_string_value(json_object_get(entry, "act"));

	if (act != NULL && strcmp(act, "codes.made") == 0)
		json_array_append_new(counted->batches,
		    json_pack("{s:I, s:O?, s:O?, s:i, s:i, s:i, s:b}", "batch", (json_int_t)item->n,
			"label", json_object_get(entry, "label"), "wanted",
			json_object_get(entry, "count"), "made", 0, "used", 0, "revoked", 0, "off",
			0));
	counted->n = item->n;
	json_decref(entry);
}

static void add(json_t *row, const char *name, uint64_t number)
{
	json_int_t sum = json_integer_value(json_object_get(row, name));

	json_object_set_new(row, name, json_integer(sum + (json_int_t)number));
}

/* Where the batch was revoked as a whole, all of its codes are that were not used, those revoked
 * one by one among them. */
static uint64_t revoked_of(const struct ledger_batch *batch)
{
	if (!batch->off)
		return batch->revoked;
	return batch->made > batch->issued ? batch->made - batch->issued : 0;
}

static void add_counts(const struct counted *counted, const struct ledger_batch *batch)
{
	size_t i;
	json_t *row;

	json_array_foreach(counted->batches, i, row)
	{
		if ((uint64_t)json_integer_value(json_object_get(row, "batch")) != batch->batch)
			continue;
		add(row, "made", batch->made);
		add(row, "used", batch->issued);
		add(row, "revoked", revoked_of(batch));
		if (batch->off)
			json_object_set_new(row, "off", json_true());
	}
}

static void on_batches(void *arg, int error, const struct ledger_batch *batches, size_t n);

/* Shard by shard: a batch that was revoked not everywhere yet, as Redis did not answer, is told as
 * it is. */
static void count_shard(struct counted *counted)
{
	const struct session *session = counted->session;

	if (counted->shard < session->round->contest->shards)
		ledger_shard_batches(session->ledger, counted->shard++, on_batches, counted);
	else
		session_done(counted->session, EX_OK);
}

static void on_batches(void *arg, int error, const struct ledger_batch *batches, size_t n)
{
	struct counted *counted = arg;

	for (size_t i = 0; i < n; i++)
		add_counts(counted, &batches[i]);
	if (error == 0)
		count_shard(counted);
	else
		session_done(counted->session,
		    ctl_fail(error == -EBADMSG ? EX_DATAERR : EX_UNAVAILABLE,
			error == -EBADMSG ? "what Redis has of the codes is damaged."
					  : "the codes cannot be counted now."));
}

static void on_entries(void *arg, int error, const struct desk_entry *entries, size_t n)
{
	struct counted *counted = arg;

	if (error != 0) {
		session_done(counted->session,
		    ctl_fail(EX_UNAVAILABLE, "the audit log cannot be read now."));
		return;
	}
	for (size_t i = 0; i < n; i++)
		take_entry(counted, &entries[i]);
	if (n > 0)
		desk_audit(counted->session->desk, counted->n, PIECE, on_entries, counted);
	else
		count_shard(counted);
}

static json_int_t number_of(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

static void tell_counts(const struct counted *counted)
{
	size_t i;
	json_t *row;

	if (counted->session->options.json) {
		session_print_json(counted->batches);
		return;
	}
	screen_print("%s\n\n  %6s  %10s  %10s  %6s  %10s  %s\n", session_contest(counted->session),
	    "batch", "made", "used", "", "revoked", "label");
	json_array_foreach(counted->batches, i, row)
	{
		json_int_t made = number_of(row, "made"), used = number_of(row, "used");

		screen_print("  %6lld  %10lld  %10lld  %5.1f%%  %10lld  %s%s%s\n",
		    (long long)number_of(row, "batch"), (long long)made, (long long)used,
		    made > 0 ? 100.0 * (double)used / (double)made : 0.0,
		    (long long)number_of(row, "revoked"),
		    json_string_value(json_object_get(row, "label")),
		    json_is_true(json_object_get(row, "off")) ? " (revoked as a whole)" : "",
		    made < number_of(row, "wanted") ? " (not whole: making it was interrupted)"
						    : "");
	}
	if (json_array_size(counted->batches) == 0)
		screen_print("  no codes were made yet: tallyctl codes make\n");
}

int codes_count(struct codes *codes)
{
	struct counted counted = {.session = codes->session, .batches = json_array()};

	desk_audit(codes->session->desk, 0, PIECE, on_entries, &counted);
	session_run(codes->session);
	if (codes->session->status == EX_OK)
		tell_counts(&counted);
	json_decref(counted.batches);
	return codes->session->status;
}
