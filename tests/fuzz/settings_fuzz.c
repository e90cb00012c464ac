/* Any file is either settings or refused with at least one placed message; nothing else happens. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_settings(const struct settings *settings)
{
	assert(settings->listen && settings->keys && settings->serves != 0);
	assert(settings->limits.connections > 0 && settings->limits.in_flight > 0);
	assert(settings->limits.head_bytes > 0 && settings->limits.body_bytes > 0);
	assert(settings->redis.address || settings->redis.n_cluster > 0);
	for (size_t i = 0; i < settings->n_contests; i++)
		assert(settings->contests[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[40];
	struct settings settings = {0};
	struct config_errors errors = {0};
	int rc;

	if (fd < 0) {
		fd = memfd_create("settings", 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;
	rc = settings_load(path, &settings, &errors);
	assert((rc == 0) == (errors.count == 0));
	for (size_t i = 0; i < errors.count; i++)
		assert(errors.list[i].text && errors.list[i].text[0] && errors.list[i].line >= 0);
	if (rc == 0) {
		check_settings(&settings);
		settings_release(&settings);
	}
	config_errors_release(&errors);
	return 0;
}
