/* A change of the record while a decision fills it, and the one call that writes it. */
#include "store/desk_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/clock.h"
#include "base/encode.h"

void desk_change_init(struct desk_change *change)
{
	memset(change, 0, sizeof(*change));
	buf_init(&change->text, DESK_CHANGE_BYTES_MAX);
	buf_init(&change->sheet, DESK_VALUE_MAX);
}

void desk_change_release(struct desk_change *change)
{
	buf_release(&change->text);
	buf_release(&change->sheet);
	free(change->ops);
	json_decref(change->entry);
	free(change->json);
	desk_change_init(change);
}

/* Remembers the first error. */
static int change_result(struct desk_change *change, int r)
{
	if (r == -ENOBUFS)
		r = -E2BIG;
	if (r < 0 && change->error == 0)
		change->error = r;
	return r;
}

/* ---- filling ---- */

/* Fields of the record that only the desk itself writes. */
static bool is_reserved(enum desk_hash hash, const char *field)
{
	return hash == DESK_RECORD && (strcmp(field, "n") == 0 || strcmp(field, "head") == 0 ||
					  strcmp(field, "version") == 0);
}

static int reserve_op(struct desk_change *change)
{
	size_t cap = change->cap ? 2 * change->cap : 16;
	struct change_op *grown;

	if (change->n == DESK_CHANGES_MAX)
		return -E2BIG;
	if (change->n < change->cap)
		return 0;
	grown = reallocarray(change->ops, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	change->ops = grown;
	change->cap = cap;
	return 0;
}

static int add_op(struct desk_change *change, enum desk_hash hash, bool unset, const char *field,
    struct slice value)
{
	struct change_op op = {.hash = hash, .unset = unset, .field = change->text.len};
	int r;

	op.field_len = strlen(field);
	op.value_len = value.len;
	if (is_reserved(hash, field))
		return -EINVAL;
	if (op.field_len > DESK_FIELD_MAX || op.value_len > DESK_VALUE_MAX)
		return -E2BIG;
	r = reserve_op(change);
	if (r == 0)
		r = buf_append(&change->text, field, op.field_len);
	op.value = change->text.len;
	if (r == 0)
		r = buf_append_slice(&change->text, value);
	if (r == 0)
		change->ops[change->n++] = op;
	return r;
}

int desk_set(struct desk_change *change, enum desk_hash hash, const char *field, struct slice value)
{
	return change_result(change, add_op(change, hash, false, field, value));
}

int desk_unset(struct desk_change *change, enum desk_hash hash, const char *field)
{
	return change_result(change, add_op(change, hash, true, field, slice_make("", 0)));
}

int desk_note(struct desk_change *change, json_t *entry)
{
	if (change->entry || !json_is_string(json_object_get(entry, "act")) ||
	    !json_is_string(json_object_get(entry, "who"))) {
		json_decref(entry);
		return change_result(change, entry ? -EINVAL : -ENOMEM);
	}
	change->entry = entry;
	return 0;
}

int desk_revise(struct desk_change *change, const char *person, struct slice sheet)
{
	size_t len = strlen(person);

	if (len == 0 || change->person[0])
		return change_result(change, -EINVAL);
	if (len > DESK_FIELD_MAX)
		return change_result(change, -E2BIG);
	if (RAND_bytes(change->salt, sizeof(change->salt)) != 1)
		return change_result(change, -EIO);
	memcpy(change->person, person, len + 1);
	return change_result(change, buf_append_slice(&change->sheet, sheet));
}

void desk_bump(struct desk_change *change)
{
	change->bump = true;
}

void desk_before(struct desk_change *change, int64_t ms)
{
	if (ms > 0 && (change->before_ms == 0 || ms < change->before_ms))
		change->before_ms = ms;
}

/* ---- sealing ---- */

static int set_text(json_t *entry, const char *key, const char *text)
{
	return json_object_set_new(entry, key, json_string(text)) == 0 ? 0 : -ENOMEM;
}

static int set_hash(json_t *entry, const char *key, const void *hash)
{
	char text[HEX_SIZE(DESK_HASH_LEN)];

	hex_encode(hash, DESK_HASH_LEN, text);
	return set_text(entry, key, text);
}

static int set_commitment(struct desk_change *change)
{
	uint8_t commitment[DESK_HASH_LEN];

	if (!change->person[0])
		return 0;
	desk_commitment(change->salt, buf_slice(&change->sheet), commitment);
	return set_hash(change->entry, "sheet", commitment);
}

int desk_change_seal(
    struct desk_change *change, const struct desk *desk, const struct desk_view *view)
{
	char at[CLOCK_TEXT_SIZE];
	int r = change->error;

	if (r == 0 && !change->entry)
		r = -EINVAL;
	if (r < 0)
		return r;
	change->size = view->size;
	change->head_len = view->head.len;
	if (view->head.len > 0)
		memcpy(change->head, view->head.ptr, DESK_HASH_LEN);
	r = set_text(change->entry, "at", clock_format(view->now_ms, 1, at));
	if (r == 0)
		r = set_hash(change->entry, "prev",
		    view->head.len > 0 ? (const void *)view->head.ptr : desk->genesis);
	if (r == 0)
		r = set_commitment(change);
	if (r == 0 &&
	    json_object_set_new(change->entry, "n", json_integer((json_int_t)view->size + 1)) < 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	change->json = json_dumps(change->entry, JSON_COMPACT | JSON_SORT_KEYS);
	if (!change->json)
		return -ENOMEM;
	if (strlen(change->json) > DESK_VALUE_MAX)
		return -E2BIG;
	desk_entry_hash(slice_text(change->json), change->hash);
	return 0;
}

/* ---- sending ---- */

/* KEYS are record, audit, revisions, then those of the other hashes changed; ret_numbers says which
 * is whose, as a digit. */
static size_t put_keys(const struct desk_change *change, const struct desk *desk,
    char ret_numbers[DESK_HASHES], struct slice *ret_argv)
{
	size_t n = 3;

	ret_argv[0] = slice_text(desk->keys[DESK_RECORD]);
	ret_argv[1] = slice_text(desk->audit_key);
	ret_argv[2] = slice_text(desk->revisions_key);
	memset(ret_numbers, 0, DESK_HASHES);
	ret_numbers[DESK_RECORD] = '1';
	for (size_t i = 0; i < change->n; i++) {
		enum desk_hash hash = change->ops[i].hash;

		if (ret_numbers[hash])
			continue;
		ret_argv[n++] = slice_text(desk->keys[hash]);
		ret_numbers[hash] = (char)('0' + n);
	}
	return n;
}

_Static_assert(3 + DESK_HASHES - 1 <= 9, "keys are numbered by one digit");

static void put_op(const struct desk_change *change, const struct change_op *op, const char *number,
    struct slice ret_argv[4])
{
	ret_argv[0] = slice_make(number, 1);
	ret_argv[1] = slice_text(op->unset ? "unset" : "set");
	ret_argv[2] = slice_make(change->text.data + op->field, op->field_len);
	ret_argv[3] = slice_make(change->text.data + op->value, op->value_len);
}

int desk_change_send(const struct desk_change *change, struct desk *desk, redis_cb *cb, void *arg)
{
	char numbers[DESK_HASHES], size[DECIMAL_SIZE], before[24];
	struct slice *argv = calloc(3 + 3 + DESK_HASHES + 9 + 4 * change->n, sizeof(*argv));
	char keys[2] = {'0', '\0'};
	size_t n;

	if (!argv)
		return -ENOMEM;
	decimal_encode(change->size, size);
	snprintf(before, sizeof(before), "%lld", (long long)change->before_ms);
	n = put_keys(change, desk, numbers, argv + 3);
	keys[0] = (char)('0' + n);
	argv[0] = slice_text("FCALL");
	argv[1] = slice_text("desk_write_1");
	argv[2] = slice_text(keys);
	n += 3;
	argv[n++] = slice_text(size);
	argv[n++] = slice_make(change->head, change->head_len);
	argv[n++] = slice_text(before);
	argv[n++] = slice_text(change->json);
	argv[n++] = slice_make(change->hash, DESK_HASH_LEN);
	argv[n++] = slice_text(change->bump ? "1" : "0");
	argv[n++] = slice_text(change->person);
	argv[n++] = buf_slice(&change->sheet);
	argv[n++] = slice_make(change->salt, DESK_HASH_LEN);
	for (size_t i = 0; i < change->n; i++, n += 4)
		put_op(change, &change->ops[i], &numbers[change->ops[i].hash], argv + n);
	redis_write(desk->redis, cb, arg, n, argv);
	free(argv);
	return 0;
}
