/* ctl/csvfile: what a table may look like, and that every fault of one is told with its line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/csvfile.h"

static const struct csvfile_column columns[] = {
    {"name", true}, {"affiliation", false}, {"email", false}};

static char path[] = "/tmp/csvfile-test-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? 1 : close(fd);
}

static int drop_file(void **state)
{
	(void)state;
	return unlink(path);
}

static struct csvfile *load(const char *bytes, size_t len)
{
	struct csvfile *csv = NULL;
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(csvfile_load(path, columns, 3, &csv), 0);
	return csv;
}

static void takes(void **state)
{
	static const struct {
		const char *text;
		const char *fields[2][3];
		size_t rows, line; /* of the last row */
	} rows[] = {
	    {"name,affiliation,email\nA,B,c@d\n", {{"A", "B", "c@d"}}, 1, 2},
	    {"name,affiliation,email\r\nA,B,c@d\r\nE,F,g@h\r\n",
		{{"A", "B", "c@d"}, {"E", "F", "g@h"}}, 2, 3},
	    {"name\rA\rE\r", {{"A"}, {"E"}}, 2, 3},
	    {"\xef\xbb\xbfname,affiliation\n김하늘,한국과학기술원\n",
		{{"김하늘", "한국과학기술원"}}, 1, 2},
	    {"email,name\n,A\nc@d,E\n", {{"A", NULL, NULL}, {"E", NULL, "c@d"}}, 2, 3},
	    {"name,affiliation\n\"A, B\",\"say \"\"so\"\"\"\n", {{"A, B", "say \"so\""}}, 1, 2},
	    {" name , affiliation\n\t A \xe3\x80\x80,\xc2\xa0"
	     "B\xc2\xa0\n",
		{{"A", "B"}}, 1, 2},
	    {"\n\nname\n\n  \nA\n\n\n", {{"A"}}, 1, 6},
	    {"name\nA", {{"A"}}, 1, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct csvfile *csv = load(rows[i].text, strlen(rows[i].text));
		if (csvfile_faults(csv) > 0)
			csvfile_print_faults(csv, stderr);
		assert_int_equal(csvfile_faults(csv), 0);
		assert_int_equal(csvfile_rows(csv), rows[i].rows);
		for (size_t row = 0; row < rows[i].rows; row++)
			for (size_t column = 0; column < 3; column++) {
				const char *field = csvfile_get(csv, row, column);
				const char *wanted = rows[i].fields[row][column];
				if (wanted == NULL)
					assert_null(field);
				else
					assert_string_equal(field, wanted);
			}
		assert_int_equal(csvfile_line(csv, rows[i].rows - 1), rows[i].line);
		csvfile_free(csv);
	}
}

/* All that is printed, less the file's name before each line. */
static char *faults_of(const struct csvfile *csv)
{
	char *text = NULL, *at, *to;
	size_t len = 0, skip = strlen(path);
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	csvfile_print_faults(csv, out);
	assert_int_equal(fclose(out), 0);
	for (at = to = text; *at != '\0';) {
		char *end = strchr(at, '\n') + 1;
		assert_memory_equal(at, path, skip);
		memmove(to, at + skip, (size_t)(end - at) - skip);
		to += (size_t)(end - at) - skip;
		at = end;
	}
	*to = '\0';
	return text;
}

#define QUOTATION                                                                                  \
	"a quotation mark stands where none may, or has no other one on this line: a field with "  \
	"one is written \"so \"\"quoted\"\"\".\n"

static void tells_every_fault(void **state)
{
	static const struct {
		const char *text, *faults;
		size_t rows; /* that are sound */
	} rows[] = {
	    {"", ":1: the file is empty.\n", 0},
	    {"\n \n", ":1: the file is empty.\n", 0},
	    {"name,email\n", ":1: there is no row below the header.\n", 0},
	    {"affiliation\nB\n", ":1: the column \"name\" is missing.\n", 0},
	    {"name,Name,,name\nA,B,C,D\n",
		":1: \"Name\" is no column of this table; its columns are name, affiliation, "
		"email.\n"
		":1: \"\" is no column of this table; its columns are name, affiliation, email.\n"
		":1: the column \"name\" is there twice.\n",
		0},
	    {"name,email\nA\nB,c@d\nC,d,e\n,x@y\n\"\",\n",
		":2: has 1 field, and the header has 2.\n"
		":4: has 3 fields, and the header has 2.\n"
		":5:name: is empty.\n"
		":6:name: is empty.\n",
		1},
	    {"name,email\n\"A,c@d\nB,c@d\nx\"y,c@d\nC,\"d\"e\nD,e@f\n",
		":2: " QUOTATION ":4: " QUOTATION ":5: " QUOTATION, 2},
	    {"name,email\nA\xff,c@d\nB,c\x01"
	     "d\nC,\"d\ne\"\n\xed\xa0\x80,\xc0\x80\nD\xe2\x80\xae,\n",
		":2:name: field 1 is no line of plain text in UTF-8.\n"
		":3:email: field 2 is no line of plain text in UTF-8.\n"
		":4: " QUOTATION ":5: " QUOTATION
		":6:name: field 1 is no line of plain text in UTF-8.\n"
		":6:email: field 2 is no line of plain text in UTF-8.\n"
		":7:name: field 1 is no line of plain text in UTF-8.\n",
		0},
	    {"na\"me\nA\n", ":1: " QUOTATION, 0},
	    {"name;email\nA;c@d\n",
		":1: \"name;email\" is no column of this table; its columns are name, affiliation, "
		"email.\n:1: the column \"name\" is missing.\n",
		0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct csvfile *csv = load(rows[i].text, strlen(rows[i].text));
		char *faults = faults_of(csv);
		assert_string_equal(faults, rows[i].faults);
		assert_int_equal(csvfile_rows(csv), rows[i].rows);
		free(faults);
		csvfile_free(csv);
	}
}

/* A NUL would end a field before its end. */
static void refuses_nul(void **state)
{
	static const char text[] = "name\nA\0B\n";
	struct csvfile *csv = load(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(csvfile_rows(csv), 0);
	assert_int_equal(csvfile_faults(csv), 1);
	csvfile_free(csv);
}

static void adds_the_callers_faults_in_order(void **state)
{
	static const char text[] = "name,email\nA,x\nB\nC,y\n";
	struct csvfile *csv = load(text, sizeof(text) - 1);
	char *faults;

	(void)state;
	csvfile_fault(csv, 1, 2, "is %s.", "wrong");
	csvfile_fault(csv, 0, CSVFILE_ROW, "is there twice.");
	csvfile_fault(csv, 0, 0, "is unknown.");
	faults = faults_of(csv);
	assert_string_equal(faults,
	    ":2: is there twice.\n"
	    ":2:name: is unknown.\n"
	    ":3: has 1 field, and the header has 2.\n"
	    ":4:email: is wrong.\n");
	free(faults);
	csvfile_free(csv);
}

static void keeps_limits(void **state)
{
	char *text = malloc(CSVFILE_BYTES_MAX + 2);
	size_t len = 0;
	struct csvfile *csv;
	char *faults;

	(void)state;
	len += (size_t)snprintf(text, 100, "name\n");
	for (int i = 0; i < CSVFILE_ROWS_MAX; i++)
		len += (size_t)snprintf(text + len, 20, "P%d\n", i);
	csv = load(text, len);
	assert_int_equal(csvfile_faults(csv), 0);
	assert_int_equal(csvfile_rows(csv), CSVFILE_ROWS_MAX);
	csvfile_free(csv);

	len += (size_t)snprintf(text + len, 20, "one more\n");
	csv = load(text, len);
	faults = faults_of(csv);
	assert_string_equal(faults, ":10002: too long: a table may have 10000 rows.\n");
	free(faults);
	csvfile_free(csv);

	memset(text, 'a', CSVFILE_BYTES_MAX + 1);
	csv = load(text, CSVFILE_BYTES_MAX + 1);
	faults = faults_of(csv);
	assert_string_equal(faults, ":1: too long: a table may have 1048576 bytes.\n");
	free(faults);
	csvfile_free(csv);

	/* more faults than a list begins with: none is left out */
	len = (size_t)snprintf(text, 100, "name,email\n");
	for (int i = 0; i < 5000; i++)
		len += (size_t)snprintf(text + len, 20, "P%d\n", i);
	csv = load(text, len);
	assert_int_equal(csvfile_faults(csv), 5000);
	csvfile_free(csv);
	free(text);
}

static void tells_what_cannot_be_read(void **state)
{
	struct csvfile *csv = NULL;

	(void)state;
	assert_int_equal(csvfile_load("/tmp/no/such/table.csv", columns, 3, &csv), -ENOENT);
	assert_int_equal(csvfile_load("/tmp", columns, 3, &csv), -EISDIR);
	assert_null(csv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes),
	    cmocka_unit_test(tells_every_fault),
	    cmocka_unit_test(refuses_nul),
	    cmocka_unit_test(adds_the_callers_faults_in_order),
	    cmocka_unit_test(keeps_limits),
	    cmocka_unit_test(tells_what_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, make_file, drop_file);
}
