/* All shards of a contest: each log copied, and opened where the contest publishes openings or
 * auditors want them; then the count out of the openings. */
#include "audit/bundle_logs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/bundle_impl.h"
#include "audit/retally.h"
#include "base/encode.h"
#include "crypto/digest.h"
#include "store/seal.h"

struct shards {
	struct bundle *bundle;
	const struct bundle_logs_options *options;
	const struct bundle_desk *desk;
	struct seal *seal;         /* NULL: nothing is opened */
	struct hmac_key *salt_key; /* likewise */
	struct retally *retally;
	uint64_t issued;
	char *why;
};

/* What was certified of the shard: {"origin","root","shard","size"}. */
static int read_certified(
    const struct shards *it, unsigned shard, const char *origin, struct checkpoint *ret)
{
	const json_t *log = json_array_get(json_object_get(it->desk->document, "log"), shard);
	const char *root = json_string_value(json_object_get(log, "root"));
	const char *its = json_string_value(json_object_get(log, "origin"));
	json_int_t size = json_integer_value(json_object_get(log, "size"));
	size_t len;

	if (!root || !its || size < 0 || strcmp(its, origin) != 0 ||
	    json_integer_value(json_object_get(log, "shard")) != (json_int_t)shard ||
	    base64_decode(slice_text(root), ret->root, MERKLE_SIZE, &len) < 0 || len != MERKLE_SIZE)
		return bundle_fail(-EBADMSG, it->why,
		    "Version %" PRIu64
		    " of the result does not name the log %s as it stands; was "
		    "it certified before there was a public log, or before a new epoch? Then "
		    "correct it (tallyctl correct).",
		    it->desk->version, origin);
	ret->size = (uint64_t)size;
	return 0;
}

static int open_host(const struct shards *it, unsigned shard)
{
	const struct bundle_logs_options *options = it->options;
	const char *round = options->office->round->name;
	char path[PATH_MAX];
	int fd;

	if (!options->log_dir)
		return bundle_fail(-ENOENT, it->why,
		    "This host keeps no public log (ballot_log: dir); publish on one that does.");
	(void)snprintf(path, sizeof(path), "%s/%s/%u", options->log_dir, round, shard);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd
		       : bundle_fail(-errno, it->why,
			     "%s: this host does not have the log of shard %u: %s.", path, shard,
			     strerror(errno));
}

static int put_shard(struct shards *it, unsigned shard)
{
	const struct round *round = it->options->office->round;
	char identity[ORIGIN_MAX], origin[ORIGIN_MAX];
	struct bundle_log log = {.contest = round->contest->id,
	    .shard = shard,
	    .identity = identity,
	    .log_key = round->keys.log_key,
	    .epoch = it->desk->board->sealing.epoch,
	    .progress = it->options->progress,
	    .arg = it->options->arg};
	uint64_t issued = 0;
	int host, r;

	if (commitment_origin(it->options->log_name, round->contest, shard, identity) < 0 ||
	    commitment_epoch_origin(identity, log.epoch, origin) < 0)
		return bundle_fail(-EINVAL, it->why, "The log's name is too long.");
	r = read_certified(it, shard, origin, &log.certified);
	host = r == 0 ? open_host(it, shard) : r;
	if (host < 0)
		return host;
	r = bundle_copy_log(it->bundle, host, &log, &issued, it->why);
	(void)close(host);
	it->issued += issued;
	if (r == 0 && it->seal)
		r = bundle_openings(it->bundle, it->options->base, it->seal, it->salt_key, &log,
		    it->retally, it->why);
	return r;
}

/* The sum is what was certified; a note of before the close would say less. */
static int check_issued(const struct shards *it)
{
	json_int_t certified = json_integer_value(json_object_get(it->desk->document, "issued"));

	if (certified >= 0 && it->issued == (uint64_t)certified)
		return 0;
	return bundle_fail(-ESTALE, it->why,
	    "The log's notes tell of %" PRIu64 " tokens given out, and %" JSON_INTEGER_FORMAT
	    " were certified; is the server running, and has the log caught up?",
	    it->issued, certified);
}

static int count(struct shards *it, json_t **ret_rows)
{
	int r = retally_count(it->retally);
	json_t *rows = r == 0 ? retally_rows(it->retally) : NULL;

	if (!rows)
		return bundle_fail(-ENOMEM, it->why, "There is not enough memory.");
	*ret_rows = rows;
	return 0;
}

static int open_for_openings(struct shards *it)
{
	const struct round *round = it->options->office->round;
	const struct seal_options options = {
	    .round = round->name, .packing = round->contest, .shards = round->contest->shards};

	it->salt_key = hmac_key_new(slice_make(round->keys.salt, sizeof(round->keys.salt)));
	it->retally = retally_new(round->contest,
	    (size_t)json_integer_value(json_object_get(it->desk->document, "ballots")));
	it->seal = seal_new(it->options->redis, &options);
	return it->salt_key && it->retally && it->seal
		   ? 0
		   : bundle_fail(-ENOMEM, it->why, "There is not enough memory.");
}

int bundle_put_logs(struct bundle *bundle, const struct bundle_logs_options *options,
    const struct bundle_desk *desk, bool with_openings, json_t **ret_rows,
    char ret_why[BUNDLE_WHY_MAX])
{
	struct shards it = {.bundle = bundle, .options = options, .desk = desk, .why = ret_why};
	int r = with_openings ? open_for_openings(&it) : 0;

	for (unsigned shard = 0; r == 0 && shard < options->office->round->contest->shards; shard++)
		r = put_shard(&it, shard);
	if (r == 0)
		r = check_issued(&it);
	if (r == 0 && with_openings)
		r = count(&it, ret_rows);
	seal_free(it.seal);
	retally_free(it.retally);
	hmac_key_free(it.salt_key);
	return r;
}
