/* One synthetic citizen: goes the whole way of a vote over one HTTP connection, and checks on it
 * all that a browser checks. Looks at the contest and its challenge, blinds a token, has it signed,
 * casts a ballot, and recomputes the receipt's entry. Knows nothing of rates or progress. */
#ifndef TALLYD_CTL_CITIZEN_H
#define TALLYD_CTL_CITIZEN_H

#include <event2/event.h>
#include <stdint.h>

#include "contest/contest.h"
#include "crypto/privacypass.h"

struct evhttp_connection;
struct round;

#define CITIZEN_BODY_MAX 8192

struct crowd { /* what the citizens of a run share; borrowed by each */
	struct event_base *base;
	const struct round *round; /* as the configuration has it: the server must agree */
	const char *log_name;
	const char *authority; /* value of the Host header */
	uint64_t random;       /* state of the run's generator: which ballots, never secrets */
	double weight[CONTEST_ENTRIES_MAX]; /* how well each entry is liked */
};

/* An uneven liking of the entries, from the seed. */
void crowd_init(struct crowd *crowd, uint64_t seed);

enum citizen_step { CITIZEN_CONTEST, CITIZEN_CHALLENGE, CITIZEN_TOKEN, CITIZEN_BALLOT };

struct citizen { /* plain memory of its owner; zero at first, then only touched by citizen.c */
	struct crowd *crowd;
	struct evhttp_connection *connection; /* borrowed */
	void (*on_done)(void *arg, const char *why);
	void *arg;
	struct event *again; /* the pause before another try */
	enum citizen_step step;
	int tries;
	uint8_t token[PP_TOKEN_SIZE];
	uint8_t request[PP_TOKEN_REQUEST_SIZE];
	uint8_t inverse[BLINDRSA_BYTES];
	char ballot[CITIZEN_BODY_MAX];
	char why[256];
};

/* Sets a citizen off. on_done(arg, why) comes exactly once and never from within this call: why is
 * NULL when the vote is counted and its receipt right, else a sentence. 0 or -ENOMEM. */
__attribute__((warn_unused_result)) int citizen_start(struct citizen *citizen, struct crowd *crowd,
    struct evhttp_connection *connection, void (*on_done)(void *arg, const char *why), void *arg);

/* Forgets the citizen's secrets and its timer. The connection must be freed before, where a citizen
 * is still on its way. */
void citizen_release(struct citizen *citizen);

#endif
