/* Ids of a contest's file and what refers to them. */
#include "config/contestrefs.h"

#include <string.h>

#include "config/values.h"

#define LIST_MAX 512 /* organisations: the longest */

_Static_assert(offsetof(struct entry, id) == 0, "id_at()");
_Static_assert(offsetof(struct group, id) == 0, "id_at()");
_Static_assert(offsetof(struct organisation, id) == 0, "id_at()");
_Static_assert(offsetof(struct criterion, id) == 0, "id_at()");
_Static_assert(offsetof(struct panel, id) == 0, "id_at()");
_Static_assert(offsetof(struct part, id) == 0, "id_at()");
_Static_assert(offsetof(struct subtotal, id) == 0, "id_at()");
_Static_assert(offsetof(struct sign_in, id) == 0, "id_at()");

static const char *id_at(const struct ids *ids, size_t i)
{
	return *(char *const *)(const void *)((const char *)ids->items + i * ids->size);
}

/* How people call the list: the last key of its place. */
static const char *name_of(const struct ids *ids)
{
	const char *slash = strrchr(ids->list, '/');

	return slash ? slash + 1 : ids->list;
}

void check_unique(const struct check *check, struct ids ids)
{
	for (size_t i = 0; i < ids.n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!id_at(&ids, i) || !id_at(&ids, k) ||
			    strcmp(id_at(&ids, i), id_at(&ids, k)) != 0)
				continue;
			document_error(check->errors,
			    document_at(check->document, "%s/%zu/id", ids.list, i),
			    "the id \"%s\" is taken; item %zu of \"%s\" has it already",
			    id_at(&ids, i), k + 1, name_of(&ids));
			break;
		}
	}
}

void check_reference(
    const struct check *check, struct ids ids, const char *id, const yaml_node_t *node)
{
	const char *known[LIST_MAX], *nearest;
	size_t n = ids.n < LIST_MAX ? ids.n : LIST_MAX;

	if (!id)
		return;
	for (size_t i = 0; i < n; i++) {
		known[i] = id_at(&ids, i);
		if (known[i] && strcmp(known[i], id) == 0)
			return;
	}
	nearest = value_nearest(id, known, n);
	if (nearest)
		document_error(check->errors, node, "\"%s\" is not in \"%s\"; did you mean \"%s\"?",
		    id, name_of(&ids), nearest);
	else
		document_error(check->errors, node, "\"%s\" is not in \"%s\"; add it there", id,
		    name_of(&ids));
}
