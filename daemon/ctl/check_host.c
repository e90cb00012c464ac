/* What tallyctl check reads on this machine: who may read the keys, and of a Redis that runs here
 * who may open its socket, and how the kernel gives it memory. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config/round.h"
#include "ctl/check.h"
#include "store/redis_settings.h"

#define PATH_SIZE 512

/* ---- keys ---- */

static const char *what_if_read(const char *name)
{
	if (strcmp(name, "token.private.pem") == 0)
		return "tallyd does not start with it: whoever reads it makes voting rights "
		       "without number";
	if (strcmp(name, "log.private.pem") == 0)
		return "tallyd does not start with it: whoever reads it can sign another log in "
		       "this server's name";
	return "tallyd does not start with it: whoever reads it can sign results or invitations, "
	       "or tell who somebody is";
}

static void check_exposed(struct check *check, const struct round *round)
{
	const char *keys = check->ctl->settings.keys, *names[KEYRING_SECRETS];
	size_t n = keyring_exposed(keys, round->name, names);
	char path[PATH_SIZE];

	for (size_t i = 0; i < n; i++) {
		bool token = strcmp(names[i], "token.private.pem") == 0;

		(void)snprintf(path, sizeof(path), "%s/%s/%s", keys, round->name, names[i]);
		struct check_finding *finding =
		    check_find(check, token ? DURABILITY_DOUBLES : DURABILITY_STOPS, "keys",
			names[i], path, what_if_read(names[i]));

		(void)snprintf(finding->remedy, sizeof(finding->remedy), "chmod 600 %.140s", path);
	}
}

/* The private keys that this server's signer and sealer read; the other two may lie elsewhere. */
static bool is_needed(const struct settings *settings, const char *name)
{
	if (strcmp(name, "token.private.pem") == 0)
		return (settings->serves & SETTINGS_ISSUER) != 0;
	return strcmp(name, "log.private.pem") == 0 && settings->ballot_log.dir &&
	       settings->ballot_log.sign;
}

static void check_absent(struct check *check, const struct round *round)
{
	const struct settings *settings = &check->ctl->settings;
	const char *names[KEYRING_PRIVATE];
	size_t n = keyring_absent(settings->keys, round->name, names);
	char path[PATH_SIZE];

	for (size_t i = 0; i < n; i++) {
		if (!is_needed(settings, names[i]))
			continue;
		(void)snprintf(
		    path, sizeof(path), "%s/%s/%s", settings->keys, round->name, names[i]);
		check_find(check, DURABILITY_STOPS, "keys", names[i], path,
		    "is missing, and tallyd does not start without it: restore it from the backup "
		    "of the keys (a log key: or follow only, ballot_log.sign: false)");
	}
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

/* ---- the socket ---- */

/* Whether others than its user and group come as far as that: through each directory on the way. */
static bool others_reach(const char *path)
{
	char dir[PATH_SIZE];
	struct stat st;

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(dir, sizeof(dir), "%.*s/", (int)(slash - path), path);
		if (stat(dir, &st) < 0 || (st.st_mode & S_IXOTH) == 0)
			return false;
	}
	return true;
}

static void check_socket(struct check *check, const char *path)
{
	char mode[16];
	struct stat st;

	if (stat(path, &st) < 0 || (st.st_mode & S_IWOTH) == 0 || !others_reach(path))
		return;
	(void)snprintf(mode, sizeof(mode), "%o", (unsigned)st.st_mode & 0777);
	struct check_finding *finding = check_find(check, DURABILITY_ADVICE, "host",
	    "unixsocketperm", mode,
	    "everybody on this machine may open Redis' socket, and change or take out what lies "
	    "there: it is for tallyd's user alone");

	(void)snprintf(finding->remedy, sizeof(finding->remedy),
	    "unixsocketperm 700 (770 where Redis has another user, in a group with tallyd's)");
}

void check_host(struct check *check)
{
	const char *where = redis_where(&check->ctl->settings);

	for (size_t i = 0; i < check->n_rounds; i++) {
		check_exposed(check, check->rounds[i]);
		check_absent(check, check->rounds[i]);
	}
	if (runs_here(where))
		check_kernel(check);
	if (strncmp(where, "unix:", 5) == 0)
		check_socket(check, where + 5);
}
