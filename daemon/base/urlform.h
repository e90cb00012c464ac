/* application/x-www-form-urlencoded, as RFC 6749 (appendix B) asks for it: letters, digits and -._~
 * stand for themselves, so that ids of these are the same to servers that do not decode them; a
 * space is "+", all other bytes are %XX. */
#ifndef TALLYD_BASE_URLFORM_H
#define TALLYD_BASE_URLFORM_H

#include "base/buf.h"

/* Each returns 0, -ENOMEM or -ENOBUFS (the buffer's ceiling); the buffer may then end anywhere. */
__attribute__((warn_unused_result)) int urlform_encode(struct buf *out, const char *text);
/* name=value, behind a "&" where something stands before; nothing where `value` is NULL. The name
 * is written as it is. */
__attribute__((warn_unused_result)) int urlform_add(
    struct buf *out, const char *name, const char *value);

#endif
