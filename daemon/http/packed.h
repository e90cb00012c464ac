/* A text whose beginning never changes and whose end is another each time, in gzip (RFC 1952): the
 * beginning is compressed once, each answer costs the compression of its end. */
#ifndef TALLYD_HTTP_PACKED_H
#define TALLYD_HTTP_PACKED_H

#include "base/buf.h"

struct packed;

/* Copies what it needs of `beginning`. NULL: memory. */
struct packed *packed_new(struct slice beginning);
void packed_free(struct packed *packed);

/* Appends one gzip member that decodes to the beginning and `end`. 0, -ENOMEM, -ENOBUFS. */
__attribute__((warn_unused_result)) int packed_append(
    const struct packed *packed, struct slice end, struct buf *out);

#endif
