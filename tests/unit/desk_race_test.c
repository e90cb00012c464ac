/* Two desks race with random changes while Redis is killed in between, on durable settings. Each
 * entry says what its change did, so the log alone must give the final state; and each outcome must
 * agree with the log. */
#include "desk_fixture.h"

#include "base/clock.h"

#define C "{c~rehearsal}:"

enum { RACE_ROUNDS = 6, RACE_DEEDS = 120, RACE_FIELDS = 12 };

struct race_deed {
	struct deed deed;
	unsigned id, hash, field;
	bool set, counts, late;
};

static unsigned race_seed;

static unsigned rnd(unsigned below)
{
	return (unsigned)rand_r(&race_seed) % below;
}

static void fill_race(struct deed *deed, const struct desk_view *view, struct desk_change *change)
{
	struct race_deed *race = (struct race_deed *)deed;
	char field[16], value[16];

	snprintf(field, sizeof(field), "f%u", race->field);
	snprintf(value, sizeof(value), "%u", race->id);
	if (race->set)
		(void)desk_set(change, (enum desk_hash)race->hash, field, slice_text(value));
	else
		(void)desk_unset(change, (enum desk_hash)race->hash, field);
	if (race->counts) {
		fill_increment(deed, view, change); /* its note comes first */
		desk_bump(change);
	}
	if (race->late)
		desk_before(change, desk_now_ms(view) - 1);
	if (!race->counts)
		(void)desk_note(
		    change, json_pack("{s:s, s:s, s:i, s:i, s:i, s:b}", "act", "race", "who",
				"tester", "id", (int)race->id, "hash", (int)race->hash, "field",
				(int)race->field, "set", (int)race->set));
}

struct race {
	struct race_deed deeds[RACE_ROUNDS * RACE_DEEDS];
	char model[DESK_HASHES][RACE_FIELDS][16]; /* by the log; "": absent */
	unsigned logged[RACE_ROUNDS * RACE_DEEDS], entries, increments;
	unsigned answers;
	bool broken; /* what the callback found */
	uint8_t head[32];
};

static void replay_entry(struct race *race, const struct desk_entry *e)
{
	json_t *entry = json_loadb(e->json.ptr, e->json.len, 0, NULL);
	char prev[HEX_SIZE(32)];
	unsigned id = (unsigned)json_integer_value(json_object_get(entry, "id"));
	unsigned hash = (unsigned)json_integer_value(json_object_get(entry, "hash"));
	unsigned field = (unsigned)json_integer_value(json_object_get(entry, "field"));
	const char *told = json_string_value(json_object_get(entry, "prev"));

	hex_encode(race->head, 32, prev);
	race->entries++;
	if (!told || strcmp(told, prev) != 0 || e->n != race->entries ||
	    json_integer_value(json_object_get(entry, "n")) != (json_int_t)e->n)
		race->broken = true;
	desk_entry_hash(e->json, race->head);
	if (!json_object_get(entry, "id")) {
		race->increments++;
	} else if (id < RACE_ROUNDS * RACE_DEEDS && hash < DESK_HASHES && field < RACE_FIELDS) {
		race->logged[id] = (unsigned)e->n;
		if (json_is_true(json_object_get(entry, "set")))
			snprintf(race->model[hash][field], 16, "%u", id);
		else
			race->model[hash][field][0] = '\0';
	}
	json_decref(entry);
}

static void replay(void *arg, int error, const struct desk_entry *entries, size_t n_entries)
{
	struct race *race = arg;

	race->broken |= error != 0;
	for (size_t i = 0; i < n_entries; i++)
		replay_entry(race, &entries[i]);
	race->answers++;
}

static void compare_view(void *arg, const struct desk_view *view)
{
	struct race *race = arg;

	race->answers++;
	if (!view || desk_size(view) != race->entries || desk_version(view) != race->increments) {
		race->broken = true;
		return;
	}
	for (unsigned hash = 0; hash < DESK_HASHES; hash++) {
		for (unsigned i = 0; i < RACE_FIELDS; i++) {
			char field[16];
			struct slice value;

			snprintf(field, sizeof(field), "f%u", i);
			value = desk_get(view, (enum desk_hash)hash, field);
			if (!slice_is(value, race->model[hash][i]))
				race->broken = true;
		}
	}
}

static void race_round(struct desk_fixture *f, struct race *race, unsigned round)
{
	bool last = round + 1 == RACE_ROUNDS;
	unsigned pending = RACE_DEEDS, kill_at = last ? 0 : rnd(RACE_DEEDS);

	for (unsigned i = 0; i < RACE_DEEDS; i++) {
		struct race_deed *d = &race->deeds[round * RACE_DEEDS + i];

		*d = (struct race_deed){.id = round * RACE_DEEDS + i,
		    .hash = rnd(DESK_HASHES),
		    .field = rnd(RACE_FIELDS),
		    .set = rnd(3) > 0,
		    .counts = rnd(4) == 0,
		    .late = rnd(10) == 0};
		d->deed =
		    (struct deed){.fill = fill_race, .leave = rnd(10) == 0, .pending = &pending};
		if (d->counts) /* its entry tells nothing of fields, so it touches none */
			d->field = RACE_FIELDS;
		desk_update(f->desk[rnd(DESKS)], &(struct desk_want){DESK_PEOPLE, NULL}, 1,
		    deed_decide, deed_done, &d->deed);
	}
	desk_wait(f, pending <= kill_at);
	if (last)
		return;
	server_end(&f->server, SIGKILL);
	desk_wait(f, pending == 0);
	server_start(&f->server, true);
	for (int i = 0; i < DESKS; i++)
		desk_wait(f, redis_is_connected(f->redis[i]));
}

static void judge_race(struct desk_fixture *f, struct race *race)
{
	static const struct desk_want all[] = {{DESK_PEOPLE, NULL}, {DESK_SHEETS, NULL},
	    {DESK_RULINGS, NULL}, {DESK_METRICS, NULL}, {DESK_REQUESTS, NULL},
	    {DESK_RESULTS, NULL}};
	unsigned outcomes[DESK_DAMAGED + 1] = {0}, again = 0, increments = 0, unsure = 0;

	desk_genesis("c~rehearsal", race->head);
	desk_audit(f->desk[1], 0, 1000, replay, race);
	desk_wait(f, race->answers == 1);
	desk_read(f->desk[0], all, 6, compare_view, race);
	desk_wait(f, race->answers == 2);
	assert_false(race->broken);
	for (unsigned i = 0; i < RACE_ROUNDS * RACE_DEEDS; i++) {
		struct race_deed *d = &race->deeds[i];

		assert_int_equal(d->deed.done, 1);
		outcomes[d->deed.outcome]++;
		again += d->deed.decided > 1;
		if (d->counts) {
			increments += d->deed.outcome == DESK_WRITTEN;
			unsure += d->deed.outcome == DESK_UNKNOWN;
		} else if (d->deed.outcome == DESK_WRITTEN) {
			assert_int_equal(race->logged[i], d->deed.n);
		} else if (d->deed.outcome != DESK_UNKNOWN) {
			assert_int_equal(race->logged[i], 0);
		}
		/* A decision to leave comes before the question whether it is late. */
		if (d->deed.outcome == DESK_WRITTEN)
			assert_false(d->late || d->deed.leave);
		if (d->late || d->deed.leave)
			assert_int_equal(race->logged[i], 0);
		if (d->deed.outcome == DESK_LATE)
			assert_true(d->late && !d->deed.leave);
		if (d->deed.outcome == DESK_LEFT)
			assert_true(d->deed.leave);
	}
	assert_in_range(race->increments, increments, increments + unsure);
	assert_int_equal(server_integer(&f->server, "HGET " C "record count"), race->increments);
	print_message("written %u, left %u, late %u, busy %u, unknown %u; decided anew %u\n",
	    outcomes[DESK_WRITTEN], outcomes[DESK_LEFT], outcomes[DESK_LATE], outcomes[DESK_BUSY],
	    outcomes[DESK_UNKNOWN], again);
	assert_int_equal(outcomes[DESK_DAMAGED], 0);
	assert_true(outcomes[DESK_WRITTEN] > 0 && outcomes[DESK_BUSY] > 0 && again > 0);
}

static void test_race(void **state)
{
	const char *given = getenv("TEST_SEED");
	struct race *race = calloc(1, sizeof(*race));
	struct desk_fixture f;

	(void)state;
	race_seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)clock_wall_ms();
	print_message("TEST_SEED=%u\n", race_seed);
	desk_fixture_init(&f);
	server_start(&f.server, true);
	desk_fixture_open(&f);
	desk_fixture_connected(&f);
	for (unsigned round = 0; round < RACE_ROUNDS; round++)
		race_round(&f, race, round);
	judge_race(&f, race);
	desk_fixture_close(&f);
	free(race);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
