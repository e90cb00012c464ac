/* Nothing inline, nothing from elsewhere, no script text made at run time (Trusted Types). */
#include "http/policy.h"

#include <stdio.h>

char *policy_connect(
    const char *api_origin, const char *issuer_origin, char ret_text[POLICY_CONNECT_MAX])
{
	const char *api = api_origin ? api_origin : "",
		   *issuer = issuer_origin ? issuer_origin : "";
	snprintf(ret_text, POLICY_CONNECT_MAX, "%s%s%s", api, *api && *issuer ? " " : "", issuer);
	return ret_text;
}

int policy_print(const char *connect, struct buf *out)
{
	return buf_printf(out,
	    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	    "font-src 'self'; manifest-src 'self'; connect-src 'self'%s%s; base-uri 'none'; "
	    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
	    "trusted-types 'none'",
	    connect && *connect ? " " : "", connect ? connect : "");
}
