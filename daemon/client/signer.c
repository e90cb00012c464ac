/* The worker's side of blind signing. Knows nothing of keys or HTTP. */
#include "client/signer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/util.h>

#include "base/clock.h"

/* Asked at once: what is more waits here, since a socket holds some 250 messages only. */
#define WINDOW 64

struct waiting {
	int64_t deadline_ms;
	signer_cb *cb; /* NULL: it has been called */
	void *arg;
	struct signer_request request;
};

/* Ids follow each other, and a request's place is its id modulo the queue's length: those from
 * `first` to `sent` have been asked, those from `sent` to `next` have not. The signer answers in
 * this order. */
struct signer {
	int fd;
	unsigned queue;
	unsigned deadline_ms;
	uint64_t first, sent, next;
	struct event *on_readable;
	struct event *on_tick; /* pending while anything waits */
	struct waiting waiting[];
};

static const struct timeval tick = {0, 100000};

static struct waiting *place_of(struct signer *signer, uint64_t id)
{
	return &signer->waiting[id % signer->queue];
}

static void complete(
    struct signer *signer, uint64_t id, int error, const uint8_t signature[BLINDRSA_BYTES])
{
	struct waiting *waiting = place_of(signer, id);
	signer_cb *cb = waiting->cb;

	waiting->cb = NULL;
	while (signer->first < signer->next && !place_of(signer, signer->first)->cb)
		signer->first++;
	if (signer->sent < signer->first)
		signer->sent = signer->first;
	cb(waiting->arg, error, signature);
}

/* Where the socket is full all the same, of a predecessor's requests, the next tick tries again. */
static void send_waiting(struct signer *signer)
{
	while (signer->sent < signer->next && signer->sent - signer->first < WINDOW) {
		const struct waiting *waiting = place_of(signer, signer->sent);

		if (waiting->cb &&
		    send(signer->fd, &waiting->request, sizeof(waiting->request),
			MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof(waiting->request))
			return;
		signer->sent++;
	}
}

/* Answers to a worker that has died reach its successor on the same socket; their ids mean nothing
 * to it and are passed over. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct signer *signer = arg;
	struct signer_reply reply;
	while (recv(fd, &reply, sizeof(reply), MSG_DONTWAIT) == (ssize_t)sizeof(reply))
		if (reply.id >= signer->first && reply.id < signer->sent &&
		    place_of(signer, reply.id)->cb)
			complete(signer, reply.id, reply.error, reply.signature);
	send_waiting(signer);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct signer *signer = arg;
	int64_t now_ms = clock_steady_ms();
	while (
	    signer->first < signer->next && place_of(signer, signer->first)->deadline_ms <= now_ms)
		complete(signer, signer->first, -ETIMEDOUT, NULL);
	send_waiting(signer);
	if (signer->first < signer->next)
		event_add(signer->on_tick, &tick);
}

struct signer *signer_new(struct event_base *base, int fd, unsigned queue, unsigned deadline_ms)
{
	struct signer *signer = calloc(1, sizeof(*signer) + queue * sizeof(signer->waiting[0]));
	if (!signer)
		return NULL;
	signer->fd = fd;
	signer->queue = queue;
	signer->deadline_ms = deadline_ms;
	/* Ids of two workers that follow each other on one socket never meet. */
	signer->first = signer->sent = signer->next = ((uint64_t)getpid() << 32) + 1;
	signer->on_readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, signer);
	signer->on_tick = evtimer_new(base, on_tick, signer);
	if (!signer->on_readable || !signer->on_tick || evutil_make_socket_nonblocking(fd) != 0 ||
	    event_add(signer->on_readable, NULL) != 0) {
		signer_free(signer);
		return NULL;
	}
	return signer;
}

void signer_free(struct signer *signer)
{
	if (!signer)
		return;
	while (signer->first < signer->next)
		complete(signer, signer->first, -EIO, NULL);
	if (signer->on_readable)
		event_free(signer->on_readable);
	if (signer->on_tick)
		event_free(signer->on_tick);
	free(signer);
}

int signer_sign(struct signer *signer, uint32_t key, const uint8_t blinded[BLINDRSA_BYTES],
    signer_cb *cb, void *arg)
{
	if (signer->next - signer->first == signer->queue)
		return -EBUSY;
	struct waiting *waiting = place_of(signer, signer->next);
	*waiting = (struct waiting){
	    .deadline_ms = clock_steady_ms() + signer->deadline_ms,
	    .cb = cb,
	    .arg = arg,
	    .request = {.id = signer->next, .key = key},
	};
	memcpy(waiting->request.blinded, blinded, BLINDRSA_BYTES);
	signer->next++;
	send_waiting(signer);
	if (!evtimer_pending(signer->on_tick, NULL))
		event_add(signer->on_tick, &tick);
	return 0;
}
