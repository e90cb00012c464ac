/* What a draw needs of a certified result's document. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "config/programme_draw.h"

static int keep_advanced(const json_t *list, struct config_errors *errors, struct round_result *to)
{
	size_t n = json_array_size(list);

	to->advanced = calloc(n + 1, sizeof(*to->advanced));
	if (!to->advanced)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *id = json_string_value(json_array_get(list, i));

		if (!id) {
			config_errors_add(
			    errors, 0, 0, "item %zu of \"advanced\" is no entry's id", i + 1);
			continue;
		}
		to->advanced[to->n_advanced] = strdup(id);
		if (!to->advanced[to->n_advanced++])
			return -ENOMEM;
	}
	return 0;
}

static int read_document(
    const json_t *document, struct config_errors *errors, struct round_result *to)
{
	const json_t *contest = json_object_get(document, "contest");
	const json_t *rehearsal = json_object_get(document, "rehearsal");
	const json_t *version = json_object_get(document, "version");
	const json_t *advanced = json_object_get(document, "advanced");

	if (!json_is_string(contest) || !json_is_boolean(rehearsal) || !json_is_integer(version) ||
	    !json_is_array(advanced)) {
		config_errors_add(errors, 0, 0,
		    "is no result's document: it is to have \"contest\", \"rehearsal\", "
		    "\"version\" "
		    "and \"advanced\", as tallyctl result prints it");
		return 0;
	}
	to->contest = strdup(json_string_value(contest));
	if (!to->contest)
		return -ENOMEM;
	to->rehearsal = json_is_true(rehearsal);
	to->version = json_integer_value(version);
	return keep_advanced(advanced, errors, to);
}

/* The document itself, or the one in the wrapping that the API gives it in. */
static json_t *unwrap(json_t *outer, struct config_errors *errors)
{
	const json_t *text = json_object_get(outer, "document");
	json_error_t why;
	json_t *document;

	if (!json_is_string(text))
		return outer;
	document = json_loads(json_string_value(text), JSON_REJECT_DUPLICATES, &why);
	if (!document)
		config_errors_add(errors, 0, 0, "\"document\" is not valid JSON: %s", why.text);
	json_decref(outer);
	return document;
}

int round_result_load(
    const char *path, struct config_errors *errors, struct round_result *ret_result)
{
	struct round_result result = {0};
	json_error_t why;
	json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	int error = 0;

	if (document)
		document = unwrap(document, errors);
	else
		config_errors_add(errors, why.line > 0 ? why.line : 0,
		    why.line > 0 ? why.column : 0, "cannot be read: %s", why.text);
	if (document)
		error = read_document(document, errors, &result);
	json_decref(document);
	if (!error && errors->count > 0)
		error = -EINVAL;
	if (error)
		round_result_release(&result);
	else
		*ret_result = result;
	return error;
}

void round_result_release(struct round_result *result)
{
	for (size_t i = 0; i < result->n_advanced; i++)
		free(result->advanced[i]);
	free(result->advanced);
	free(result->contest);
	*result = (struct round_result){0};
}
