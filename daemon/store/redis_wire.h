/* A command as Redis reads it, the key that it is about, and the slot of that key. Pure. */
#ifndef TALLYD_STORE_REDIS_WIRE_H
#define TALLYD_STORE_REDIS_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

#define REDIS_SLOTS 16384 /* Redis Cluster specification, "Key distribution model" */

/* Appends the command (RESP 2: an array of bulk strings), and behind it a NUL that is not counted:
 * hiredis looks for the first argument as in a text. 0, -ENOMEM, -ENOBUFS. */
__attribute__((warn_unused_result)) int redis_wire(
    size_t argc, const struct slice *argv, struct buf *ret);

/* The first key of a command; all keys of a command have one hash tag here. False: it is about no
 * key. */
bool redis_wire_key(size_t argc, const struct slice *argv, struct slice *ret_key);

/* What lies between the first "{" and the next "}", unless that is empty; else the whole key. */
struct slice redis_hash_tag(struct slice key);
/* CRC-16/XMODEM of the hash tag, modulo REDIS_SLOTS. */
unsigned redis_slot(struct slice key);

#endif
