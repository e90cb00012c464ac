/* What sealing a ballot costs: its salt, its entry, its leaf and nodes, its share of the files; and
 * what a voter's proof from those files costs. Against what nobody can save in the same run: the
 * bare SHA-256 blocks of all these hashes, and the full files that the format asks for, just made,
 * written and synced. */
#include "bench.h"

#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "contest/commitment.h"
#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "floor.h"
#include "tlog/tree.h"

static const char usage[] =
    "usage: seal --dir EMPTY-DIRECTORY [--count N] [--step N] [--proofs N]\n";
static const char origin[] = "vote.example/kai-stage1/0";
static const char ballot[] = "choices\nupstage\n";

struct load {
	const char *path;
	uint64_t count;
	uint64_t step; /* entries between two flushes */
	uint64_t proofs;
	int dir;
	double hash_us; /* salt and entry */
	double append_us;
	double flush_us;
	double flush_wall_us;
	uint64_t flushes;
};

/* 64-byte blocks that SHA-256 takes for a message: one byte and a length of eight are added. */
static double blocks(size_t len)
{
	return (double)((len + 1 + 8 + 63) / 64);
}

/* Of one entry: HMAC (its two padded keys are kept), entry, leaf, node. */
static double blocks_an_entry(void)
{
	const size_t identity = strlen(origin) + 1 + 8 + SPENT_SIZE;

	return blocks(identity) + 1 + blocks(17 + identity + SALT_SIZE + strlen(ballot)) +
	       blocks(1 + TLOG_ENTRY_SIZE) + blocks(1 + 2 * MERKLE_SIZE);
}

/* Of a proof somewhere in a large log: all nodes but one a height of a tile that is not in memory.
 */
static double blocks_a_proof(void)
{
	return (TLOG_WIDTH - 1 - 8) * blocks(1 + 2 * MERKLE_SIZE);
}

/* One long message: no padding, no contexts, no calls. */
static double block_floor_us(void)
{
	static uint8_t bytes[1 << 20];
	uint8_t digest[SHA256_SIZE];
	const unsigned rounds = 64;
	double before = own_cpu_us();

	for (unsigned i = 0; i < rounds; i++)
		if (EVP_Digest(bytes, sizeof(bytes), digest, NULL, EVP_sha256(), NULL) != 1)
			die("SHA-256 fails");
	return (own_cpu_us() - before) / ((double)rounds * sizeof(bytes) / 64);
}

/* The full files that the format asks for, a tile and a bundle every 256 entries, each just made,
 * written and synced. What it takes to make a file is the file system's affair: ext4 is slow at it
 * while many other files are being removed. */
static double files_floor_us(const struct load *load)
{
	static uint8_t bytes[(TLOG_TILE_MAX + TLOG_BUNDLE_MAX) / 2];
	const uint64_t files = 2 * (load->count / TLOG_WIDTH);
	double before = own_cpu_us(), after;

	for (uint64_t i = 0; i < files; i++) {
		char name[32];
		int fd;
		(void)snprintf(name, sizeof(name), "floor-%llu", (unsigned long long)i);
		fd = openat(load->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes) ||
		    fdatasync(fd) < 0 || close(fd) < 0)
			die("%s/%s: %s", load->path, name, strerror(errno));
	}
	after = own_cpu_us();
	for (uint64_t i = 0; i < files; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "floor-%llu", (unsigned long long)i);
		(void)unlinkat(load->dir, name, 0);
	}
	return (after - before) / (double)load->count;
}

/* ---- sealing ---- */

static void make_entries(
    struct hmac_key *key, uint64_t from, uint64_t to, uint8_t (*ret_entries)[TLOG_ENTRY_SIZE])
{
	for (uint64_t index = from; index < to; index++) {
		uint8_t spent[SPENT_SIZE] = {0}, salt[SALT_SIZE];
		put_u64be(spent, index * 2654435761u);
		commitment_salt(key, origin, index, spent, salt);
		commitment_entry(
		    origin, index, spent, salt, slice_text(ballot), ret_entries[index - from]);
	}
}

static void seal_step(
    struct load *load, struct hmac_key *key, struct tree *tree, uint8_t (*entries)[TLOG_ENTRY_SIZE])
{
	uint64_t from = tree_size(tree);
	uint64_t to = from + load->step < load->count ? from + load->step : load->count;
	double start = own_cpu_us(), hashed, appended;
	int64_t wall;

	make_entries(key, from, to, entries);
	hashed = own_cpu_us();
	for (uint64_t index = from; index < to; index++)
		if (tree_append(tree, entries[index - from]) < 0)
			die("an entry cannot be appended");
	appended = own_cpu_us();
	wall = now_ns();
	if (tree_flush(tree) < 0)
		die("%s cannot be written", load->path);
	load->flush_us += own_cpu_us() - appended;
	load->flush_wall_us += (double)(now_ns() - wall) / 1000;
	load->append_us += appended - hashed;
	load->hash_us += hashed - start;
	load->flushes++;
}

static void seal_all(struct load *load, struct checkpoint *ret_checkpoint)
{
	struct hmac_key *key = hmac_key_new(slice_text("a contest's secret of 32 bytes ."));
	uint8_t(*entries)[TLOG_ENTRY_SIZE] = calloc(load->step, sizeof(*entries));
	char bad[TLOG_PATH_MAX];
	struct tree *tree;

	if (key == NULL || entries == NULL || tree_open(load->dir, 0, &tree, bad) < 0)
		die("not enough memory");
	while (tree_size(tree) < load->count)
		seal_step(load, key, tree, entries);
	ret_checkpoint->size = tree_size(tree);
	tree_root(tree, ret_checkpoint->root);
	tree_free(tree);
	free(entries);
	hmac_key_free(key);
}

/* ---- what comes of it ---- */

static double open_us(const struct load *load)
{
	char bad[TLOG_PATH_MAX];
	struct tree *tree;
	double before = own_cpu_us();

	if (tree_open(load->dir, load->count, &tree, bad) < 0)
		die("%s/%s is not what was written", load->path, bad);
	tree_free(tree);
	return (own_cpu_us() - before) / (double)load->count;
}

static double proof_us(const struct load *load, const struct checkpoint *checkpoint)
{
	const uint8_t seed[32] = {1};
	struct tlog_cache *cache = tlog_cache_new(128); /* as a worker has it */
	struct tlog_proof proof = {.index = 1};
	struct buf note, text;
	double before;

	buf_init(&note, CHECKPOINT_MAX);
	buf_init(&text, TLOG_PROOF_MAX);
	if (cache == NULL || checkpoint_sign(checkpoint, origin, seed, &note) < 0)
		die("the checkpoint cannot be signed");
	proof.checkpoint = buf_slice(&note);
	before = own_cpu_us();
	for (uint64_t i = 0; i < load->proofs; i++) {
		proof.index = (i * 2654435761u) % load->count;
		buf_clear(&text);
		if (tlog_cache_inclusion(cache, 0, load->dir, checkpoint, proof.index, proof.hashes,
			&proof.n_hashes) < 0 ||
		    tlog_proof_print(&proof, &text) < 0)
			die("no proof of %llu", (unsigned long long)proof.index);
	}
	before = own_cpu_us() - before;
	buf_release(&note);
	buf_release(&text);
	tlog_cache_free(cache);
	return before / (double)load->proofs;
}

static void report(const struct load *load, double block_us, const struct checkpoint *checkpoint)
{
	double n = (double)load->count;
	double sum = (load->hash_us + load->append_us + load->flush_us) / n;
	double hashes = blocks_an_entry() * block_us, files = files_floor_us(load);
	double proof = proof_us(load, checkpoint);

	(void)printf("CPU an entry          %10.2f us\n", sum);
	(void)printf("  salt and entry      %10.2f us\n", load->hash_us / n);
	(void)printf("  leaf and nodes      %10.2f us\n", load->append_us / n);
	(void)printf("  files               %10.2f us\n", load->flush_us / n);
	(void)printf("floor an entry        %10.2f us (%.0f SHA-256 blocks, full files alone)\n",
	    hashes + files, blocks_an_entry());
	(void)printf("  blocks alone        %10.2f us\n", hashes);
	(void)printf("  files alone         %10.2f us\n", files);
	(void)printf("a flush               %10.2f ms, by the clock, of %llu entries\n",
	    load->flush_wall_us / (double)load->flushes / 1000, (unsigned long long)load->step);
	(void)printf("opening, an entry     %10.2f us\n", open_us(load));
	(void)printf("CPU a proof           %10.1f us (from tiles, printed)\n", proof);
	(void)printf("floor a proof         %10.1f us (the nodes of one tile of leaves alone)\n",
	    blocks_a_proof() * block_us);
	(void)printf("proofs a second       %10.0f on one processor\n", 1e6 / proof);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"dir", required_argument, NULL, 'd'},
	    {"count", required_argument, NULL, 'n'},
	    {"step", required_argument, NULL, 's'},
	    {"proofs", required_argument, NULL, 'p'},
	    {NULL, 0, NULL, 0},
	};
	struct load load = {.count = 1000000, .step = 10000, .proofs = 5000};
	struct checkpoint checkpoint;
	double block, block_after;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'd')
			load.path = optarg;
		else if (option == 'n')
			load.count = (uint64_t)number_argument(optarg, "--count");
		else if (option == 's')
			load.step = (uint64_t)number_argument(optarg, "--step");
		else if (option == 'p')
			load.proofs = (uint64_t)number_argument(optarg, "--proofs");
		else
			optind = 0;
	}
	if (load.path == NULL || optind != argc || load.step > TREE_PENDING_MAX) {
		(void)fputs(usage, stderr);
		return EX_USAGE;
	}
	load.dir = open(load.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (load.dir < 0)
		die("%s: %s", load.path, strerror(errno));
	block = block_floor_us();
	seal_all(&load, &checkpoint);
	block_after = block_floor_us();
	report(&load, block < block_after ? block : block_after, &checkpoint);
	(void)close(load.dir);
	return EX_OK;
}
