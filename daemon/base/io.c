/* write(2) until nothing is left. */
#include "base/io.h"

#include <errno.h>
#include <unistd.h>

int io_write_all(int fd, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			bytes = slice_make(bytes.ptr + n, bytes.len - (size_t)n);
	}
	return 0;
}
