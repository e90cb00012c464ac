/* The schema walker over a table of its own: every type, every kind of error, and YAML's pitfalls.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/schema.h"
#include "config_fixture.h"
#include "contest/contest.h"

struct item {
	char *id;
	int weight;
};

struct sample {
	char *text, *none, *kept, *path, *id;
	struct text name;
	int number;
	uint64_t large;
	bool flag, open;
	enum { RED, GREEN } colour;
	int wait_ms, bytes;
	int64_t at_ms;
	char **tags;
	size_t n_tags;
	struct item *items;
	size_t n_items;
	struct {
		int depth;
	} inner;
};

static const char *const colours[] = {"red", "green", NULL};
static const char *const open_words[] = {"shut", "open", NULL};

static const struct schema_key item_keys[] = {
    {.name = "id",
	.type = SCHEMA_TEXT,
	.required = true,
	.format = &format_id,
	SCHEMA_AT(struct item, id)},
    {.name = "weight",
	.type = SCHEMA_NUMBER,
	.max = 9,
	.fallback = "1",
	SCHEMA_AT(struct item, weight)},
    {0},
};
static const struct schema item_schema = {item_keys, sizeof(struct item)};

static const struct schema_key inner_keys[] = {
    {.name = "depth",
	.type = SCHEMA_NUMBER,
	.min = -5,
	.max = 5,
	.fallback = "3",
	SCHEMA_AT(struct sample, inner.depth)},
    {0},
};
static const struct schema inner_schema = {inner_keys, sizeof(struct sample)};

static const struct schema_key sample_keys[] = {
    {.name = "text",
	.type = SCHEMA_TEXT,
	.max = 5,
	.fallback = "abc",
	SCHEMA_AT(struct sample, text)},
    {.name = "none",
	.type = SCHEMA_TEXT,
	.empty = EMPTY_NULL,
	.fallback = "",
	SCHEMA_AT(struct sample, none)},
    {.name = "kept",
	.type = SCHEMA_TEXT,
	.empty = EMPTY_KEPT,
	.fallback = "",
	SCHEMA_AT(struct sample, kept)},
    {.name = "path", .type = SCHEMA_PATH, SCHEMA_AT(struct sample, path)},
    {.name = "id",
	.type = SCHEMA_TEXT,
	.required = true,
	.format = &format_id,
	SCHEMA_AT(struct sample, id)},
    {.name = "name", .type = SCHEMA_LOCALISED, .max = 3, SCHEMA_AT(struct sample, name)},
    {.name = "number",
	.type = SCHEMA_NUMBER,
	.min = 1,
	.max = 64,
	.fallback = "7",
	SCHEMA_AT(struct sample, number)},
    {.name = "large", .type = SCHEMA_NUMBER, .max = INT64_MAX, SCHEMA_AT(struct sample, large)},
    {.name = "flag", .type = SCHEMA_BOOLEAN, .fallback = "true", SCHEMA_AT(struct sample, flag)},
    {.name = "open",
	.type = SCHEMA_WORD,
	.words = open_words,
	.fallback = "open",
	SCHEMA_AT(struct sample, open)},
    {.name = "colour",
	.type = SCHEMA_WORD,
	.words = colours,
	.fallback = "green",
	SCHEMA_AT(struct sample, colour)},
    {.name = "wait",
	.type = SCHEMA_DURATION,
	.max = 3600000,
	.fallback = "2s",
	SCHEMA_AT(struct sample, wait_ms)},
    {.name = "bytes",
	.type = SCHEMA_SIZE,
	.min = 1,
	.max = 1 << 20,
	.fallback = "8KiB",
	SCHEMA_AT(struct sample, bytes)},
    {.name = "at", .type = SCHEMA_TIME, SCHEMA_AT(struct sample, at_ms)},
    {.name = "tags", .type = SCHEMA_TEXTS, .max = 2, SCHEMA_LIST_AT(struct sample, tags, n_tags)},
    {.name = "items",
	.type = SCHEMA_MAPS,
	.min = 1,
	.max = 3,
	.sub = &item_schema,
	SCHEMA_LIST_AT(struct sample, items, n_items)},
    {.name = "inner", .type = SCHEMA_MAP, .sub = &inner_schema},
    {0},
};
static const struct schema sample_schema = {sample_keys, sizeof(struct sample)};

static int load(struct sample *ret_sample, struct config_errors *ret_errors)
{
	struct document *document = NULL;
	int error = config_errors_init(ret_errors, "f.yaml");

	*ret_sample = (struct sample){0};
	if (!error)
		error = document_load("f.yaml", ret_errors, &document);
	if (!error) {
		const struct schema_source source = {
		    .document = document, .errors = ret_errors, .directory = "etc"};

		error = schema_read(&sample_schema, &source, document_root(document), ret_sample);
		document_free(document);
	}
	config_errors_sort(ret_errors);
	return error;
}

static void test_defaults(void **state)
{
	struct config_errors errors;
	struct sample sample;

	(void)state;
	fixture_write("id: a\n");
	assert_int_equal(load(&sample, &errors), 0);
	assert_int_equal(errors.count, 0);
	assert_string_equal(sample.text, "abc");
	assert_null(sample.none);
	assert_string_equal(sample.kept, "");
	assert_null(sample.path);
	assert_null(sample.name.ko);
	assert_int_equal(sample.number, 7);
	assert_true(sample.flag && sample.open && sample.colour == GREEN);
	assert_int_equal(sample.wait_ms, 2000);
	assert_int_equal(sample.bytes, 8192);
	assert_int_equal(sample.inner.depth, 3);
	assert_int_equal(sample.n_items, 0);
	schema_release(&sample_schema, &sample);
	config_errors_release(&errors);
}

static void test_every_type(void **state)
{
	struct config_errors errors;
	struct sample sample;

	(void)state;
	/* To YAML 1.1 `no` and `on` are booleans and 12:30:45 a number; here they are texts. */
	fixture_write(
	    "id: no\ntext: 1.50\nnone: \"\"\nkept: ''\npath: a/b\n"
	    "name:\n  ko: 나라말\n  en: >\n    a\n    b\n"
	    "number: 64\nlarge: 9000000000\nflag: false\nopen: shut\ncolour: \"red\"\n"
	    "wait: 5m\nbytes: 1MiB\nat: 2026-12-21T09:00:00+09:00\n"
	    "tags: [on, 12:30:45]\n"
	    "items:\n  - id: one\n    weight: 9\n  - {id: two}\n"
	    "inner:\n  depth: -5\n");
	assert_int_equal(load(&sample, &errors), 0);
	assert_int_equal(errors.count, 0);
	assert_string_equal(sample.id, "no");
	assert_string_equal(sample.text, "1.50");
	assert_null(sample.none);
	assert_string_equal(sample.kept, "");
	assert_string_equal(sample.path, "etc/a/b");
	assert_string_equal(sample.name.ko, "나라말");
	assert_string_equal(sample.name.en, "a b");
	assert_int_equal(sample.number, 64);
	assert_int_equal(sample.large, 9000000000);
	assert_false(sample.flag);
	assert_false(sample.open);
	assert_int_equal(sample.colour, RED);
	assert_int_equal(sample.wait_ms, 300000);
	assert_int_equal(sample.bytes, 1 << 20);
	assert_int_equal(sample.at_ms, 1797811200000);
	assert_int_equal(sample.n_tags, 2);
	assert_string_equal(sample.tags[0], "on");
	assert_string_equal(sample.tags[1], "12:30:45");
	assert_int_equal(sample.n_items, 2);
	assert_int_equal(sample.items[0].weight, 9);
	assert_int_equal(sample.items[1].weight, 1);
	assert_int_equal(sample.inner.depth, -5);
	schema_release(&sample_schema, &sample);
	config_errors_release(&errors);
}

static const struct {
	const char *yaml, *errors;
} broken[] = {
    /* keys */
    {"id: a\nnumbre: 3\n", "f.yaml:2:1: unknown key \"numbre\"; did you mean \"number\"?\n"},
    {"id: a\ninner: {wide: 1}\n", "f.yaml:2:9: unknown key \"wide\"; the keys here are: depth\n"},
    {"id: a\nnumber: 3\nid: b\n",
	"f.yaml:3:1: \"id\" is given a second time; it stands on line 1 already\n"},
    {"text: a\n",
	"f.yaml:1:1: \"id\" is missing; it is to be an id of at most 40 characters a-z, 0-9 and -, "
	"beginning with a letter, such as nc-ai\n"},
    {"id: a\n{x: y}: 1\n", "f.yaml:2:1: a key is to be a plain word\n"},
    /* types */
    {"id: a\nnumber: x\n",
	"f.yaml:2:9: \"number\" is to be a whole number from 1 to 64, not \"x\"\n"},
    {"id: a\nnumber: \"3\"\n",
	"f.yaml:2:9: \"number\" is to be a whole number from 1 to 64, not the quoted text \"3\"\n"},
    {"id: a\nnumber: 010\n",
	"f.yaml:2:9: \"number\" is to be a whole number from 1 to 64, not \"010\"\n"},
    {"id: a\nnumber: 65\n",
	"f.yaml:2:9: \"number\" is to be a whole number from 1 to 64, not \"65\"\n"},
    {"id: a\nnumber: 99999999999999999999\n",
	"f.yaml:2:9: \"number\" is to be a whole number from 1 to 64, not "
	"\"99999999999999999999\"\n"},
    {"id: a\nnumber:\n",
	"f.yaml:2:8: \"number\" is to be a whole number from 1 to 64, not nothing\n"},
    {"id: a\nflag: yes\n", "f.yaml:2:7: \"flag\" is to be true or false, not \"yes\"\n"},
    {"id: a\ncolour: blue\n", "f.yaml:2:9: \"colour\" is to be one of red, green, not \"blue\"\n"},
    {"id: a\nwait: 5\n",
	"f.yaml:2:7: \"wait\" is to be a duration such as 500ms, 2s or 5m, from 0s to 1h, not "
	"\"5\"\n"},
    {"id: a\nwait: 61m\n",
	"f.yaml:2:7: \"wait\" is to be a duration such as 500ms, 2s or 5m, from 0s to 1h, not "
	"\"61m\"\n"},
    {"id: a\nbytes: 2MiB\n",
	"f.yaml:2:8: \"bytes\" is to be a size such as 8KiB or 1MiB, from 1 to 1MiB, not "
	"\"2MiB\"\n"},
    {"id: a\nat: 2026-12-21 09:00\n",
	"f.yaml:2:5: \"at\" is to be a time with its offset, such as 2026-12-21T09:00:00+09:00, "
	"not "
	"\"2026-12-21 09:00\"\n"},
    {"id: a\nat: 2026-02-30T09:00:00+09:00\n",
	"f.yaml:2:5: \"at\" is to be a time with its offset, such as 2026-12-21T09:00:00+09:00, "
	"not "
	"\"2026-02-30T09:00:00+09:00\"\n"},
    {"id: a\ntext: [b]\n", "f.yaml:2:7: \"text\" is to be a text, not a list\n"},
    {"id: a\ntext: ~\n", "f.yaml:2:7: \"text\" is to be a text, not nothing\n"},
    {"id: a\ntext: \"\"\n", "f.yaml:2:7: \"text\" is to be a text, not the quoted text \"\"\n"},
    {"id: a\ntags: b\n", "f.yaml:2:7: \"tags\" is to be a list of texts, not \"b\"\n"},
    {"id: a\ntags: [b, {c: d}]\n", "f.yaml:2:11: \"tags\" is to be a text, not a block of keys\n"},
    {"id: a\ninner: 3\n",
	"f.yaml:2:8: \"inner\" is to be a block with the keys depth, not \"3\"\n"},
    {"id: a\nitems: {id: b}\n",
	"f.yaml:2:8: \"items\" is to be a list of blocks with the keys id, weight, not a block of "
	"keys\n"},
    {"- a\n",
	"f.yaml:1:1: \"file\" is to be a block with the keys text, none, kept, path, id, name, "
	"number, large, flag, open, colour, wait, bytes, at, tags, items, inner, not a list\n"},
    /* texts */
    {"id: Nc_Ai\n",
	"f.yaml:1:5: \"id\" is to be an id of at most 40 characters a-z, 0-9 and -, beginning with "
	"a "
	"letter, such as nc-ai, not \"Nc_Ai\"\n"},
    {"id: a2345678901234567890123456789012345678901\n",
	"f.yaml:1:5: \"id\" is to be an id of at most 40 characters a-z, 0-9 and -, beginning with "
	"a "
	"letter, such as nc-ai, not \"a234567890123456789012345678901234567890\"\n"},
    {"id: a\ntext: 가나다라마바\n", "f.yaml:2:7: \"text\" has 6 characters; at most 5 are taken\n"},
    {"id: a\ntext: \"a\\nb\"\n",
	"f.yaml:2:7: \"text\" has a line break or a control character; write it as one line (after "
	"\">-\" lines are joined)\n"},
    {"id: a\ntext: \"a\\0b\"\n",
	"f.yaml:2:7: \"text\" has a line break or a control character; write it as one line (after "
	"\">-\" lines are joined)\n"},
    {"id: a\nname: 가\n",
	"f.yaml:2:7: \"name\" is to be a text in both languages, ko and en, not \"가\"\n"},
    {"id: a\nname: {ko: 가나다라, fr: b}\n",
	"f.yaml:2:7: \"name.en\" is missing; it is to be a text\n"
	"f.yaml:2:12: \"name.ko\" has 4 characters; at most 3 are taken\n"
	"f.yaml:2:18: unknown key \"fr\"; the keys here are: ko, en\n"},
    /* lists */
    {"id: a\nitems: []\n", "f.yaml:2:8: \"items\" has 0 items; at least 1 are needed\n"},
    {"id: a\ntags: [a, b, c]\n", "f.yaml:2:7: \"tags\" has 3 items; at most 2 are taken\n"},
    {"id: a\nitems:\n  - weight: 10\n  - b\n",
	"f.yaml:3:5: \"items.id\" is missing; it is to be an id of at most 40 characters a-z, 0-9 "
	"and -, beginning with a letter, such as nc-ai\n"
	"f.yaml:3:13: \"items.weight\" is to be a whole number from 0 to 9, not \"10\"\n"
	"f.yaml:4:5: \"items\" is to be a block with the keys id, weight, not \"b\"\n"},
    /* columns count characters, not bytes */
    {"id: a\nname: {ko: 가나, en: [x]}\n",
	"f.yaml:2:20: \"name.en\" is to be a text, not a list\n"},
    /* the parts of YAML that are not taken */
    {"id: &x a\ntext: *x\n",
	"f.yaml:1:5: anchors (&x) are not taken; write the value out where it is needed\n"
	"f.yaml:2:7: aliases (*x) are not taken; write the value out\n"},
    {"id: !!str a\n", "f.yaml:1:5: tags (tag:yaml.org,2002:str) are not taken; leave it out\n"},
    {"id: a\n---\nid: b\n", "f.yaml:2:1: a second document begins; a file holds one\n"},
    {"", "f.yaml: is empty\n"},
    {"# nothing\n", "f.yaml: is empty\n"},
    {"id: a\ntext: [[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
	"f.yaml:2:22: nested too deeply; at most 16 levels are taken\n"},
    {"id: a\ninner:\n\tdepth: 3\n", "f.yaml:3:1: a tab stands here; write spaces in its place\n"},
    {"id: a\n...\n",
	"f.yaml:2:1: the sign for a document's end (...) is not taken; leave it out\n"},
    {"id: a\ntags: [가, \"b#\",#\"c\n  d ]#e\n",
	"f.yaml:2:7: \"tags\" has 3 items; at most 2 are taken\n"
	"f.yaml:2:16: a comment begins right behind another sign; write a space before the #\n"
	"f.yaml:3:6: a comment begins right behind another sign; write a space before the #\n"},
    {"id: a # b#?\n? text\n: b\n",
	"f.yaml:2:1: keys behind a question mark are not taken; write the key and its colon on "
	"one line, or the text in quotes\n"},
    {"id: a\ntext: \"abc\n",
	"f.yaml:3:1: not valid YAML: found unexpected end of stream while scanning a quoted scalar "
	"that begins on line 2\n"},
    {"id: a\n text: b\n",
	"f.yaml:2:6: not valid YAML: mapping values are not allowed in this context\n"},
    {"id: a\ntext: \xff\n",
	"f.yaml:2:7: not valid UTF-8 text: invalid leading UTF-8 octet; save the "
	"file as UTF-8\n"},
};

static void test_broken_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct config_errors errors;
		struct sample sample;
		char *text;

		fixture_write(broken[i].yaml);
		(void)!load(&sample, &errors);
		text = fixture_errors(&errors);
		assert_string_equal(text, broken[i].errors);
		free(text);
		schema_release(&sample_schema, &sample);
	}
}

static void test_many_errors_in_one_run(void **state)
{
	struct config_errors errors;
	struct sample sample;
	char *text;

	(void)state;
	fixture_write("wait: soon\nnumber: 0\nid: a\nid: b\ncolor: red\nitems: [{id: B}]\n");
	assert_int_equal(load(&sample, &errors), 0);
	text = fixture_errors(&errors);
	assert_string_equal(text,
	    "f.yaml:1:7: \"wait\" is to be a duration such as 500ms, 2s or 5m, from 0s to 1h, not "
	    "\"soon\"\n"
	    "f.yaml:2:9: \"number\" is to be a whole number from 1 to 64, not \"0\"\n"
	    "f.yaml:4:1: \"id\" is given a second time; it stands on line 3 already\n"
	    "f.yaml:5:1: unknown key \"color\"; did you mean \"colour\"?\n"
	    "f.yaml:6:14: \"items.id\" is to be an id of at most 40 characters a-z, 0-9 and -, "
	    "beginning with a letter, such as nc-ai, not \"B\"\n");
	assert_int_equal(sample.number, 7); /* what is wrong keeps its default */
	free(text);
	schema_release(&sample_schema, &sample);
}

static void test_errors_have_an_end(void **state)
{
	char yaml[2000] = "id: a\n";
	struct config_errors errors;
	struct sample sample;

	(void)state;
	for (int i = 0; i < 150; i++)
		(void)snprintf(yaml + strlen(yaml), sizeof(yaml) - strlen(yaml), "zz%d: 1\n", i);
	fixture_write(yaml);
	assert_int_equal(load(&sample, &errors), 0);
	assert_int_equal(errors.count, CONFIG_ERRORS_MAX + 1);
	config_errors_release(&errors);
	schema_release(&sample_schema, &sample);
}

/* As many values over lines as the file has room for: read line by line from its beginning for
 * each, this would take minutes. */
static void test_a_file_is_read_once(void **state)
{
	static const char head[] = "id: a\ntags: [", value[] = "\"\n a\",";
	size_t len = strlen(head);
	char *yaml = malloc(DOCUMENT_BYTES_MAX), *text;
	struct config_errors errors;
	struct sample sample;

	(void)state;
	assert_non_null(yaml);
	memcpy(yaml, head, len);
	for (; len + strlen(value) < DOCUMENT_BYTES_MAX; len += strlen(value))
		memcpy(yaml + len, value, strlen(value));
	yaml[len++] = ']';
	fixture_write_bytes(yaml, len);
	free(yaml);
	assert_int_equal(load(&sample, &errors), 0);
	text = fixture_errors(&errors);
	assert_string_equal(text, "f.yaml:2:7: \"tags\" has 174760 items; at most 2 are taken\n");
	free(text);
	schema_release(&sample_schema, &sample);
}

static void test_files_that_cannot_be_read(void **state)
{
	struct config_errors errors;
	struct document *document = NULL;
	char *large = malloc(DOCUMENT_BYTES_MAX + 1), *text;

	(void)state;
	assert_non_null(large);
	memset(large, '#', DOCUMENT_BYTES_MAX + 1);
	fixture_write_bytes(large, DOCUMENT_BYTES_MAX + 1);
	free(large);
	assert_int_equal(config_errors_init(&errors, "f.yaml"), 0);
	assert_int_equal(document_load("f.yaml", &errors, &document), -EFBIG);
	text = fixture_errors(&errors);
	assert_string_equal(text, "f.yaml: is too large; at most 1 MiB is read\n");
	free(text);

	assert_int_equal(config_errors_init(&errors, "absent.yaml"), 0);
	assert_int_equal(document_load("absent.yaml", &errors, &document), -ENOENT);
	text = fixture_errors(&errors);
	assert_string_equal(text, "absent.yaml: cannot be read: No such file or directory\n");
	free(text);

	assert_int_equal(config_errors_init(&errors, "."), 0);
	assert_int_equal(document_load(".", &errors, &document), -EISDIR);
	text = fixture_errors(&errors);
	assert_string_equal(text, ".: cannot be read: Is a directory\n");
	free(text);
	assert_null(document);
}

static void test_texts_of_values(void **state)
{
	static const struct {
		const struct text_format *format;
		const char *text;
		bool matches;
	} table[] = {
	    {&format_id, "a-1", true},
	    {&format_id, "1a", false},
	    {&format_id, "", false},
	    {&format_url, "https://www.upstage.ai/", true},
	    {&format_url, "http://www.upstage.ai/", false},
	    {&format_url, "https:///x", false},
	    {&format_url, "https://a b", false},
	    {&format_url, "https://a\"onclick", false},
	    {&format_place, "https://count.example/", true},
	    {&format_place, "https://count.example", true},
	    {&format_place, "https://count.example:8443/kai-stage1/a%20b/", true},
	    {&format_place, "http://count.example/", false},
	    {&format_place, "https://", false},
	    {&format_place, "https:///x", false},
	    {&format_place, "https://.example/", false},
	    {&format_place, "https://Count.example/", false},
	    {&format_place, "https://user@count.example/", false},
	    {&format_place, "https://count.example/?x", false},
	    {&format_place, "https://count.example/#x", false},
	    {&format_place, "https://count.example/'", false},
	    {&format_place, "https://count.example/;x", false},
	    {&format_place, "https://count.example/$x", false},
	    {&format_origin, "https://vote.example", true},
	    {&format_origin, "http://127.0.0.1:8080", true},
	    {&format_origin, "https://vote.example/", false},
	    {&format_origin, "https://Vote.example", false},
	    {&format_origin, "https://a:99999", false},
	    {&format_origin, "*", false},
	    {&format_listen, "127.0.0.1:8080", true},
	    {&format_listen, "[::1]:0", true},
	    {&format_listen, "*:80", true},
	    {&format_listen, "8080", false},
	    {&format_listen, "localhost", false},
	    {&format_listen, "a:65536", false},
	    {&format_redis, "unix:/run/redis.sock", true},
	    {&format_redis, "tcp:127.0.0.1:6379", true},
	    {&format_redis, "127.0.0.1:6379", false},
	    {&format_redis, "unix:", false},
	    {&format_redis, "tcp:a:0", false},
	    {&format_contact, "help@vote.example", true},
	    {&format_contact, "https://vote.example/help", true},
	    {&format_contact, "@vote.example", false},
	    {&format_contact, "vote.example", false},
	    {&format_time_zone, "Asia/Seoul", true},
	    {&format_time_zone, "UTC", true},
	    {&format_time_zone, "Mars/Phobos", false},
	    {&format_time_zone, "+09:00", false},
	    {&format_server_name, "vote.example", true},
	    {&format_server_name, "a b", false},
	    {&format_server_name, "a/b", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].format->matches(table[i].text) != table[i].matches)
			fail_msg("%s", table[i].text);
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"opens_at", "closes_at", "id", "entries"};
	static const struct {
		const char *word, *nearest;
	} table[] = {{"open_at", "opens_at"}, {"close_at", "closes_at"}, {"entires", "entries"},
	    {"di", "id"}, {"zz", NULL}, {"voters", NULL}, {"", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *nearest = value_nearest(table[i].word, words, 4);

		if (table[i].nearest)
			assert_string_equal(nearest, table[i].nearest);
		else
			assert_null(nearest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_every_type),
	    cmocka_unit_test(test_broken_files),
	    cmocka_unit_test(test_many_errors_in_one_run),
	    cmocka_unit_test(test_errors_have_an_end),
	    cmocka_unit_test(test_a_file_is_read_once),
	    cmocka_unit_test(test_files_that_cannot_be_read),
	    cmocka_unit_test(test_texts_of_values),
	    cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
