/* admission/code: what is read of a code however people write it, and that every one or two errors
 * are noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "admission/code.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static const uint8_t samples[][CODE_DATA] = {{0},
    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
    {0x80}, {0x1b, 0x2c, 0x93, 0xd5, 0x07, 0xe8, 0x44, 0xa1, 0x6f, 0x3d}};

static enum code_fault parse(const char *text, unsigned *ret_at)
{
	uint8_t data[CODE_DATA];

	return code_parse(slice_text(text), data, ret_at);
}

static void printed_and_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		char text[CODE_TEXT_SIZE];
		uint8_t data[CODE_DATA];
		unsigned at;

		code_print(samples[i], text);
		assert_int_equal(strlen(text), CODE_TEXT_SIZE - 1);
		assert_int_equal(code_parse(slice_text(text), data, &at), CODE_GOOD);
		assert_memory_equal(data, samples[i], CODE_DATA);
	}
}

/* Made apart from the program: the check characters by trying all 1,024 pairs. */
static void published(void **state)
{
	static const struct {
		uint8_t data[CODE_DATA];
		const char *text;
	} rows[] = {
	    {{0}, "000000-000000-000000"},
	    {{0x08, 0x42, 0x10, 0x84, 0x21, 0x08, 0x42, 0x10, 0x84, 0x21}, "111111-111111-111166"},
	    {{0x1b, 0x2c, 0x93, 0xd5, 0x07, 0xe8, 0x44, 0xa1, 0x6f, 0x3d}, "3CP97N-87X12A-2VSX8C"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[CODE_TEXT_SIZE];

		code_print(rows[i].data, text);
		assert_string_equal(text, rows[i].text);
	}
}

static void as_people_write(void **state)
{
	static const char *const good[] = {"111111-111111-111166", "111111111111 111166",
	    "  1l1I1i-L11111-1111-6-6 ", "3cp97n-87x12a-2vsx8c",
	    "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 6 6"};
	static const struct {
		const char *text;
		enum code_fault fault;
		unsigned at;
	} bad[] = {{"", CODE_LENGTH, 0}, {"-", CODE_LENGTH, 0},
	    {"111111-111111-11116", CODE_LENGTH, 16}, {"111111-111111-1111666", CODE_LENGTH, 18},
	    {"11111U-111111-111166", CODE_CHARACTER, 5},
	    {"111111_111111_111166", CODE_CHARACTER, 6}, {"\xed\x95\x9c", CODE_CHARACTER, 0},
	    {"111111-111111-11116\n", CODE_CHARACTER, 17}};
	unsigned at;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(parse(good[i], &at), CODE_GOOD);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(parse(bad[i].text, &at), bad[i].fault);
		assert_int_equal(at, bad[i].at);
	}
}

/* The place of a character in the text with its hyphens. */
static unsigned place(unsigned at)
{
	return at + at / 6;
}

static void one_error_is_found_and_placed(void **state)
{
	(void)state;
	for (size_t s = 0; s < sizeof(samples) / sizeof(*samples); s++) {
		char text[CODE_TEXT_SIZE];

		code_print(samples[s], text);
		for (unsigned i = 0; i < CODE_CHARACTERS; i++) {
			char right = text[place(i)];

			for (const char *c = alphabet; *c != '\0'; c++) {
				unsigned at;

				text[place(i)] = *c;
				if (*c == right) {
					assert_int_equal(parse(text, &at), CODE_GOOD);
					continue;
				}
				assert_int_equal(parse(text, &at), CODE_MISTYPED);
				assert_int_equal(at, i);
			}
			text[place(i)] = right;
		}
	}
}

static void two_errors_are_found(void **state)
{
	char text[CODE_TEXT_SIZE];
	unsigned at;

	(void)state;
	code_print(samples[4], text);
	for (unsigned i = 0; i < CODE_CHARACTERS; i++) {
		for (unsigned j = i + 1; j < CODE_CHARACTERS; j++) {
			char first = text[place(i)], second = text[place(j)];

			for (const char *a = alphabet; *a != '\0'; a++) {
				for (const char *b = alphabet; *b != '\0'; b++) {
					text[place(i)] = *a;
					text[place(j)] = *b;
					if (*a != first || *b != second)
						assert_int_not_equal(parse(text, &at), CODE_GOOD);
				}
			}
			text[place(i)] = second;
			text[place(j)] = first;
			assert_int_equal(
			    parse(text, &at), first == second ? CODE_GOOD : CODE_SWAPPED);
			text[place(i)] = first;
			text[place(j)] = second;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(printed_and_read),
	    cmocka_unit_test(published),
	    cmocka_unit_test(as_people_write),
	    cmocka_unit_test(one_error_is_found_and_placed),
	    cmocka_unit_test(two_errors_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
