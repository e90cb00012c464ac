/* Turns. While more ask for voting rights than can be served, each is told when to come, one after
 * the other at the pace at which they are served, and gets a word that says when that is and for
 * which request. Pages send it along (Tallyd-Turn); whoever comes at their time with it goes before
 * those who come for the first time. Nothing is kept of anybody: the word is all there is. */
#ifndef TALLYD_API_TURN_H
#define TALLYD_API_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct hmac_key;

#define TURN_LONGEST_MS 600000 /* who comes later is told to come then */
#define TURN_SIZE       40     /* a word with its NUL */

/* The turns that one worker gives. Times are of the wall clock, since words go from worker to
 * worker and over restarts of one; zeroed but for the pace, which the first busy seconds correct.
 */
struct turns {
	double pace;      /* served a second while some were turned away */
	int64_t second;   /* the one that is counted */
	unsigned served;  /* in it */
	bool pressed;     /* somebody was turned away in it */
	int64_t next_us;  /* the first turn that nobody has */
	int64_t again_us; /* likewise, of those who came at theirs in vain */
};

void turns_served(struct turns *turns, int64_t now_ms);
/* Gives the next turn: when to come. */
int64_t turns_give(struct turns *turns, int64_t now_ms);
/* For one who came at their turn and found no room, since fewer are served than was thought: when
 * to come again. The turn they have stays. */
int64_t turns_put_off(struct turns *turns, int64_t now_ms);
/* Somebody was turned away just now. */
bool turns_are_pressed(const struct turns *turns, int64_t now_ms);
/* Nobody waits who was given a turn. */
bool turns_are_over(const struct turns *turns, int64_t now_ms);

/* The word for a turn, which is good for this very request. */
void turn_print(
    struct hmac_key *key, int64_t due_ms, struct slice request, char ret_word[TURN_SIZE]);
/* When the turn is that this word gives to this request; 0: it is no word of ours for it. */
int64_t turn_read(struct hmac_key *key, struct slice word, struct slice request, int64_t now_ms);

#endif
