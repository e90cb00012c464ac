/* Single values of a schema: texts, numbers, words, times. Does not walk the tree. */
#include "config/schema_scalar.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define TEXT_MAX_DEFAULT 200

/* ---- words for messages ---- */

struct schema_path schema_path(const struct schema_place *place)
{
	struct schema_path path = {"file"}, above;

	if (!place)
		return path;
	if (!place->parent) {
		(void)snprintf(path.text, sizeof(path.text), "%s", place->name);
		return path;
	}
	above = schema_path(place->parent);
	if (snprintf(path.text, sizeof(path.text), "%s.%s", above.text, place->name) < 0)
		path.text[0] = '\0';
	return path;
}

static void expected_words(const struct schema_key *key, char ret_text[SCHEMA_EXPECTED_MAX])
{
	size_t len = (size_t)snprintf(ret_text, SCHEMA_EXPECTED_MAX, "one of ");

	for (size_t i = 0; key->words[i] && len < SCHEMA_EXPECTED_MAX; i++)
		len += (size_t)snprintf(ret_text + len, SCHEMA_EXPECTED_MAX - len, "%s%s",
		    i ? ", " : "", key->words[i]);
}

static void expected_block(const struct schema_key *key, char ret_text[SCHEMA_EXPECTED_MAX])
{
	size_t len = (size_t)snprintf(ret_text, SCHEMA_EXPECTED_MAX, "%s",
	    key->type == SCHEMA_MAPS ? "a list of blocks with the keys "
				     : "a block with the keys ");
	const struct schema_key *first = key->sub->keys;

	for (const struct schema_key *k = first; k->name && len < SCHEMA_EXPECTED_MAX; k++)
		len += (size_t)snprintf(ret_text + len, SCHEMA_EXPECTED_MAX - len, "%s%s",
		    k == first ? "" : ", ", k->name);
}

static void expected_range(const struct schema_key *key, const char *what,
    void (*format)(int64_t value, char *ret_text, size_t cap), char ret_text[SCHEMA_EXPECTED_MAX])
{
	char min[32], max[32];

	format(key->min, min, sizeof(min));
	format(key->max, max, sizeof(max));
	(void)snprintf(ret_text, SCHEMA_EXPECTED_MAX, "%s from %s to %s", what, min, max);
}

static void format_number(int64_t value, char *ret_text, size_t cap)
{
	(void)snprintf(ret_text, cap, "%" PRId64, value);
}

void schema_expected(const struct schema_key *key, char ret_text[SCHEMA_EXPECTED_MAX])
{
	const char *fixed = "a list of texts";

	switch (key->type) {
	case SCHEMA_NUMBER:
		expected_range(key, "a whole number", format_number, ret_text);
		return;
	case SCHEMA_DURATION:
		expected_range(
		    key, "a duration such as 500ms, 2s or 5m,", value_format_duration, ret_text);
		return;
	case SCHEMA_SIZE:
		expected_range(key, "a size such as 8KiB or 1MiB,", value_format_size, ret_text);
		return;
	case SCHEMA_WORD:
		expected_words(key, ret_text);
		return;
	case SCHEMA_MAP:
	case SCHEMA_MAPS:
	case SCHEMA_ASIDE:
		expected_block(key, ret_text);
		return;
	case SCHEMA_BOOLEAN:
		fixed = "true or false";
		break;
	case SCHEMA_TIME:
		fixed = "a time with its offset, such as 2026-12-21T09:00:00+09:00";
		break;
	case SCHEMA_PATH:
		fixed = "a path";
		break;
	case SCHEMA_PATHS:
		fixed = "a list of paths";
		break;
	case SCHEMA_LOCALISED:
		fixed = "a text in both languages, ko and en";
		break;
	case SCHEMA_TEXT:
		fixed = key->format ? key->format->expected : "a text";
		break;
	case SCHEMA_TEXTS:
		break;
	}
	(void)snprintf(ret_text, SCHEMA_EXPECTED_MAX, "%s", fixed);
}

static bool is_quoted(const yaml_node_t *node)
{
	return node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
}

static bool is_nothing(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	return node->type == YAML_SCALAR_NODE && !is_quoted(node) &&
	       (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

/* At most 40 characters of a text stand in a message. */
static int quotable(const char *text)
{
	size_t bytes = 0, characters = 0;

	for (; text[bytes]; bytes++)
		if (((unsigned char)text[bytes] & 0xC0) != 0x80 && ++characters > 40)
			break;
	return (int)bytes;
}

static void refuse_with(const char *expected, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *node)
{
	struct schema_path path = schema_path(place);
	const char *text;

	if (node->type != YAML_SCALAR_NODE) {
		document_error(source->errors, node, "\"%s\" is to be %s, not a %s", path.text,
		    expected, node->type == YAML_SEQUENCE_NODE ? "list" : "block of keys");
		return;
	}
	if (is_nothing(node)) {
		document_error(
		    source->errors, node, "\"%s\" is to be %s, not nothing", path.text, expected);
		return;
	}
	text = (const char *)node->data.scalar.value;
	document_error(source->errors, node, "\"%s\" is to be %s, not %s\"%.*s\"", path.text,
	    expected, is_quoted(node) ? "the quoted text " : "", quotable(text), text);
}

int schema_refuse(const struct schema_key *key, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *node)
{
	char expected[SCHEMA_EXPECTED_MAX];

	schema_expected(key, expected);
	refuse_with(expected, source, place, node);
	return 0;
}

/* ---- numbers, words, times ---- */

static void store_integer(const struct schema_key *key, int64_t value, void *member)
{
	int32_t narrow = (int32_t)(uint32_t)value;
	bool flag = value != 0;

	if (key->size == sizeof(flag))
		memcpy(member, &flag, sizeof(flag));
	else if (key->size == sizeof(narrow))
		memcpy(member, &narrow, sizeof(narrow));
	else
		memcpy(member, &value, sizeof(value));
}

static int word_index(const char *const *words, const char *text, int64_t *ret_index)
{
	for (size_t i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0) {
			*ret_index = (int64_t)i;
			return 0;
		}
	}
	return -EINVAL;
}

static bool has_range(const struct schema_key *key)
{
	return key->type == SCHEMA_NUMBER || key->type == SCHEMA_DURATION ||
	       key->type == SCHEMA_SIZE;
}

/* Times that can be said in UTC, too: the years 1970 to 9999, but for the first moment, which
 * stands for none. 0 or -EINVAL. */
static int read_time(const char *text, int64_t *ret_ms)
{
	return clock_parse(slice_text(text), ret_ms) == 0 && *ret_ms > 0 && *ret_ms <= CLOCK_LAST_MS
		   ? 0
		   : -EINVAL;
}

/* The integer that a text stands for in this key. 0 or -EINVAL. */
static int integer_of(const struct schema_key *key, const char *text, int64_t *ret_value)
{
	static const char *const booleans[] = {"false", "true", NULL};
	int64_t value = 0;
	int error;

	switch (key->type) {
	case SCHEMA_BOOLEAN:
		error = word_index(booleans, text, &value);
		break;
	case SCHEMA_WORD:
		error = word_index(key->words, text, &value);
		break;
	case SCHEMA_TIME:
		error = read_time(text, &value);
		break;
	case SCHEMA_DURATION:
		error = value_duration(text, &value);
		break;
	case SCHEMA_SIZE:
		error = value_size(text, &value);
		break;
	default:
		error = value_number(text, &value);
		break;
	}
	if (!error && has_range(key) && (value < key->min || value > key->max))
		error = -EINVAL;
	if (!error)
		*ret_value = value;
	return error;
}

static int read_integer(const struct schema_key *key, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *node, void *member)
{
	bool may_be_quoted = key->type != SCHEMA_NUMBER && key->type != SCHEMA_BOOLEAN;
	int64_t value;

	if (node->type != YAML_SCALAR_NODE || (is_quoted(node) && !may_be_quoted) ||
	    strlen((const char *)node->data.scalar.value) != node->data.scalar.length ||
	    integer_of(key, (const char *)node->data.scalar.value, &value) != 0)
		return schema_refuse(key, source, place, node);
	store_integer(key, value, member);
	return 0;
}

/* ---- texts ---- */

/* `text` where it is absolute or empty, else below the directory. NULL: memory. */
static char *resolve(const char *directory, const char *text)
{
	char *path;

	if (*text == '/' || !directory || strcmp(directory, ".") == 0)
		return strdup(text);
	return asprintf(&path, "%s/%s", directory, text) < 0 ? NULL : path;
}

static int store_text(const struct schema_key *key, const struct schema_source *source,
    const char *text, void *member)
{
	char *copy = NULL;

	if (*text || key->empty == EMPTY_KEPT) {
		copy = key->type == SCHEMA_PATH && *text ? resolve(source->directory, text)
							 : strdup(text);
		if (!copy)
			return -ENOMEM;
	}
	free(*(char **)member);
	*(char **)member = copy;
	return 0;
}

/* A copy of the node's text without the line feed that ends a folded or literal block and that
 * nobody means. NULL: memory. */
static char *copy_text(const yaml_node_t *node)
{
	size_t len = node->data.scalar.length;

	while (len > 0 && node->data.scalar.value[len - 1] == '\n')
		len--;
	return strndup((const char *)node->data.scalar.value, len);
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7F)
			return true;
	return false;
}

static int check_and_store(const struct schema_key *key, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *node, const char *text, void *member)
{
	size_t max = key->max ? (size_t)key->max : TEXT_MAX_DEFAULT;
	size_t characters = value_characters(text);

	if (has_control(text) || memchr(node->data.scalar.value, 0, node->data.scalar.length))
		document_error(source->errors, node,
		    "\"%s\" has a line break or a control character; write it as one line (after "
		    "\">-\" lines are joined)",
		    schema_path(place).text);
	else if (characters > max)
		document_error(source->errors, node,
		    "\"%s\" has %zu characters; at most %zu are taken", schema_path(place).text,
		    characters, max);
	else if (!*text && key->empty == EMPTY_REFUSED)
		return schema_refuse(key, source, place, node);
	else if (*text && key->format && !key->format->matches(text))
		return schema_refuse(key, source, place, node);
	else
		return store_text(key, source, text, member);
	return 0;
}

static int read_text(const struct schema_key *key, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *node, void *member)
{
	char *text;
	int error;

	if (node->type != YAML_SCALAR_NODE || is_nothing(node))
		return schema_refuse(key, source, place, node);
	text = copy_text(node);
	if (!text)
		return -ENOMEM;
	error = check_and_store(key, source, place, node, text, member);
	free(text);
	return error;
}

static bool is_text(const struct schema_key *key)
{
	return key->type == SCHEMA_TEXT || key->type == SCHEMA_PATH;
}

int schema_read_scalar(const struct schema_key *key, const struct schema_source *source,
    const struct schema_place *place, const yaml_node_t *node, void *member)
{
	if (is_text(key))
		return read_text(key, source, place, node, member);
	return read_integer(key, source, place, node, member);
}

int schema_set_default(
    const struct schema_key *key, const struct schema_source *source, void *member)
{
	int64_t value = 0;
	int error;

	if (is_text(key))
		return store_text(key, source, key->fallback, member);
	error = integer_of(key, key->fallback, &value);
	assert(!error);
	if (!error)
		store_integer(key, value, member);
	return 0;
}
