/* JSON of a bundle: canonical or refused, and told apart member by member. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify_impl.h"

enum { TOLD_MAX = 5, DEPTH_MAX = 32, SHOWN_MAX = 160, DIGITS_MAX = 15 };

char *verify_canonical(const json_t *json)
{
	return json_dumps(
	    json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY);
}

/* ---- numbers ---- */

/* At most 15 digits, at most four of them behind the point, and no zero with a sign. */
static bool is_plain_number(const json_t *json)
{
	double value = json_number_value(json);
	char digits[64];

	if (!(fabs(value) < 1e15))
		return false;
	if (json_is_integer(json))
		return true;
	(void)snprintf(digits, sizeof(digits), "%.4f", value);
	double again = strtod(digits, NULL);
	return !(again < value || again > value) &&
	       !(fpclassify(value) == FP_ZERO && signbit(value));
}

static bool settle(json_t *json, unsigned depth);

/* Whole numbers that are written "1.0" become what they are: 1. */
static json_t *settled(json_t *value)
{
	double number = json_real_value(value);

	return json_is_real(value) && !(number < trunc(number) || number > trunc(number))
		   ? json_integer((json_int_t)number)
		   : json_incref(value);
}

static bool settle_object(json_t *json, unsigned depth)
{
	const char *name;
	json_t *value;
	void *next;
	bool good = true;

	json_object_foreach_safe(json, next, name, value)
	{
		good &=
		    settle(value, depth) && json_object_set_new(json, name, settled(value)) == 0;
	}
	return good;
}

static bool settle_array(json_t *json, unsigned depth)
{
	bool good = true;

	for (size_t i = 0; i < json_array_size(json); i++) {
		json_t *value = json_array_get(json, i);
		good &= settle(value, depth) && json_array_set_new(json, i, settled(value)) == 0;
	}
	return good;
}

/* False: a number that no file may have, or too deep. */
static bool settle(json_t *json, unsigned depth)
{
	if (json_is_object(json))
		return depth < DEPTH_MAX && settle_object(json, depth + 1);
	if (json_is_array(json))
		return depth < DEPTH_MAX && settle_array(json, depth + 1);
	return !json_is_number(json) || is_plain_number(json);
}

/* ---- reading ---- */

/* A value takes up to 250 bytes of memory, and may be written in three. */
static bool is_modest(struct slice text)
{
	size_t n = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.len && n <= VERIFY_VALUES_MAX; i++) {
		char c = text.ptr[i];

		if (c == '"')
			quoted = !quoted;
		else if (quoted)
			i += c == '\\';
		else
			n += c == '[' || c == '{' || c == ',';
	}
	return n <= VERIFY_VALUES_MAX;
}

json_t *verify_load(struct slice text, json_error_t *error)
{
	if (is_modest(text))
		return json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, error);
	(void)snprintf(
	    error->text, sizeof(error->text), "it has more than %d values", VERIFY_VALUES_MAX);
	return NULL;
}

json_t *verify_parse(struct verify *verify, const char *path, json_type type, struct slice text)
{
	json_error_t error;
	json_t *json = verify_load(text, &error);
	char *again;

	if (!json || json_typeof(json) != type) {
		verify_find(verify, VERIFY_AT(path), "is no JSON %s: %s.",
		    type == JSON_ARRAY ? "list" : "object", json ? "it is another" : error.text);
		json_decref(json);
		return NULL;
	}
	again = verify_canonical(json);
	if (!again)
		verify_fail(verify, -ENOMEM, path);
	else if (!slice_is(text, again) || !settle(json, 0))
		verify_find(verify, VERIFY_AT(path),
		    "is not canonical JSON: compact, members sorted, numbers of at most %d digits "
		    "and "
		    "4 decimals, nothing at the end.",
		    DIGITS_MAX);
	free(again);
	return json;
}

json_t *verify_take_json(struct verify *verify, const char *path, json_type type)
{
	struct slice text;

	return verify_take(verify, path, VERIFY_JSON_MAX, &text)
		   ? verify_parse(verify, path, type, text)
		   : NULL;
}

/* ---- differences ---- */

struct difference {
	struct verify *verify;
	const char *path;
	const char *entry; /* of the row that is looked at */
	unsigned told;
};

/* A value for a sentence: its JSON, cut where it is long. */
static void show(const json_t *json, char ret_text[SHOWN_MAX])
{
	char *text = json ? verify_canonical(json) : NULL;

	(void)snprintf(ret_text, SHOWN_MAX, "%s", json == NULL ? "missing" : text ? text : "?");
	if (text && strlen(text) >= SHOWN_MAX)
		memcpy(ret_text + SHOWN_MAX - 4, "...", 4);
	free(text);
}

static void tell(
    struct difference *difference, const char *name, const json_t *is, const json_t *should)
{
	char is_text[SHOWN_MAX], should_text[SHOWN_MAX];

	if (difference->told++ >= TOLD_MAX)
		return;
	show(is, is_text);
	show(should, should_text);
	verify_find(difference->verify,
	    (struct verify_place){difference->path, -1, -1, difference->entry},
	    "%s is %s, should be %s.", name[0] ? name : "it", is_text, should_text);
}

/* 1 and 1.0 are one number. */
static bool same_number(const json_t *is, const json_t *should)
{
	return json_is_number(is) && json_is_number(should) &&
	       json_is_integer(is) != json_is_integer(should) &&
	       !(json_number_value(is) < json_number_value(should) ||
		   json_number_value(is) > json_number_value(should));
}

static bool compare(struct difference *difference, const char *name, unsigned depth,
    const json_t *is, const json_t *should);

static bool compare_objects(struct difference *difference, const char *name, unsigned depth,
    const json_t *is, const json_t *should)
{
	const char *outer = difference->entry;
	const char *entry = json_string_value(json_object_get(should, "entry"));
	char inner[VERIFY_PATH_MAX];
	const char *key;
	json_t *value;
	bool same = true;

	if (entry)
		difference->entry = entry;
	json_object_foreach((json_t *)(uintptr_t)should, key, value)
	{
		(void)snprintf(inner, sizeof(inner), "%s%s%s", name, name[0] ? "." : "", key);
		same &= compare(difference, inner, depth + 1, json_object_get(is, key), value);
	}
	json_object_foreach((json_t *)(uintptr_t)is, key, value)
	{
		if (json_object_get(should, key))
			continue;
		(void)snprintf(inner, sizeof(inner), "%s%s%s", name, name[0] ? "." : "", key);
		tell(difference, inner, value, NULL);
		same = false;
	}
	difference->entry = outer;
	return same;
}

static bool compare_arrays(struct difference *difference, const char *name, unsigned depth,
    const json_t *is, const json_t *should)
{
	char inner[VERIFY_PATH_MAX];
	bool same = true;

	if (json_array_size(is) != json_array_size(should)) {
		(void)snprintf(inner, sizeof(inner), "%s: the number of items", name);
		json_t *n_is = json_integer((json_int_t)json_array_size(is));
		json_t *n_should = json_integer((json_int_t)json_array_size(should));
		tell(difference, inner, n_is, n_should);
		json_decref(n_is);
		json_decref(n_should);
		same = false;
	}
	for (size_t i = 0; i < json_array_size(is) && i < json_array_size(should); i++) {
		(void)snprintf(inner, sizeof(inner), "%s[%zu]", name, i);
		same &= compare(
		    difference, inner, depth + 1, json_array_get(is, i), json_array_get(should, i));
	}
	return same;
}

static bool compare(struct difference *difference, const char *name, unsigned depth,
    const json_t *is, const json_t *should)
{
	if (depth < DEPTH_MAX && json_is_object(is) && json_is_object(should))
		return compare_objects(difference, name, depth, is, should);
	if (depth < DEPTH_MAX && json_is_array(is) && json_is_array(should))
		return compare_arrays(difference, name, depth, is, should);
	if (json_equal(is, should) || (!is && !should) || same_number(is, should))
		return true;
	tell(difference, name, is, should);
	return false;
}

/* As it would be read from a file: what was computed has more digits than what is written. */
static json_t *as_written(const json_t *json)
{
	char *text = verify_canonical(json);
	json_t *again = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	free(text);
	return again;
}

bool verify_same(struct verify *verify, const char *path, const char *name, const json_t *is,
    const json_t *should)
{
	struct difference difference = {.verify = verify, .path = path};
	json_t *written = should ? as_written(should) : NULL;
	bool same;

	if (should && !written) {
		verify_fail(verify, -ENOMEM, path);
		return false;
	}
	same = compare(&difference, name ? name : "", 0, is, written);
	if (difference.told > TOLD_MAX)
		verify_find(verify, VERIFY_AT(path), "%s differs in %u more places.",
		    name ? name : "it", difference.told - TOLD_MAX);
	json_decref(written);
	return same;
}
