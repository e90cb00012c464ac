/* hiredis' context on libevent, its replies, and addresses: see redis_link.h. */
#include "store/redis_link.h"

#include "store/redis.h" /* before hiredis, which has a macro REDIS_OK */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

/* ---- libevent hooks ---- */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *link = arg;

	(void)fd;
	(void)what;
	redisAsyncHandleRead(link->ac);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *link = arg;

	(void)fd;
	(void)what;
	redisAsyncHandleWrite(link->ac);
}

static void hook_add_read(void *data)
{
	struct redis_link *link = data;

	if (!event_pending(&link->readable, EV_READ, NULL))
		event_add(&link->readable, NULL);
}

static void hook_del_read(void *data)
{
	struct redis_link *link = data;

	event_del(&link->readable);
}

/* Once connected, what is queued goes out by redis_flush(), at the latest in the next turn; the
 * socket is watched only when it did not take everything. This saves two epoll_ctl() a command. */
static void hook_add_write(void *data)
{
	struct redis_link *link = data;

	if (link->connecting)
		event_add(&link->writable, NULL);
	else if (link->ac->data)
		link->on_output(link->ac->data);
}

static void hook_del_write(void *data)
{
	struct redis_link *link = data;

	event_del(&link->writable);
}

static void on_cleanup(void *data)
{
	struct redis_link *link = data;

	event_del(&link->readable);
	event_del(&link->writable);
	free(link);
}

struct redis_link *redis_link_new(
    struct event_base *base, redisAsyncContext *ac, void (*on_output)(void *owner))
{
	struct redis_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->ac = ac;
	link->on_output = on_output;
	link->connecting = true;
	event_assign(&link->readable, base, ac->c.fd, EV_READ | EV_PERSIST, on_readable, link);
	event_assign(&link->writable, base, ac->c.fd, EV_WRITE | EV_PERSIST, on_writable, link);
	ac->ev.data = link;
	ac->ev.addRead = hook_add_read;
	ac->ev.delRead = hook_del_read;
	ac->ev.addWrite = hook_add_write;
	ac->ev.delWrite = hook_del_write;
	ac->ev.cleanup = on_cleanup;
	return link;
}

void redis_link_watch_output(struct redis_link *link)
{
	if (!event_pending(&link->writable, EV_WRITE, NULL))
		event_add(&link->writable, NULL);
}

void redis_link_watch_input(struct redis_link *link)
{
	hook_add_read(link);
}

/* ---- replies ---- */

static const redisReply *raw(const struct redis_reply *reply)
{
	return (const redisReply *)(const void *)reply;
}

enum redis_kind redis_reply_kind(const struct redis_reply *reply)
{
	switch (raw(reply)->type) {
	case REDIS_REPLY_INTEGER:
		return REDIS_INTEGER;
	case REDIS_REPLY_STRING:
		return REDIS_TEXT;
	case REDIS_REPLY_STATUS:
		return REDIS_STATUS;
	case REDIS_REPLY_ERROR:
		return REDIS_ERROR;
	case REDIS_REPLY_ARRAY:
		return REDIS_ARRAY;
	default:
		return REDIS_NIL;
	}
}

int64_t redis_reply_integer(const struct redis_reply *reply)
{
	return raw(reply)->type == REDIS_REPLY_INTEGER ? raw(reply)->integer : 0;
}

struct slice redis_reply_text(const struct redis_reply *reply)
{
	int type = raw(reply)->type;

	if (type != REDIS_REPLY_STRING && type != REDIS_REPLY_STATUS && type != REDIS_REPLY_ERROR)
		return slice_make("", 0);
	return slice_make(raw(reply)->str, raw(reply)->len);
}

size_t redis_reply_count(const struct redis_reply *reply)
{
	return raw(reply)->type == REDIS_REPLY_ARRAY ? raw(reply)->elements : 0;
}

const struct redis_reply *redis_reply_at(const struct redis_reply *reply, size_t index)
{
	assert(index < redis_reply_count(reply));
	return (const struct redis_reply *)(const void *)raw(reply)->element[index];
}

/* Of the kinds above; anything else becomes nil. */
static redisReply *copy(const redisReply *from)
{
	redisReply *to = calloc(1, sizeof(*to));
	bool done = true;

	if (!to)
		return NULL;
	to->type = from->type;
	to->integer = from->integer;
	if (from->str) {
		to->str = malloc(from->len + 1);
		done = to->str;
		if (done)
			memcpy(to->str, from->str, from->len + 1);
		to->len = from->len;
	}
	if (from->type == REDIS_REPLY_ARRAY && from->elements > 0) {
		to->element = calloc(from->elements, sizeof(*to->element));
		done = to->element;
		to->elements = done ? from->elements : 0;
		for (size_t i = 0; done && i < from->elements; i++)
			done = (to->element[i] = copy(from->element[i]));
	}
	if (done)
		return to;
	freeReplyObject(to);
	return NULL;
}

struct redis_reply *redis_reply_copy(const struct redis_reply *reply)
{
	return (struct redis_reply *)(void *)copy(raw(reply));
}

void redis_reply_free(struct redis_reply *reply)
{
	if (reply)
		freeReplyObject(reply);
}

/* ---- addresses ---- */

int redis_address_parse(const char *address, char **ret_host, int *ret_port)
{
	const char *host, *colon;
	char *end;
	long port;
	size_t len;

	if (strncmp(address, "unix:", 5) == 0 && address[5]) {
		*ret_port = 0;
		*ret_host = strdup(address + 5);
		return *ret_host ? 0 : -ENOMEM;
	}
	if (strncmp(address, "tcp:", 4) != 0)
		return -EINVAL;
	host = address + 4;
	colon = strrchr(host, ':');
	if (!colon || colon == host)
		return -EINVAL;
	errno = 0;
	port = strtol(colon + 1, &end, 10);
	if (errno || end == colon + 1 || *end || port < 1 || port > 65535)
		return -EINVAL;
	len = (size_t)(colon - host);
	if (host[0] == '[' && len > 2 && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	*ret_port = (int)port;
	*ret_host = strndup(host, len);
	return *ret_host ? 0 : -ENOMEM;
}
