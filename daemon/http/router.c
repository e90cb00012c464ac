/* Matches paths against the route table, segment by segment. A table has tens of rows and nearly
 * all differ early, so a plain walk is as fast as a tree. */
#include "http/router.h"

static struct slice take_segment(struct slice *path)
{
	const char *slash = path->len ? memchr(path->ptr, '/', path->len) : NULL;
	size_t n = slash ? (size_t)(slash - path->ptr) : path->len;
	struct slice segment = slice_make(path->ptr, n);
	*path = slash ? slice_make(slash + 1, path->len - n - 1) : slice_make(NULL, 0);
	return segment;
}

/* `path` and `pattern` both begin with "/", so a NULL rest can only mean "no more segments". */
static bool match_path(
    struct slice pattern, struct slice path, struct slice ret_params[REQUEST_PARAMS_MAX])
{
	size_t n_params = 0;

	while (pattern.ptr && path.ptr) {
		struct slice left = path;
		struct slice want = take_segment(&pattern);
		struct slice have = take_segment(&path);
		if (!pattern.ptr && slice_is(want, "*")) {
			have = left;
			path = slice_make(NULL, 0);
		} else if (want.len == 0 || want.ptr[0] != ':') {
			if (!slice_equal(want, have))
				return false;
			continue;
		}
		if (have.len == 0 || n_params == REQUEST_PARAMS_MAX)
			return false;
		ret_params[n_params++] = have;
	}
	return !pattern.ptr && !path.ptr;
}

const struct route *router_match(const struct route *routes, enum method method, struct slice path,
    struct slice ret_params[REQUEST_PARAMS_MAX], unsigned *ret_allow)
{
	*ret_allow = 0;
	for (const struct route *row = routes; row->path; row++) {
		struct slice params[REQUEST_PARAMS_MAX] = {{NULL, 0}};
		if (!match_path(slice_text(row->path), path, params))
			continue;
		unsigned methods = row->methods;
		if (methods & METHOD_GET)
			methods |= METHOD_HEAD;
		*ret_allow |= methods;
		if (methods & (unsigned)method) {
			memcpy(ret_params, params, sizeof(params));
			return row;
		}
	}
	return NULL;
}

const struct route *router_next(
    const struct route *routes, const struct route *row, struct slice path)
{
	struct slice params[REQUEST_PARAMS_MAX];

	for (row = row ? row + 1 : routes; row->path; row++)
		if (match_path(slice_text(row->path), path, params))
			return row;
	return NULL;
}
