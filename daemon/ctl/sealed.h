/* What is known of a contest's public logs: the record's word, and of each shard what Redis and
 * this host's disk have. For tallyctl log. */
#ifndef TALLYD_CTL_SEALED_H
#define TALLYD_CTL_SEALED_H

#include "contest/commitment.h"
#include "ctl/session.h"
#include "office/sealing.h"
#include "store/seal.h"

#define SEALED_HOLDER_MAX 128

struct sealed_note {                  /* a checkpoint that somewhere stands */
	bool any;                     /* one is there, of struct sealed's epoch */
	bool good;                    /* signed by the log's key under the epoch's origin */
	struct checkpoint checkpoint; /* where it is good */
};

struct sealed_shard {
	int error; /* 0; -EBADMSG: damaged in Redis; -ENOENT: not opened; nothing below is known
		      then but `here` */
	char origin[ORIGIN_MAX]; /* of struct sealed's epoch */
	uint64_t ballots;        /* in Redis' log */
	bool latched;            /* closed for good */
	uint64_t epoch; /* the shard's in Redis; the record is the first to know of a new one */
	bool by_hand;   /* that one is later, and no statement by the log's key begins it */
	struct sealed_note redis, here;
	int64_t here_age_ms;  /* of the checkpoint's file; where here.any */
	bool here_from_files; /* `here` is good, but no file has it: of the issued note and the
				 tiles, the checkpoint is gone */
	uint64_t
	    here_lost; /* entries that the issued note tells of, where the tiles are gone, too */
	/* Issued tokens: as Redis has them, and the most that a signed note tells of. */
	uint64_t issued, issued_noted;
	char holder[SEALED_HOLDER_MAX]; /* "": nobody has the lease now */
	char halt[SEAL_WHY_MAX + 1];    /* "": none */
	bool refuses;    /* every ballot: its log in Redis is damaged; after sealed_ask_taken() */
	int64_t late_ms; /* since when a ballot has waited too long, in ms of the epoch; 0: none */
};

struct sealed {
	struct session *session;
	struct seal *seal;
	struct sealing sealing; /* the record's word */
	uint64_t epoch; /* the record's; or a later one of this host's disk: the record was lost */
	struct sealed_shard *shard; /* session->round->contest->shards */
	int64_t now_ms;             /* Redis' clock */
	/* While it is under way. */
	size_t waiting;
	unsigned tries;
};

/* Reads all of it. 0; or the exit status, told. sealed_release() in either case, after
 * session_close(). */
int sealed_look(struct session *session, struct sealed *ret_sealed);
void sealed_release(struct sealed *sealed);

/* Whether this host knows of more that was signed than Redis has: an older copy of it. */
bool sealed_is_behind(const struct sealed_shard *shard);
/* How a shard is doing, in a word or some. */
const char *sealed_word(const struct sealed_shard *shard);

/* This host's directory of the shard's log in struct sealed's epoch: a descriptor, to be closed, or
 * -errno (-ENOENT also where this host keeps no logs). */
int sealed_open_log(const struct sealed *sealed, unsigned shard);

/* Finds out which shards refuse ballots. 0; -EIO: Redis. */
__attribute__((warn_unused_result)) int sealed_ask_taken(struct sealed *sealed);

/* Shards whose epoch was written by hand stand in struct sealed's again; they have halted before.
 * 0; or the exit status, told. */
int sealed_rewind(struct sealed *sealed);

/* Nobody signs from now on, in no shard, until another epoch; then reads again. 0; or the exit
 * status, told. */
int sealed_stop(struct sealed *sealed, const char *why);

#endif
