/* Reads lines from the last to the first and each from its right. A line of Forwarded has to be
 * read from its left, since quotes may hold commas; one that is not well-formed is not believed at
 * all, or an open quote would swallow what the proxy added. */
#include "http/forwarded.h"

#include <string.h>
#include <strings.h>

#define ELEMENTS_MAX 32 /* of a line; the last ones count */

void forwarded_add(struct forwarded *forwarded, struct slice line)
{
	if (forwarded->n == FORWARDED_LINES_MAX) {
		memmove(forwarded->lines, forwarded->lines + 1,
		    (FORWARDED_LINES_MAX - 1) * sizeof(forwarded->lines[0]));
		forwarded->n--;
	}
	forwarded->lines[forwarded->n++] = line;
}

static struct slice trim(struct slice text)
{
	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
		text = slice_make(text.ptr + 1, text.len - 1);
	while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* ---- one address ---- */

/* RFC 7239 section 6.2; an obfuscated port is one, too. */
static bool is_port(const char *at, const char *end)
{
	if (end - at < 2 || *at != ':')
		return false;
	while (++at < end)
		if (!(*at >= '0' && *at <= '9') && !(*at >= 'a' && *at <= 'z') &&
		    !(*at >= 'A' && *at <= 'Z') && *at != '.' && *at != '_' && *at != '-')
			return false;
	return true;
}

/* IPv4, [IPv6], each with or without a port; `bare`: IPv6 without brackets, too. */
static bool read_node(struct slice text, bool bare, union peer_address *ret_address)
{
	if (text.len == 0)
		return false;
	const char *end = text.ptr + text.len;
	if (text.ptr[0] == '[') {
		const char *close = memchr(text.ptr, ']', text.len);
		return close && (close + 1 == end || is_port(close + 1, end)) &&
		       net_address(
			   slice_make(text.ptr + 1, (size_t)(close - text.ptr - 1)), ret_address) &&
		       ret_address->any.sa_family == AF_INET6;
	}
	const char *colon = memchr(text.ptr, ':', text.len);
	if (colon && bare && memchr(colon + 1, ':', (size_t)(end - colon - 1)))
		return net_address(text, ret_address);
	if (!colon)
		return net_address(text, ret_address) && ret_address->any.sa_family == AF_INET;
	return is_port(colon, end) &&
	       net_address(slice_make(text.ptr, (size_t)(colon - text.ptr)), ret_address) &&
	       ret_address->any.sa_family == AF_INET;
}

/* ---- Forwarded ---- */

static bool is_token_char(char c)
{
	return c > 0x20 && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

/* token "=" ( token / quoted-string ), from *at on. False: it is not well-formed. */
static bool take_pair(
    const char **at, const char *end, struct slice *ret_name, struct slice *ret_value)
{
	const char *c = *at, *from = c;

	while (c < end && is_token_char(*c))
		c++;
	*ret_name = slice_make(from, (size_t)(c - from));
	if (c == from || c == end || *c++ != '=' || c == end)
		return false;
	if (*c == '"') {
		from = ++c;
		while (c < end && *c != '"')
			c += *c == '\\' && c + 1 < end ? 2 : 1;
		if (c == end)
			return false;
		*ret_value = slice_make(from, (size_t)(c - from));
		*at = c + 1;
		return true;
	}
	/* Colons and brackets would have to be quoted; many leave the quotes out. */
	from = c;
	while (c < end && (is_token_char(*c) || *c == ':' || *c == '[' || *c == ']'))
		c++;
	*ret_value = slice_make(from, (size_t)(c - from));
	*at = c;
	return c > from;
}

static void skip_space(const char **at, const char *end)
{
	while (*at < end && (**at == ' ' || **at == '\t'))
		++*at;
}

/* One element's pairs up to a comma or the end; *ret_for is empty where it names nobody. */
static bool take_element(const char **at, const char *end, struct slice *ret_for)
{
	struct slice name, value;

	*ret_for = slice_make(NULL, 0);
	while (*at < end && **at != ',') {
		if (!take_pair(at, end, &name, &value))
			return false;
		if (name.len == 3 && strncasecmp(name.ptr, "for", 3) == 0) {
			if (ret_for->len > 0 || value.len == 0)
				return false;
			*ret_for = value;
		}
		skip_space(at, end);
		if (*at < end && **at != ';' && **at != ',')
			return false;
		if (*at < end && **at == ';')
			++*at;
		skip_space(at, end);
	}
	return true;
}

struct elements {
	struct slice of[ELEMENTS_MAX];
	size_t n;
};

static void add_element(struct elements *elements, struct slice element)
{
	if (elements->n == ELEMENTS_MAX) {
		memmove(
		    elements->of, elements->of + 1, (ELEMENTS_MAX - 1) * sizeof(elements->of[0]));
		elements->n--;
	}
	elements->of[elements->n++] = element;
}

static bool split_forwarded(struct slice line, struct elements *ret)
{
	const char *at = line.ptr, *end = line.ptr + line.len;
	struct slice node;

	ret->n = 0;
	for (skip_space(&at, end); at < end; skip_space(&at, end)) {
		if (*at == ',') { /* RFC 9110, section 5.6.1.2: empty elements are no error */
			at++;
			continue;
		}
		if (!take_element(&at, end, &node))
			return false;
		add_element(ret, node);
	}
	return true;
}

/* ---- X-Forwarded-For ---- */

static bool split_plain(struct slice line, struct elements *ret)
{
	ret->n = 0;
	while (line.len > 0) {
		const char *comma = memchr(line.ptr, ',', line.len);
		size_t n = comma ? (size_t)(comma - line.ptr) : line.len;
		struct slice element = trim(slice_make(line.ptr, n));
		if (element.len > 0)
			add_element(ret, element);
		line = comma ? slice_make(comma + 1, line.len - n - 1) : slice_make(NULL, 0);
	}
	return true;
}

/* ---- whose it is ---- */

bool forwarded_trusts(const struct forwarded_policy *policy, const union peer_address *address)
{
	for (size_t i = 0; i < policy->n_proxies; i++)
		if (net_holds(&policy->proxies[i], &address->any))
			return true;
	return false;
}

void forwarded_client(const struct forwarded_policy *policy, const struct forwarded *forwarded,
    const union peer_address *peer, union peer_address *ret_client)
{
	bool plain = policy->field == FORWARDED_FOR;
	struct elements elements = {.n = 0};

	*ret_client = *peer;
	for (size_t line = forwarded->n; line > 0; line--) {
		if (!(plain ? split_plain : split_forwarded)(forwarded->lines[line - 1], &elements))
			return;
		for (size_t i = elements.n; i > 0; i--) {
			union peer_address next;
			if (!forwarded_trusts(policy, ret_client) ||
			    !read_node(elements.of[i - 1], plain, &next))
				return;
			*ret_client = next;
		}
	}
}
