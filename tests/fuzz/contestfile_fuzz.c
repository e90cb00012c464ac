/* Any file is either a contest or refused with at least one placed message; nothing else happens.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/contestfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[40];
	if (fd < 0) {
		fd = memfd_create("contest", 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;
	for (int rehearsal = 0; rehearsal < 2; rehearsal++) {
		struct contest *contest = NULL;
		struct config_errors errors = {0};
		int rc = contestfile_load(path, rehearsal, &contest, &errors);
		assert((rc == 0) == (errors.count == 0));
		assert((rc == 0) == (contest != NULL));
		config_errors_release(&errors);
		contest_free(contest);
	}
	return 0;
}
