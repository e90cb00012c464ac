/* The frame of an event stream, read as a browser does (WHATWG HTML, section 9.2.6): whatever
 * JSON it carries, it is one event with that name, that id, and that data. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include <event2/event.h>

#include "http/sse.c" /* for the frame itself, which no header shows */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct read_event {
	unsigned events;
	struct slice event, id, data; /* of the last one */
	unsigned n_data;
};

static void take_field(struct read_event *read, struct slice line)
{
	const char *colon = memchr(line.ptr, ':', line.len);
	size_t n = colon ? (size_t)(colon - line.ptr) : line.len;
	struct slice name = slice_make(line.ptr, n), value = slice_make(NULL, 0);

	if (colon)
		value = slice_make(colon + 1, line.len - n - 1);
	if (value.len > 0 && value.ptr[0] == ' ')
		value = slice_make(value.ptr + 1, value.len - 1);
	if (slice_is(name, "event"))
		read->event = value;
	else if (slice_is(name, "id"))
		read->id = value;
	else if (slice_is(name, "data")) {
		read->data = value;
		read->n_data++;
	} else
		assert(false); /* nothing else stands in a frame */
}

static void read_stream(struct slice bytes, struct read_event *read)
{
	while (bytes.len > 0) {
		size_t n = 0, end;

		while (n < bytes.len && bytes.ptr[n] != '\n' && bytes.ptr[n] != '\r')
			n++;
		assert(n < bytes.len); /* the last line is ended */
		end = n + 1;
		if (bytes.ptr[n] == '\r' && end < bytes.len && bytes.ptr[end] == '\n')
			end++;
		if (n == 0)
			read->events++;
		else
			take_field(read, slice_make(bytes.ptr, n));
		bytes = slice_make(bytes.ptr + end, bytes.len - end);
	}
}

static void one_frame(struct sse_hub *hub, const char *id, struct slice text)
{
	struct read_event read = {0};

	sse_publish(hub, "tally", id, text);
	assert(hub->state);
	read_stream(slice_make(hub->state->bytes, hub->state->len), &read);
	assert(read.events == 1 && read.n_data == 1);
	assert(slice_is(read.event, "tally") && slice_is(read.id, id));
	assert(slice_equal(read.data, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event_base *base;
	const struct sse_options options = {
	    .max_subscribers = 1, .heartbeat_ms = 1000, .stall_ms = 1000, .retry_ms = 1000};
	json_t *json = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
	struct sse_hub *hub;
	char *text, id[24];

	if (!json)
		json = json_stringn((const char *)data, size); /* NULL: no UTF-8 */
	if (!json)
		return 0;
	if (!base)
		base = event_base_new();
	hub = sse_hub_new(base, &options);
	text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	assert(hub && text);
	(void)snprintf(id, sizeof(id), "%zu", size);
	one_frame(hub, id, slice_text(text));
	one_frame(hub, id, slice_text(text)); /* the same again */
	free(text);
	json_decref(json);
	sse_hub_free(hub);
	return 0;
}
