/* Reads INFO: see redis_info.h. */
#include "store/redis_info.h"

#include <string.h>

struct slice redis_info(struct slice info, const char *name)
{
	size_t len = strlen(name);

	while (info.len > 0) {
		const char *end = memchr(info.ptr, '\n', info.len);
		size_t line = end ? (size_t)(end - info.ptr) : info.len;
		size_t n = line > 0 && info.ptr[line - 1] == '\r' ? line - 1 : line;

		if (n > len && memcmp(info.ptr, name, len) == 0 && info.ptr[len] == ':')
			return slice_make(info.ptr + len + 1, n - len - 1);
		if (!end)
			break;
		info = slice_make(end + 1, info.len - line - 1);
	}
	return slice_make(NULL, 0);
}

int64_t redis_number(struct slice text)
{
	int64_t number = 0;

	if (text.len == 0 || text.len > 17)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -1;
		number = number * 10 + (text.ptr[i] - '0');
	}
	return number;
}
