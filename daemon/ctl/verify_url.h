/* A bundle at an http: or https: address: fetched into a private directory, verified there, and
 * removed again, on signals too. */
#ifndef TALLYD_CTL_VERIFY_URL_H
#define TALLYD_CTL_VERIFY_URL_H

#include <stdbool.h>

#include "audit/verify.h"

bool verify_url_is(const char *where);
/* 0, or the exit status, told. The progress of `options` is a struct progress'. */
int verify_url(
    const char *url, struct verify_options *options, struct verification **ret_verification);

#endif
