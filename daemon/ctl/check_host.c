/* What tallyctl check reads on this machine: who may read the keys, and how the kernel gives memory
 * to a Redis that runs here. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config/round.h"
#include "ctl/check.h"
#include "store/redis_settings.h"

#define PATH_SIZE 512

/* ---- keys ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);

	return a >= b && strcmp(text + a - b, end) == 0;
}

static const char *what_if_read(const char *name)
{
	if (strcmp(name, "token.private.pem") == 0)
		return "whoever reads it makes voting rights without number";
	if (strcmp(name, "salt.key") == 0)
		return "whoever reads it can tell what each entry of the log says";
	return "whoever reads it can sign, or tell who somebody is, in this server's name";
}

static void check_key(struct check *check, const char *dir, const char *name)
{
	char path[PATH_SIZE];
	struct stat st;

	if (!ends_with(name, ".private.pem") && !ends_with(name, ".key"))
		return;
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
	    stat(path, &st) < 0 || (st.st_mode & (S_IRWXG | S_IRWXO)) == 0)
		return;
	struct check_finding *finding = check_find(check,
	    strcmp(name, "token.private.pem") == 0 ? DURABILITY_DOUBLES : DURABILITY_ADVICE, "keys",
	    name, path, what_if_read(name));

	(void)snprintf(finding->remedy, sizeof(finding->remedy), "chmod 600 %.140s", path);
}

static void check_keys(struct check *check, const struct round *round)
{
	char dir[PATH_SIZE];
	const struct dirent *found;
	DIR *stream;

	(void)snprintf(dir, sizeof(dir), "%s/%s", check->ctl->settings.keys, round->name);
	stream = opendir(dir);
	while (stream && (found = readdir(stream)))
		check_key(check, dir, found->d_name);
	if (stream)
		(void)closedir(stream);
}

/* ---- the kernel ---- */

static bool runs_here(const char *address)
{
	return strncmp(address, "unix:", 5) == 0 || strncmp(address, "tcp:127.", 8) == 0 ||
	       strncmp(address, "tcp:localhost:", 14) == 0 ||
	       strncmp(address, "tcp:[::1]:", 10) == 0;
}

static bool read_line(const char *path, char ret_line[80])
{
	FILE *file = fopen(path, "re");
	bool good = file && fgets(ret_line, 80, file);

	if (file)
		(void)fclose(file);
	if (good)
		ret_line[strcspn(ret_line, "\n")] = '\0';
	return good;
}

static void check_kernel(struct check *check)
{
	char line[80];
	struct check_finding *finding;

	if (read_line("/sys/kernel/mm/transparent_hugepage/enabled", line) &&
	    strstr(line, "[always]")) {
		finding = check_find(check, DURABILITY_ADVICE, "host", "transparent_hugepage", line,
		    "after a rewrite forks, each write copies 2 MB instead of 4 KB: votes wait, "
		    "and "
		    "memory doubles");
		(void)snprintf(finding->remedy, sizeof(finding->remedy),
		    "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
	}
	if (read_line("/proc/sys/vm/overcommit_memory", line) && strcmp(line, "1") != 0) {
		finding = check_find(check, DURABILITY_ADVICE, "host", "vm.overcommit_memory", line,
		    "the fork for a rewrite can fail while half the memory is free, and the "
		    "append-only file grows");
		(void)snprintf(
		    finding->remedy, sizeof(finding->remedy), "sysctl vm.overcommit_memory=1");
	}
}

void check_host(struct check *check)
{
	for (size_t i = 0; i < check->n_rounds; i++)
		check_keys(check, check->rounds[i]);
	if (runs_here(redis_where(&check->ctl->settings)))
		check_kernel(check);
}
