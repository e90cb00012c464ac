/* Where calls may go: what libcurl, browsers and we read alike in an address. */
#include "client/call.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

static bool is_here(const char *host)
{
	struct in_addr four;

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127;
}

static bool has_part(CURLU *url, CURLUPart what)
{
	char *part = NULL;
	bool has = curl_url_get(url, what, &part, 0) == CURLUE_OK;

	curl_free(part);
	return has;
}

/* libcurl itself takes one slash or three, and browsers a backslash, for the two before a host. */
static bool is_good(CURLU *url, const char *text, bool plain_http)
{
	const char *colon = strchr(text, ':');
	char *scheme = NULL, *host = NULL;
	bool good = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
		    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0] != '\0' &&
		    !has_part(url, CURLUPART_USER) && !has_part(url, CURLUPART_PASSWORD) &&
		    !strpbrk(text, "#\\") && colon && strncmp(colon, "://", 3) == 0 &&
		    colon[3] != '/';

	good = good && (strcmp(scheme, "https") == 0 ||
			   (strcmp(scheme, "http") == 0 && (plain_http || is_here(host))));
	curl_free(scheme);
	curl_free(host);
	return good;
}

bool call_may_go(const char *text, bool plain_http)
{
	CURLU *url;
	bool good;

	if (strlen(text) > CALL_URL_MAX)
		return false;
	for (const char *at = text; *at; at++)
		if (*at <= ' ' || *at > '~')
			return false;
	url = curl_url();
	good = url && is_good(url, text, plain_http);
	curl_url_cleanup(url);
	return good;
}
