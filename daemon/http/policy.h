/* The Content-Security-Policy of the pages, the same from the daemon and from a static host. */
#ifndef TALLYD_HTTP_POLICY_H
#define TALLYD_HTTP_POLICY_H

#include "base/buf.h"

#define POLICY_CONNECT_MAX 600 /* two origins and a space */

/* What pages may connect to beside their own origin: those of the two that are not empty or NULL,
 * space-separated. Returns ret_text. */
char *policy_connect(
    const char *api_origin, const char *issuer_origin, char ret_text[POLICY_CONNECT_MAX]);

/* Appends the policy's value; `connect` as above, or NULL. 0, -ENOMEM, -ENOBUFS. */
__attribute__((warn_unused_result)) int policy_print(const char *connect, struct buf *out);

#endif
