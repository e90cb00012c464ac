/* Asks the signer process for blind signatures, over a SOCK_SEQPACKET socket, on the worker's loop.
 * Bounded: at most `queue` requests wait; each has a deadline. The signer's own half is
 * worker/signer.c; the messages are declared here for both. */
#ifndef TALLYD_CLIENT_SIGNER_H
#define TALLYD_CLIENT_SIGNER_H

#include <stdint.h>

#include "crypto/blindrsa.h"

struct event_base;
struct signer;

struct signer_request {
	uint64_t id;
	uint32_t key; /* which round's key: its place in the configuration */
	uint8_t blinded[BLINDRSA_BYTES];
};

struct signer_reply {
	uint64_t id;
	int32_t error; /* 0, or -errno of blindrsa_sign() */
	uint8_t signature[BLINDRSA_BYTES];
};

/* error: 0 with the signature; -EINVAL: the message is not one; -EIO: the signer failed;
 * -ETIMEDOUT: no answer in time. */
typedef void signer_cb(void *arg, int error, const uint8_t signature[BLINDRSA_BYTES]);

/* `fd` is borrowed and made non-blocking. NULL: memory. */
struct signer *signer_new(struct event_base *base, int fd, unsigned queue, unsigned deadline_ms);
/* Waiting requests complete with -EIO. */
void signer_free(struct signer *signer);

/* 0: the callback will come, in a later turn. -EBUSY: too many wait; it will not come. */
__attribute__((warn_unused_result)) int signer_sign(struct signer *signer, uint32_t key,
    const uint8_t blinded[BLINDRSA_BYTES], signer_cb *cb, void *arg);

#endif
