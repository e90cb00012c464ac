/* SHA256SUMS and the note that signs it. */
#include "audit/bundle_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "crypto/note.h"

#define SUMS_MAX ((size_t)1 << 30)
#define NOTE_MAX 4096

/* ---- what is there ---- */

void bundle_list_release(struct bundle_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->paths[i]);
	free(list->paths);
	*list = (struct bundle_list){.n = 0};
}

static int list_add(struct bundle_list *list, const char *path)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 256;
		char **grown = realloc(list->paths, cap * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		list->paths = grown;
		list->cap = cap;
	}
	list->paths[list->n] = strdup(path);
	return list->paths[list->n] == NULL ? -ENOMEM : (list->n++, 0);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_entry(struct bundle_list *list, const FTSENT *entry, size_t root_len)
{
	switch (entry->fts_info) {
	case FTS_D:
	case FTS_DP:
		return 0;
	case FTS_F:
		return list_add(list, entry->fts_path + root_len + 1);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return -entry->fts_errno;
	default: /* a link, a socket */
		return -EINVAL;
	}
}

int bundle_list_files(const char *dir, struct bundle_list *ret_list)
{
	char root[PATH_MAX];
	char *const roots[] = {root, NULL};
	size_t root_len = strlen(dir);
	const FTSENT *entry;
	FTS *tree;
	int r = 0;

	*ret_list = (struct bundle_list){.n = 0};
	if (root_len >= sizeof(root))
		return -ENAMETOOLONG;
	memcpy(root, dir, root_len + 1);
	tree = fts_open(roots, FTS_NOCHDIR | FTS_PHYSICAL, NULL);
	if (tree == NULL)
		return -errno;
	while (r == 0 && (entry = fts_read(tree)) != NULL)
		r = list_entry(ret_list, entry, root_len);
	(void)fts_close(tree);
	if (r < 0)
		bundle_list_release(ret_list);
	else if (ret_list->n > 0)
		qsort(ret_list->paths, ret_list->n, sizeof(*ret_list->paths), compare_paths);
	return r;
}

/* ---- sums ---- */

static int hash_file(int dir, const char *path, uint8_t ret_hash[SHA256_SIZE], uint64_t *ret_size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat status = {0};
	void *bytes = NULL;
	int r = fd >= 0 && fstat(fd, &status) == 0 ? 0 : -errno;

	if (r == 0 && status.st_size > 0) {
		bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		r = bytes == MAP_FAILED ? -errno : 0;
	}
	if (r == 0) {
		sha256(slice_make(bytes, (size_t)status.st_size), ret_hash);
		*ret_size = (uint64_t)status.st_size;
	}
	if (bytes != NULL && bytes != MAP_FAILED)
		(void)munmap(bytes, (size_t)status.st_size);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int sum_up(struct bundle *bundle, struct buf *sums, char ret_why[BUNDLE_WHY_MAX])
{
	struct bundle_list list;
	int r = bundle_list_files(bundle->stage, &list);

	if (r < 0)
		return bundle_fail(r, ret_why, "%s: cannot be read: %s.", bundle->stage,
		    r == -EINVAL ? "something in it is no plain file" : strerror(-r));
	bundle->files = bundle->bytes = 0;
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		uint8_t hash[SHA256_SIZE];
		char hex[HEX_SIZE(SHA256_SIZE)];
		uint64_t size = 0;

		if (strcmp(list.paths[i], BUNDLE_HEADERS) == 0)
			continue;
		r = hash_file(bundle->stage_fd, list.paths[i], hash, &size);
		(void)hex_encode(hash, sizeof(hash), hex);
		if (r == 0)
			r = buf_printf(sums, "%s  %s\n", hex, list.paths[i]);
		if (r < 0)
			r = bundle_fail(r, ret_why, "%s/%s: cannot be read: %s.", bundle->stage,
			    list.paths[i], strerror(-r));
		bundle->files++;
		bundle->bytes += size;
	}
	bundle_list_release(&list);
	return r;
}

static int print_text(
    const struct bundle *bundle, uint64_t version, struct slice sums, struct buf *out)
{
	uint8_t hash[SHA256_SIZE];
	char hex[HEX_SIZE(SHA256_SIZE)];

	sha256(sums, hash);
	(void)hex_encode(hash, sizeof(hash), hex);
	return buf_printf(out, "tallyd bundle v1\n%s\n%" PRIu64 "\n%" PRIu64 "\n%s\n",
	    bundle->options->round, version, bundle->files, hex);
}

static int put_note(struct bundle *bundle, uint64_t version, const uint8_t seed[32],
    struct slice sums, char ret_why[BUNDLE_WHY_MAX])
{
	const struct bundle_options *options = bundle->options;
	struct buf text, note;
	int r;

	buf_init(&text, NOTE_MAX);
	buf_init(&note, NOTE_MAX);
	r = print_text(bundle, version, sums, &text);
	if (r == 0)
		r = note_sign(buf_slice(&text), options->key_name, seed, &note);
	r = r < 0 ? bundle_fail(r, ret_why, "The bundle cannot be signed: %s.", strerror(-r))
		  : bundle_put(bundle, BUNDLE_SUMS_NOTE, buf_slice(&note), ret_why);
	buf_release(&text);
	buf_release(&note);
	return r;
}

/* The note comes last, when all that it speaks of is on the disk. */
static int sync_all(struct bundle *bundle, char ret_why[BUNDLE_WHY_MAX])
{
	if (syncfs(bundle->stage_fd) == 0)
		return 0;
	return bundle_fail(
	    -errno, ret_why, "%s: cannot be synced: %s.", bundle->stage, strerror(errno));
}

int bundle_sign(
    struct bundle *bundle, uint64_t version, const uint8_t seed[32], char ret_why[BUNDLE_WHY_MAX])
{
	struct buf sums;
	int r;

	buf_init(&sums, SUMS_MAX);
	r = sum_up(bundle, &sums, ret_why);
	if (r == 0)
		r = bundle_put(bundle, BUNDLE_SUMS, buf_slice(&sums), ret_why);
	if (r == 0)
		r = sync_all(bundle, ret_why);
	if (r == 0)
		r = put_note(bundle, version, seed, buf_slice(&sums), ret_why);
	if (r == 0)
		r = sync_all(bundle, ret_why);
	buf_release(&sums);
	return r;
}
