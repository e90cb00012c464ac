/* Writing to a descriptor to the last byte. */
#ifndef TALLYD_BASE_IO_H
#define TALLYD_BASE_IO_H

#include "base/slice.h"

/* Goes on after an interruption, and after a part. 0 or -errno; then a part may be written. */
__attribute__((warn_unused_result)) int io_write_all(int fd, struct slice bytes);

#endif
