/* What was read at one moment, looked up by name. Borrows everything from Redis' reply. */
#include "store/desk_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int desk_number(struct slice text, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (text.len == 0 || text.len > 15 || (text.len > 1 && text.ptr[0] == '0'))
		return -EBADMSG;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -EBADMSG;
		number = number * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	*ret_number = number;
	return 0;
}

/* ---- wants ---- */

static bool is_wanted(const struct desk_wants *wants, const struct desk_want *want)
{
	if (want->hash == DESK_RECORD || wants->all[want->hash])
		return true;
	for (size_t i = 0; i < wants->n; i++) {
		if (wants->fields[i].hash == want->hash &&
		    strcmp(wants->fields[i].name, want->field) == 0)
			return true;
	}
	return false;
}

void desk_wants_init(struct desk_wants *wants, const struct desk_want *given, size_t n)
{
	assert(n <= DESK_WANTS_MAX);
	wants->n = 0;
	memset(wants->all, 0, sizeof(wants->all));
	for (size_t i = 0; i < n; i++) {
		if (!given[i].field)
			wants->all[given[i].hash] = true;
	}
	for (size_t i = 0; i < n; i++) {
		size_t len;

		if (is_wanted(wants, &given[i]))
			continue;
		len = strlen(given[i].field);
		if (len > DESK_FIELD_MAX)
			continue; /* no such field can have been written */
		wants->fields[wants->n].hash = given[i].hash;
		memcpy(wants->fields[wants->n].name, given[i].field, len + 1);
		wants->n++;
	}
}

bool desk_wants_hash(const struct desk_wants *wants, enum desk_hash hash)
{
	if (wants->all[hash])
		return hash != DESK_RECORD;
	for (size_t i = 0; i < wants->n; i++) {
		if (wants->fields[i].hash == hash)
			return true;
	}
	return false;
}

/* ---- the view ---- */

static int compare_names(struct slice a, struct slice b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_fields(const void *a, const void *b)
{
	const struct view_field *x = a, *y = b;

	return compare_names(x->name, y->name);
}

static int read_column(struct view_column *column, const struct redis_reply *pairs)
{
	size_t n = redis_reply_count(pairs) / 2;

	if (redis_reply_kind(pairs) != REDIS_ARRAY || redis_reply_count(pairs) % 2 != 0)
		return -EBADMSG;
	if (n == 0)
		return 0;
	column->fields = calloc(n, sizeof(*column->fields));
	if (!column->fields)
		return -ENOMEM;
	column->n = n;
	for (size_t i = 0; i < n; i++) {
		column->fields[i].name = redis_reply_text(redis_reply_at(pairs, 2 * i));
		column->fields[i].value = redis_reply_text(redis_reply_at(pairs, 2 * i + 1));
	}
	qsort(column->fields, n, sizeof(*column->fields), compare_fields);
	return 0;
}

/* Absent until the first change. */
static int record_number(const struct desk_view *view, const char *field, uint64_t *ret)
{
	struct slice text = desk_get(view, DESK_RECORD, field);

	*ret = 0;
	return text.ptr ? desk_number(text, ret) : 0;
}

static int read_record(struct desk_view *view)
{
	int r = record_number(view, "n", &view->size);

	if (r == 0)
		r = record_number(view, "version", &view->version);
	if (r < 0)
		return r;
	view->head = desk_get(view, DESK_RECORD, "head");
	return view->head.len == (view->size > 0 ? DESK_HASH_LEN : 0) ? 0 : -EBADMSG;
}

int desk_view_init(
    struct desk_view *view, const struct desk_wants *wants, const struct redis_reply *reply)
{
	size_t at = 1;
	int r;

	memset(view, 0, sizeof(*view));
	if (redis_reply_count(reply) == 0)
		return -EBADMSG;
	view->now_ms = redis_reply_integer(redis_reply_at(reply, 0));
	r = view->now_ms > 0 ? 0 : -EBADMSG;
	for (int hash = 0; r == 0 && hash < DESK_HASHES; hash++) {
		if (hash != DESK_RECORD && !desk_wants_hash(wants, (enum desk_hash)hash))
			continue;
		r = at < redis_reply_count(reply)
			? read_column(&view->columns[hash], redis_reply_at(reply, at))
			: -EBADMSG;
		at++;
	}
	if (r == 0 && at != redis_reply_count(reply))
		r = -EBADMSG;
	if (r == 0)
		r = read_record(view);
	if (r < 0)
		desk_view_release(view);
	return r;
}

void desk_view_release(struct desk_view *view)
{
	for (int hash = 0; hash < DESK_HASHES; hash++)
		free(view->columns[hash].fields);
	memset(view, 0, sizeof(*view));
}

int64_t desk_now_ms(const struct desk_view *view)
{
	return view->now_ms;
}

uint64_t desk_size(const struct desk_view *view)
{
	return view->size;
}

uint64_t desk_version(const struct desk_view *view)
{
	return view->version;
}

struct slice desk_get(const struct desk_view *view, enum desk_hash hash, const char *field)
{
	const struct view_column *column = &view->columns[hash];
	struct view_field key = {.name = slice_text(field)};
	const struct view_field *found = NULL;

	if (column->n > 0)
		found = bsearch(
		    &key, column->fields, column->n, sizeof(*column->fields), compare_fields);
	return found ? found->value : slice_make(NULL, 0);
}

size_t desk_count(const struct desk_view *view, enum desk_hash hash)
{
	return view->columns[hash].n;
}

void desk_at(const struct desk_view *view, enum desk_hash hash, size_t i, struct slice *ret_field,
    struct slice *ret_value)
{
	*ret_field = view->columns[hash].fields[i].name;
	*ret_value = view->columns[hash].fields[i].value;
}
