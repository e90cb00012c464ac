/* Runs a fuzz target without libFuzzer over the files and directories named, each input once: what
 * was found before stays mended. A target that finds something aborts. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static unsigned inputs;

static void run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat about;
	uint8_t *bytes;

	if (!file || fstat(fileno(file), &about) < 0) {
		perror(path);
		exit(66);
	}
	/* Of exactly this length, for the sanitizer. */
	bytes = malloc((size_t)about.st_size + (about.st_size == 0));
	if (!bytes || fread(bytes, 1, (size_t)about.st_size, file) != (size_t)about.st_size) {
		perror(path);
		exit(66);
	}
	(void)fclose(file);
	/* The last name that stands there is the one to look at, should it abort. */
	(void)printf("%s\n", path);
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput(bytes, (size_t)about.st_size);
	free(bytes);
	inputs++;
}

static void run_path(const char *path)
{
	char inner[4096];
	DIR *directory = opendir(path);

	if (!directory) {
		run_file(path);
		return;
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		run_path(inner);
	}
	(void)closedir(directory);
}

int main(int argc, char **argv)
{
	if (LLVMFuzzerInitialize)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	if (inputs == 0)
		return 66;
	/* As cmocka says it, for tests/run. */
	(void)printf("%u inputs\n[  PASSED  ] 1 test(s).\n", inputs);
	return 0;
}
