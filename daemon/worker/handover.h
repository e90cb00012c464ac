/* One program of the supervisor makes way for another, in the same process, so that its children
 * and sockets stay. What the next one must know goes along in the environment. */
#ifndef TALLYD_WORKER_HANDOVER_H
#define TALLYD_WORKER_HANDOVER_H

#include <sys/types.h>

#include <jansson.h>

/* The option that the check below runs the program with, and its exit status if it would. */
#define HANDOVER_CHECK "check-handover"
#define HANDOVER_YES   42 /* not 0: nothing is believed of what is no tallyd */

/* Starts the program that `argv` names, as it is on the disk now, to see whether it would take over
 * what `handover` describes, with the configuration that is on the disk now. `pass_on` is called
 * there before exec(). Returns its pid, or -errno. Where its exit status is another, it has said
 * why. */
pid_t handover_check(char **argv, const json_t *handover, void (*pass_on)(void *arg), void *arg);

/* Becomes that program. Descriptors must have been passed on. Returns -errno, or not at all. */
int handover_exec(char **argv, const json_t *handover);

/* What the program before this one wants to be taken over, and once only; NULL: there was none, or
 * *ret_error is -EINVAL and it is nothing that this one understands. The caller frees it. */
json_t *handover_take(int *ret_error);

#endif
