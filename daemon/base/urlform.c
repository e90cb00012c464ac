#include "base/urlform.h"

#include <string.h>

int urlform_encode(struct buf *out, const char *text)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	int r = 0;

	for (; *text && r == 0; text++)
		if (strchr(plain, *text))
			r = buf_append(out, text, 1);
		else if (*text == ' ')
			r = buf_append(out, "+", 1);
		else
			r = buf_printf(out, "%%%02X", (unsigned char)*text);
	return r;
}

int urlform_add(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return 0;
	int r = buf_printf(out, "%s%s=", out->len > 0 ? "&" : "", name);
	return r == 0 ? urlform_encode(out, value) : r;
}
