/* Reads the token of a named person from a file. Does not judge it. */
#include "ctl/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <openssl/crypto.h>

#include "crypto/jws.h"

#define FILE_MAX (2 * JWS_MAX + 4096) /* what invite prints of one person, but for a QR code */

static const char mark[] = "#token=", spaces[] = " \t\r\n";

/* The token in the text, which need not be alone there. NULL: there are two. */
static const char *find_token(const char *text, size_t *ret_len)
{
	const char *link = strstr(text, mark);

	if (link == NULL) {
		text += strspn(text, spaces);
		*ret_len = strlen(text);
		while (*ret_len > 0 && strchr(spaces, text[*ret_len - 1]) != NULL)
			(*ret_len)--;
		return text;
	}
	link += sizeof(mark) - 1;
	*ret_len = strcspn(link, spaces);
	return strstr(link, mark) == NULL ? link : NULL;
}

int session_token(const char *path, char ret_token[SESSION_TOKEN_SIZE])
{
	FILE *file = fopen(path, "re");
	char text[FILE_MAX + 1];
	size_t len;
	int status = EX_OK;

	if (file == NULL)
		return ctl_fail(EX_NOINPUT,
		    "%s: %s. It is to hold an organiser's token, or the link that tallyctl invite "
		    "printed.",
		    path, strerror(errno));
	len = fread(text, 1, FILE_MAX, file);
	if (ferror(file))
		status = ctl_fail(EX_NOINPUT, "%s: %s.", path, strerror(errno));
	(void)fclose(file);
	text[len] = '\0';
	const char *token = find_token(text, &len);
	if (status == EX_OK && token == NULL)
		status = ctl_fail(EX_NOPERM,
		    "%s: holds more than one link; leave the one of whoever acts.", path);
	if (status == EX_OK && token != NULL) {
		if (len > SESSION_TOKEN_SIZE - 1)
			len = SESSION_TOKEN_SIZE - 1;
		memcpy(ret_token, token, len);
		ret_token[len] = '\0';
	}
	OPENSSL_cleanse(text, sizeof(text));
	return status;
}
