/* GET …/receipts/{shard}/{index}: the proof that the ballot at this place is in the log, a
 * tlog-proof without `extra`. Made from this host's disk alone; who asks says no more than the
 * place. */
#include "api/app.h"
#include "api/live.h"
#include "api/logs.h"
#include "api/routes.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "crypto/checkpoint.h"

#define DIGITS_MAX 15 /* of any number that this API speaks of */

/* Canonical decimals only. 0 or -EINVAL. */
static int read_index(struct slice text, uint64_t *ret_index)
{
	uint64_t index = 0;

	if (text.len == 0 || text.len > DIGITS_MAX || (text.len > 1 && text.ptr[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -EINVAL;
		index = index * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	*ret_index = index;
	return 0;
}

/* ---- what is not there ---- */

static void reply_no_shard(struct request *req)
{
	reply_problem(
	    req, &(struct problem){.status = 404,
		     .type = "no-such-shard",
		     .title = "No such log",
		     .detail = "This contest has no log of that number; a receipt names its "
			       "\"shard\"."});
}

static void reply_no_index(struct request *req)
{
	reply_problem(
	    req, &(struct problem){.status = 404,
		     .type = "no-such-index",
		     .title = "No such place",
		     .detail = "That is no place in a log; a receipt names its \"index\", a "
			       "number from 0."});
}

static void reply_unavailable(struct request *req, const char *detail)
{
	reply_problem(req, &(struct problem){.status = 503,
			       .type = "unavailable",
			       .title = "No proof can be made here now",
			       .detail = detail,
			       .retry_after_s = 10});
}

/* It is sealed within the contest's step; while sealing stands still nobody can say when. */
static void reply_not_sealed(const struct service *service, struct request *req)
{
	uint64_t epoch;
	bool halted = strcmp(live_log(service->live, &epoch), "halted") == 0;
	int wait_s = (service->round->contest->seal.max_wait_ms + 999) / 1000;

	reply_problem(req,
	    &(struct problem){.status = 404,
		.type = "not-sealed",
		.title = "Not in the public log yet",
		.detail =
		    halted
			? "No signed checkpoint covers this place yet, and the public log stands "
			  "still at the moment. Votes are counted meanwhile."
			: "No signed checkpoint covers this place yet. Votes are added to the "
			  "public log in steps; ask again.",
		.retry_after_s = halted       ? 60
				 : wait_s > 0 ? wait_s
					      : 1});
}

/* ---- the proof ---- */

static int print_proof(struct logs *logs, unsigned shard, const struct logs_checkpoint *checkpoint,
    uint64_t index, struct buf *out)
{
	struct tlog_proof proof = {.index = index, .checkpoint = checkpoint->note};
	int r = logs_prove(logs, shard, index, proof.hashes, &proof.n_hashes);

	return r == 0 ? tlog_proof_print(&proof, out) : r;
}

static void reply_proof(struct service *service, struct request *req, unsigned shard,
    const struct logs_checkpoint *checkpoint, uint64_t index)
{
	struct buf text;
	int r;

	buf_init(&text, TLOG_PROOF_MAX);
	r = print_proof(service->logs, shard, checkpoint, index, &text);
	if (r == 0) {
		reply_bytes(req, 200, "text/plain; charset=utf-8", buf_slice(&text), NULL, 0);
	} else {
		log_error("no proof of inclusion from the log's files: %s", strerror(-r));
		reply_unavailable(req,
		    "This host's copy of the log is not whole. Ask again, or make "
		    "the proof from the log's tiles.");
	}
	buf_release(&text);
}

static void prove(struct service *service, struct request *req, unsigned shard, uint64_t index)
{
	struct logs_checkpoint checkpoint;
	int r = logs_checkpoint(
	    service->logs, shard, live_epoch_here(service->live, shard), &checkpoint);

	if (r == 0 && index < checkpoint.head.size)
		reply_proof(service, req, shard, &checkpoint, index);
	else if (r == 0 || r == -ENOENT)
		reply_not_sealed(service, req);
	else
		reply_unavailable(req, "This host cannot read its copy of the log at the moment.");
}

void receipts_get(void *app, struct request *req)
{
	struct service *service = app_service(app, req);
	uint64_t index;
	unsigned shard;

	if (!service)
		return;
	if (app_shard(service, req->params[1], &shard) < 0)
		reply_no_shard(req);
	else if (read_index(req->params[2], &index) < 0)
		reply_no_index(req);
	else if (!service->logs)
		reply_unavailable(req, "This host keeps no copy of the log; others may.");
	else
		prove(service, req, shard, index);
}
