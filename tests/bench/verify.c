/* What checking a published count costs: a bundle of many ballots is made in a directory, not
 * through Redis, and verified by a process of its own. Beside it the floor in the same run: the
 * same bytes through OpenSSL's SHA-256, and the same number of short hashes, with nothing else
 * done. */
#include <getopt.h>
#include <inttypes.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "audit/retally.h"
#include "audit/verify.h"
#include "bench.h"
#include "base/clock.h"
#include "config/contestfile.h"
#include "config/round.h"
#include "contest/commitment.h"
#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "crypto/note.h"
#include "office/showing.h"
#include "tlog/files.h"

#define LOG_NAME  "vote.example"
#define BYTES_MAX (64u << 20)

struct listed {
	char path[160];
	char sha256[HEX_SIZE(SHA256_SIZE)];
};

struct maker {
	const char *dir;
	struct contest *contest;
	char round[80], key_name[200];
	uint8_t log_seed[32], result_seed[32];
	struct listed *files;
	size_t n_files, cap_files;
	uint64_t count;
	struct retally *retally;
	json_t *log; /* of the result */
	char rules_hash[HEX_SIZE(SHA256_SIZE)];
};

/* ---- files ---- */

static void hash_hex(struct slice bytes, char ret_hex[HEX_SIZE(SHA256_SIZE)])
{
	uint8_t hash[SHA256_SIZE];

	sha256(bytes, hash);
	hex_encode(hash, sizeof(hash), ret_hex);
}

static void write_file(const struct maker *maker, const char *path, struct slice bytes)
{
	char full[4096];

	(void)snprintf(full, sizeof(full), "%s/%s", maker->dir, path);
	for (char *slash = strchr(full + strlen(maker->dir) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(full, 0700) != 0 && errno != EEXIST)
			die("%s: %s", full, strerror(errno));
		*slash = '/';
	}
	int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len || close(fd) != 0)
		die("%s: %s", full, strerror(errno));
}

static void put(struct maker *maker, const char *path, struct slice bytes)
{
	if (maker->n_files == maker->cap_files) {
		maker->cap_files = maker->cap_files ? 2 * maker->cap_files : 1024;
		maker->files = realloc(maker->files, maker->cap_files * sizeof(*maker->files));
		if (!maker->files)
			die("memory is short");
	}
	struct listed *file = &maker->files[maker->n_files++];
	(void)snprintf(file->path, sizeof(file->path), "%s", path);
	hash_hex(bytes, file->sha256);
	write_file(maker, path, bytes);
}

static void put_json(struct maker *maker, const char *path, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));

	if (!text)
		die("%s: no JSON", path);
	put(maker, path, slice_text(text));
	free(text);
	json_decref(json);
}

static void put_note(struct maker *maker, const char *path, const char *name,
    const uint8_t seed[32], const char *text)
{
	struct buf note;

	buf_init(&note, 65536);
	if (note_sign(slice_text(text), name, seed, &note) != 0)
		die("%s cannot be signed", path);
	put(maker, path, buf_slice(&note));
	buf_release(&note);
}

/* ---- logs ---- */

/* Tiles of all levels; the root. */
static void put_tiles(
    struct maker *maker, unsigned shard, uint8_t *hashes, uint64_t n, uint8_t ret_root[MERKLE_SIZE])
{
	char name[TLOG_PATH_MAX], path[160];

	merkle_root(hashes, n, ret_root);
	for (unsigned level = 0; n > 0; level++) {
		for (uint64_t at = 0; at < n; at += TLOG_WIDTH) {
			unsigned width = n - at < TLOG_WIDTH ? (unsigned)(n - at) : TLOG_WIDTH;

			(void)snprintf(path, sizeof(path), "log/%s/%u/%s", maker->contest->id,
			    shard, tlog_tile_path(level, at / TLOG_WIDTH, width, name));
			put(maker, path,
			    slice_make(hashes + at * MERKLE_SIZE, width * MERKLE_SIZE));
			if (width == TLOG_WIDTH)
				merkle_root(hashes + at * MERKLE_SIZE, width,
				    hashes + at / TLOG_WIDTH * MERKLE_SIZE);
		}
		n /= TLOG_WIDTH;
	}
}

struct records { /* of one bundle of entries or openings */
	struct buf entries, openings;
};

static void add_ballot(struct maker *maker, const char *identity, unsigned shard, uint64_t index,
    struct records *records, uint8_t ret_leaf[MERKLE_SIZE])
{
	const struct contest *contest = maker->contest;
	uint8_t spent[SPENT_SIZE], salt[SALT_SIZE], entry[COMMITMENT_SIZE], length[2];
	char ballot[128], why[RETALLY_WHY_MAX];

	if (RAND_bytes(spent, sizeof(spent)) <= 0 || RAND_bytes(salt, sizeof(salt)) <= 0)
		die("no randomness");
	uint32_t number = get_u32be(spent);
	number -= (number % contest->shards + contest->shards - shard) % contest->shards;
	for (int i = 0; i < 4; i++)
		spent[i] = (uint8_t)(number >> (24 - 8 * i));
	int len = snprintf(ballot, sizeof(ballot), "choices\n%s\n",
	    contest->entries[salt[0] % contest->n_entries].id);
	const struct slice text = slice_make(ballot, (size_t)len);
	commitment_entry(identity, index, spent, salt, text, entry);
	merkle_leaf(slice_make(entry, sizeof(entry)), ret_leaf);
	if (retally_add(maker->retally, shard, index, spent, text, why) != 0)
		die("%s", why);
	put_u16be(length, COMMITMENT_SIZE);
	int rc = buf_append(&records->entries, length, 2) |
		 buf_append(&records->entries, entry, sizeof(entry));
	put_u16be(length, (uint16_t)(SPENT_SIZE + SALT_SIZE + len));
	rc |= buf_append(&records->openings, length, 2) |
	      buf_append(&records->openings, spent, sizeof(spent)) |
	      buf_append(&records->openings, salt, sizeof(salt)) |
	      buf_append_slice(&records->openings, text);
	if (rc != 0)
		die("memory is short");
}

static void put_records(
    struct maker *maker, unsigned shard, uint64_t number, unsigned width, struct records *records)
{
	char under[80], name[TLOG_PATH_MAX], path[160];

	(void)snprintf(path, sizeof(path), "log/%s/%u/%s", maker->contest->id, shard,
	    tlog_bundle_path("tile/entries", number, width, name));
	put(maker, path, buf_slice(&records->entries));
	(void)snprintf(under, sizeof(under), "openings/%u", shard);
	put(maker, tlog_bundle_path(under, number, width, name), buf_slice(&records->openings));
	buf_clear(&records->entries);
	buf_clear(&records->openings);
}

static void put_notes(struct maker *maker, unsigned shard, const char *origin, uint64_t n,
    const uint8_t root[MERKLE_SIZE])
{
	char path[160], text[600], base64[BASE64_SIZE(MERKLE_SIZE)];

	base64_encode(root, MERKLE_SIZE, base64);
	(void)snprintf(text, sizeof(text), "%s\n%" PRIu64 "\n%s\n", origin, n, base64);
	(void)snprintf(path, sizeof(path), "log/%s/%u/checkpoint", maker->contest->id, shard);
	put_note(maker, path, origin, maker->log_seed, text);
	(void)snprintf(
	    text, sizeof(text), "tallyd issued v1\n%s\n%" PRIu64 "\n%" PRIu64 "\n", origin, n, n);
	(void)snprintf(path, sizeof(path), "log/%s/%u/issued", maker->contest->id, shard);
	put_note(maker, path, origin, maker->log_seed, text);
	(void)json_array_append_new(
	    maker->log, json_pack("{s:s, s:s, s:I, s:I}", "origin", origin, "root", base64, "shard",
			    (json_int_t)shard, "size", (json_int_t)n));
}

static void put_shard(struct maker *maker, unsigned shard)
{
	const unsigned shards = maker->contest->shards;
	uint64_t n = maker->count / shards + (shard < maker->count % shards);
	uint8_t *hashes = malloc((size_t)n * MERKLE_SIZE + 1), root[MERKLE_SIZE];
	char identity[ORIGIN_MAX];
	struct records records;

	buf_init(&records.entries, BYTES_MAX);
	buf_init(&records.openings, BYTES_MAX);
	if (!hashes || commitment_origin(LOG_NAME, maker->contest, shard, identity) != 0)
		die("memory is short");
	for (uint64_t i = 0; i < n; i++) {
		add_ballot(maker, identity, shard, i, &records, hashes + i * MERKLE_SIZE);
		if ((i + 1) % TLOG_WIDTH == 0 || i + 1 == n)
			put_records(
			    maker, shard, i / TLOG_WIDTH, (unsigned)(i % TLOG_WIDTH + 1), &records);
	}
	put_tiles(maker, shard, hashes, n, root);
	put_notes(maker, shard, identity, n, root);
	buf_release(&records.entries);
	buf_release(&records.openings);
	free(hashes);
}

/* ---- the rest ---- */

static void put_contest(struct maker *maker, const char *file)
{
	struct buf bytes;
	FILE *in = fopen(file, "re");

	buf_init(&bytes, BYTES_MAX);
	if (!in || buf_reserve(&bytes, 1 << 20) != 0)
		die("%s: %s", file, strerror(errno));
	bytes.len = fread(bytes.data, 1, 1 << 20, in);
	(void)fclose(in);
	put(maker, "contest.yaml", buf_slice(&bytes));
	buf_release(&bytes);
}

static void raw_key(
    const uint8_t seed[32], char ret_base64[BASE64_SIZE(32)], uint8_t ret_hash[SHA256_SIZE])
{
	uint8_t key[32];

	if (note_public(seed, key) != 0)
		die("memory is short");
	base64_encode(key, sizeof(key), ret_base64);
	sha256(slice_make(key, sizeof(key)), ret_hash);
}

static void put_keys(struct maker *maker)
{
	struct contest_fingerprints prints = {0};
	char log_key[BASE64_SIZE(32)], result_key[BASE64_SIZE(32)];

	raw_key(maker->log_seed, log_key, prints.log_key);
	raw_key(maker->result_seed, result_key, prints.result_key);
	sha256(slice_text("key"), prints.token_key);
	sha256(slice_text("key"), prints.bearer_key);
	put_json(maker, "keys.json",
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "bearer_key", "a2V5",
		"issuer_name", "issuer.example", "log_key", log_key, "log_name", LOG_NAME,
		"origin_info", "", "result_key", result_key, "round", maker->round, "token_key",
		"a2V5"));
	char *rules = contest_rules(maker->contest, LOG_NAME, &prints);
	hash_hex(slice_text(rules), maker->rules_hash);
	put(maker, "rules.json", slice_text(rules));
	free(rules);
}

#define AT "2026-12-31T01:00:00.000Z"

static void put_published(struct maker *maker, json_t *rows, const char *sha256_hex)
{
	struct round round = {.contest = maker->contest};
	struct showing_now now = {.opens_ms = maker->contest->opens_ms,
	    .closes_ms = maker->contest->closes_ms,
	    .epoch = 1,
	    .log = "ok",
	    .phase = PHASE_CERTIFIED};
	struct buf text;
	size_t len;

	buf_init(&text, BYTES_MAX);
	if (hex_decode(slice_text(maker->rules_hash), round.rules_hash, SHA256_SIZE, &len) != 0 ||
	    clock_parse(slice_text(AT), &now.now_ms) != 0)
		die("the rules have no hash");
	char *fixed = showing_definition(&round);
	if (!fixed || showing_define(fixed, &now, &text) != 0)
		die("memory is short");
	json_t *definition = json_loadb(text.data, text.len, 0, NULL);
	buf_release(&text);
	free(fixed);
	json_t *results = json_pack("[{s:s, s:s, s:s, s:i}]", "at", AT, "kind", "certified",
	    "sha256", sha256_hex, "version", 1);
	json_t *tally = json_pack(
	    "{s:s, s:I, s:I, s:O, s:s, s:{}, s:n, s:n, s:b, s:b, s:{s:s, s:i}, "
	    "s:[], s:s, s:s, s:i}",
	    "as_of", AT, "ballots", (json_int_t)maker->count, "sequence", (json_int_t)maker->count,
	    "citizen", rows, "contest", maker->contest->id, "experts", "formula", "notice",
	    "rehearsal", 0, "demonstration", maker->contest->demonstration, "result", "kind",
	    "certified", "version", 1, "standing", "phase", "certified", "log", "ok", "epoch", 1);
	put_json(maker, "published.json",
	    json_pack(
		"{s:o, s:o, s:o}", "definition", definition, "results", results, "tally", tally));
}

static void put_result(struct maker *maker)
{
	char text[600], hash[HEX_SIZE(SHA256_SIZE)];

	if (retally_count(maker->retally) != 0)
		die("memory is short");
	json_t *rows = retally_rows(maker->retally);
	json_t *document = json_pack(
	    "{s:i, s:s, s:s, s:b, s:s, s:I, s:I, s:I, s:o, s:O, s:[], "
	    "s:{s:{}, s:[], s:n}, s:s, s:{s:s, s:i}, s:s, s:s, s:s}",
	    "version", 1, "kind", "certified", "contest", maker->contest->id, "rehearsal", 0,
	    "rules_hash", maker->rules_hash, "ballots", (json_int_t)maker->count, "issued",
	    (json_int_t)maker->count, "log_size", (json_int_t)maker->count, "log", maker->log,
	    "citizen", rows, "advanced", "public", "experts", "standing", "formula", "annex_sha256",
	    "", "audit", "head", "", "n", 1, "at", AT, "who", "nobody", "why", "measured");
	put_json(maker, "results/1.json", document);
	memcpy(hash, maker->files[maker->n_files - 1].sha256, sizeof(hash));
	(void)snprintf(text, sizeof(text), "tallyd result v1\n%s\n1\n%s\n", maker->round, hash);
	put_note(maker, "results/1.note", maker->key_name, maker->result_seed, text);
	put(maker, "FORMAT.md", slice_text("# The files of a count\n"));
	put_published(maker, rows, hash);
	json_decref(rows);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct listed *)a)->path, ((const struct listed *)b)->path);
}

static void put_sums(struct maker *maker)
{
	struct buf sums, note;
	char text[600], hex[HEX_SIZE(SHA256_SIZE)];

	buf_init(&sums, BYTES_MAX);
	buf_init(&note, 65536);
	qsort(maker->files, maker->n_files, sizeof(*maker->files), by_path);
	for (size_t i = 0; i < maker->n_files; i++)
		if (buf_printf(&sums, "%s  %s\n", maker->files[i].sha256, maker->files[i].path) !=
		    0)
			die("memory is short");
	hash_hex(buf_slice(&sums), hex);
	(void)snprintf(text, sizeof(text), "tallyd bundle v1\n%s\n1\n%zu\n%s\n", maker->round,
	    maker->n_files, hex);
	if (note_sign(slice_text(text), maker->key_name, maker->result_seed, &note) != 0)
		die("the sums cannot be signed");
	write_file(maker, "SHA256SUMS", buf_slice(&sums));
	write_file(maker, "SHA256SUMS.note", buf_slice(&note));
	buf_release(&sums);
	buf_release(&note);
}

static void make(struct maker *maker, const char *file)
{
	struct config_errors errors = {0};

	if (contestfile_load(file, false, &maker->contest, &errors) != 0) {
		config_errors_print(&errors, stderr);
		exit(EX_CONFIG);
	}
	config_errors_release(&errors);
	contest_round(maker->contest, maker->round, sizeof(maker->round));
	(void)snprintf(
	    maker->key_name, sizeof(maker->key_name), LOG_NAME "/%s/result", maker->round);
	maker->retally = retally_new(maker->contest, maker->count);
	maker->log = json_array();
	if (!maker->retally || !maker->log)
		die("memory is short");
	put_contest(maker, file);
	put_keys(maker);
	for (unsigned shard = 0; shard < maker->contest->shards; shard++)
		put_shard(maker, shard);
	put_result(maker);
	put_sums(maker);
}

/* ---- measuring ---- */

static double cpu_s(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double rss_mib(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_maxrss / 1024;
}

/* All bytes of the files once; and a ballot's three short hashes: entry (some 125 bytes), leaf
 * (33), and one node of the tree (65). */
static double floor_s(uint64_t bytes, uint64_t count)
{
	static char piece[16384], shorter[125];
	uint8_t hash[SHA256_SIZE];
	double before = cpu_s();

	for (uint64_t at = 0; at < bytes; at += sizeof(piece))
		sha256(slice_make(piece, sizeof(piece)), hash);
	for (uint64_t i = 0; i < count; i++) {
		sha256(slice_make(shorter, 125), hash);
		sha256(slice_make(shorter, 33), hash);
		sha256(slice_make(shorter, 65), hash);
	}
	return cpu_s() - before;
}

static void measure(const char *dir, uint64_t count)
{
	const struct verify_options options = {0};
	struct verification *verification;
	char why[VERIFY_WHY_MAX] = "";
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	double base = rss_mib(), cpu = cpu_s();
	int64_t begin = now_ns();

	if (fd < 0 || verify_bundle(fd, &options, &verification, why) != 0)
		die("%s: %s", dir, why);
	cpu = cpu_s() - cpu;
	double wall = (double)(now_ns() - begin) / 1e9;
	(void)close(fd);
	if (verification->all_findings > 0)
		die("%s: %s", verification->findings[0].file, verification->findings[0].why);
	uint64_t bytes =
	    (uint64_t)json_integer_value(json_object_get(verification->checked, "bytes"));
	double least = floor_s(bytes, count);
	printf("verify CPU            %10.2f s for %" PRIu64 " ballots, %" PRIu64 " MB, %" PRId64
	       " files\n",
	    cpu, count, bytes / 1000000,
	    (int64_t)json_integer_value(json_object_get(verification->checked, "files")));
	printf("verify wall           %10.2f s\n", wall);
	printf("a ballot              %10.2f us of CPU\n", cpu * 1e6 / (double)count);
	printf("the floor             %10.2f s: the same bytes and short hashes, nothing else\n",
	    least);
	printf("verify / floor        %10.2f\n", cpu / least);
	printf(
	    "memory                %10.1f MiB beyond the program's %.1f\n", rss_mib() - base, base);
	verification_free(verification);
}

static int erase(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	struct maker maker = {.count = 1000000, .log_seed = {1}, .result_seed = {2}};
	const char *contest = NULL;
	char dir[] = "/tmp/tallyd-bundle-XXXXXX";
	int option, status = 1;

	while ((option = getopt(argc, argv, "c:n:")) != -1) {
		if (option == 'c')
			contest = optarg;
		else if (option == 'n')
			maker.count = (uint64_t)number_argument(optarg, "-n");
		else
			return EX_USAGE;
	}
	if (!contest || !mkdtemp(dir))
		die("usage: verify -c CONTEST.yaml [-n BALLOTS]");
	maker.dir = dir;
	pid_t child = fork(); /* so that only verifying counts here */
	if (child == 0) {
		make(&maker, contest);
		_exit(0);
	}
	if (child > 0 && waitpid(child, &status, 0) == child && status == 0)
		measure(dir, maker.count);
	(void)nftw(dir, erase, 16, FTW_DEPTH | FTW_PHYS);
	return status == 0 ? EX_OK : EX_SOFTWARE;
}
