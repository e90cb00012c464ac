/* worker/holdings: what outlives a configuration and a program, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "api/app.h"
#include "base/rate.h"
#include "config/settings.h"
#include "worker/holdings.h"

static struct settings settings_of(const char *listen, int workers)
{
	return (struct settings){
	    .listen = strdup(listen),
	    .workers = workers,
	    .redis = {.address = strdup("unix:/r/redis.sock"),
		.server = {.enabled = true, .dir = strdup("/r")}},
	};
}

static void open_holdings(struct holdings *holdings, int workers)
{
	struct settings settings = settings_of("127.0.0.1:0", workers);

	assert_int_equal(holdings_open(holdings, &settings), EX_OK);
	settings_release(&settings);
}

static void settings_that_stay(void **state)
{
	struct holdings holdings;
	struct settings settings;
	(void)state;

	open_holdings(&holdings, 2);
	settings = settings_of("127.0.0.1:80", 3);
	settings.admin_listen = strdup("127.0.0.1:81");
	settings.redis.server.enabled = false;
	settings.redis.server.binary = strdup("other");
	settings.public_url = strdup("https://vote.example");
	assert_int_equal(holdings_keep(&holdings, &settings), 0);
	assert_string_equal(settings.listen, "127.0.0.1:0");
	assert_null(settings.admin_listen);
	assert_int_equal(settings.workers, 2);
	assert_true(settings.redis.server.enabled);
	assert_null(settings.redis.server.binary);
	assert_string_equal(settings.redis.server.dir, "/r");
	assert_string_equal(settings.public_url, "https://vote.example"); /* the others are new */
	settings_release(&settings);
	holdings_leave(&holdings, SIZE_MAX);
	holdings_release(&holdings);
}

/* As over exec(): the description as text, the same descriptors, memory mapped anew. */
static json_t *as_text(const struct holdings *holdings)
{
	json_t *described = holdings_describe(holdings), *read;
	char *text = json_dumps(described, 0);

	json_decref(described);
	read = json_loads(text, 0, NULL);
	free(text);
	return read;
}

static void another_program_goes_on(void **state)
{
	static const struct rate_limit once = {.per_minute = 1, .burst = 1};
	struct holdings before, after;
	json_t *described;
	(void)state;

	open_holdings(&before, 2);
	before.stats[3].tokens_issued = 7;
	assert_int_equal(rate_take(before.rates, 5, &once, 1000), 0);
	holdings_pass_on(&before, true);
	assert_int_equal(fcntl(before.listen_fds[1], F_GETFD), 0);
	described = as_text(&before);
	assert_int_equal(holdings_take(&after, described), 0);
	assert_int_equal(after.n_slots, 2);
	assert_int_equal(after.listen_fds[1], before.listen_fds[1]);
	assert_string_equal(after.url, before.url);
	assert_int_equal(fcntl(after.listen_fds[1], F_GETFD), FD_CLOEXEC);
	assert_ptr_not_equal(after.stats, before.stats);
	assert_int_equal(after.stats[3].tokens_issued, 7);
	assert_int_equal(stats_sum(after.stats, 2, 1, offsetof(struct stats, tokens_issued)), 7);
	assert_int_not_equal(rate_take(after.rates, 5, &once, 1000), 0);
	assert_memory_equal(after.host_secret.ptr, before.host_secret.ptr, after.host_secret.len);
	json_decref(described);
	holdings_leave(&after, SIZE_MAX);
	holdings_release(&before);
	holdings_release(&after);
}

static void other_memory_begins_anew(void **state)
{
	struct holdings before, after;
	json_t *described;
	(void)state;

	open_holdings(&before, 1);
	before.stats[0].tokens_issued = 7;
	assert_int_equal(pwrite(before.shared_fd, "tallyd 9", 8, 0), 8); /* another's layout */
	described = as_text(&before);
	assert_int_equal(holdings_take(&after, described), 0);
	assert_int_equal(after.stats[0].tokens_issued, 0);
	assert_memory_not_equal(
	    after.host_secret.ptr, before.host_secret.ptr, after.host_secret.len);
	json_decref(described);
	holdings_leave(&after, SIZE_MAX);
	holdings_release(&before);
	holdings_release(&after);
}

static void nonsense_is_not_taken(void **state)
{
	static const char *const nonsense[] = {"{}", "{\"listen\": []}",
	    "{\"listen\": [], \"admin\": -1, \"shared\": 0, \"url\": \"\", \"kept\": {}}",
	    "{\"listen\": [9999], \"admin\": -1, \"shared\": 0, \"url\": \"\", \"kept\": {}}",
	    "{\"listen\": [0], \"admin\": -1, \"shared\": 9999, \"url\": \"\", \"kept\": {}}"};
	(void)state;

	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		struct holdings holdings;
		json_t *described = json_loads(nonsense[i], 0, NULL);
		assert_non_null(described);
		assert_int_equal(holdings_take(&holdings, described), -EINVAL);
		holdings_release(&holdings);
		json_decref(described);
	}
}

static void counters_of_who_ended(void **state)
{
	struct stats stats[2] = {{.http = {.accepted = 9, .closed = 4}, .under_way = 2},
	    {.http = {.accepted = 5, .closed = 1}, .under_way = 1}};
	(void)state;

	stats_end(&stats[0]);
	assert_int_equal(stats_sum(stats, 1, 0, offsetof(struct stats, under_way)), 1);
	assert_int_equal(stats_sum(stats, 1, 0, offsetof(struct stats, http.accepted)), 14);
	assert_int_equal(stats_sum(stats, 1, 0, offsetof(struct stats, http.closed)), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(settings_that_stay),
	    cmocka_unit_test(another_program_goes_on),
	    cmocka_unit_test(other_memory_begins_anew),
	    cmocka_unit_test(nonsense_is_not_taken),
	    cmocka_unit_test(counters_of_who_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
