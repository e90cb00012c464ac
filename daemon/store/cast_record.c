/* Records of ballots: see cast_record.h. */
#include "store/cast_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"

enum {
	BLOCK_SIZE = 768, /* of a pooled record: 1 KiB with its head, enough for nearly all */
};

void cast_list_init(struct cast_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
	list->n = 0;
}

void cast_list_put(struct cast_list *list, struct cast *cast)
{
	cast->next = NULL;
	*list->tail = cast;
	list->tail = &cast->next;
	list->n++;
}

struct cast *cast_list_take(struct cast_list *list)
{
	struct cast *cast = list->head;

	if (cast) {
		list->head = cast->next;
		if (!list->head)
			list->tail = &list->head;
		list->n--;
	}
	return cast;
}

/* Without a record nobody can be told of the failure, so there is nothing left but to stop. */
static struct cast *take(struct cast **unused, size_t block_size)
{
	struct cast *cast = *unused;

	if (cast && block_size <= BLOCK_SIZE) {
		*unused = cast->next;
		return cast;
	}
	cast = malloc(sizeof(*cast) + (block_size > BLOCK_SIZE ? block_size : BLOCK_SIZE));
	if (!cast)
		abort();
	cast->pooled = block_size <= BLOCK_SIZE;
	return cast;
}

static char *put_bytes(char *at, const void *bytes, size_t len, struct slice *ret)
{
	memcpy(at, bytes, len);
	*ret = slice_make(at, len);
	return at + len;
}

static char *put_decimal(char *at, int64_t value, struct slice *ret)
{
	char text[1 + DECIMAL_SIZE] = "-";
	size_t len = decimal_encode(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, text + 1);

	return value < 0 ? put_bytes(at, text, 1 + len, ret) : put_bytes(at, text + 1, len, ret);
}

static size_t block_size(const struct ledger_ballot *ballot)
{
	size_t size = (CAST_ARGS + 2 * ballot->n_increments) * sizeof(struct slice) +
		      LEDGER_TAG_SIZE + ballot->text.len + 2 * DECIMAL_SIZE;

	for (size_t i = 0; i < ballot->n_increments; i++)
		size += strlen(ballot->increments[i].counter) + DECIMAL_SIZE;
	return size;
}

static char *put_ballot(char *at, const struct ledger_ballot *ballot, struct slice *ret)
{
	struct slice text;

	memcpy(at, ballot->tag, LEDGER_TAG_SIZE);
	*ret = slice_make(at, LEDGER_TAG_SIZE + ballot->text.len);
	return put_bytes(at + LEDGER_TAG_SIZE, ballot->text.ptr, ballot->text.len, &text);
}

static void fill_args(struct cast *cast, const struct ledger_ballot *ballot)
{
	size_t n = ballot->n_increments;
	struct slice *arg = (struct slice *)(void *)cast->block;
	char *at = cast->block + (CAST_ARGS + 2 * n) * sizeof(*arg);

	cast->args = arg;
	cast->n_args = CAST_ARGS + 2 * n;
	arg[CAST_ARG_SPENT] = slice_make(cast->spent, LEDGER_SPENT_SIZE);
	at = put_ballot(at, ballot, &arg[CAST_ARG_BALLOT]);
	arg[CAST_ARG_REPLACES] = slice_make("", 0);
	if (ballot->replaces >= 0)
		at = put_decimal(at, ballot->replaces, &arg[CAST_ARG_REPLACES]);
	at = put_decimal(at, (int64_t)n, &arg[CAST_ARG_COUNT]);
	arg += CAST_ARGS;
	for (size_t i = 0; i < n; i++, arg += 2) {
		const char *name = ballot->increments[i].counter;

		at = put_bytes(at, name, strlen(name), &arg[0]);
		at = put_decimal(at, ballot->increments[i].by, &arg[1]);
	}
}

struct cast *cast_new(struct cast **unused, const struct ledger_ballot *ballot)
{
	struct cast *cast = take(unused, block_size(ballot));

	memcpy(cast->spent, ballot->spent, LEDGER_SPENT_SIZE);
	fill_args(cast, ballot);
	return cast;
}

void cast_free(struct cast **unused, struct cast *cast)
{
	if (!cast->pooled) {
		free(cast);
		return;
	}
	cast->next = *unused;
	*unused = cast;
}

void cast_release_all(struct cast **unused)
{
	struct cast *cast;

	while ((cast = *unused)) {
		*unused = cast->next;
		free(cast);
	}
}
