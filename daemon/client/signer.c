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

struct waiting {
	uint64_t id; /* 0: free */
	int64_t deadline_ms;
	signer_cb *cb;
	void *arg;
};

struct signer {
	int fd;
	unsigned queue;
	unsigned n_waiting;
	unsigned deadline_ms;
	uint64_t next_id;
	struct event *on_readable;
	struct event *on_tick; /* pending while anything waits */
	struct waiting waiting[];
};

static const struct timeval tick = {0, 100000};

static void complete(struct signer *signer, struct waiting *waiting, int error,
    const uint8_t signature[BLINDRSA_BYTES])
{
	struct waiting done = *waiting;
	waiting->id = 0;
	signer->n_waiting--;
	done.cb(done.arg, error, signature);
}

static struct waiting *find(struct signer *signer, uint64_t id)
{
	for (unsigned i = 0; i < signer->queue; i++)
		if (signer->waiting[i].id == id)
			return &signer->waiting[i];
	return NULL;
}

/* Answers to a worker that has died reach its successor on the same socket; their ids mean nothing
 * to it and are passed over. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct signer *signer = arg;
	struct signer_reply reply;
	while (recv(fd, &reply, sizeof(reply), MSG_DONTWAIT) == (ssize_t)sizeof(reply)) {
		struct waiting *waiting = reply.id ? find(signer, reply.id) : NULL;
		if (waiting)
			complete(signer, waiting, reply.error, reply.signature);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct signer *signer = arg;
	int64_t now_ms = clock_steady_ms();
	for (unsigned i = 0; i < signer->queue; i++)
		if (signer->waiting[i].id && signer->waiting[i].deadline_ms <= now_ms)
			complete(signer, &signer->waiting[i], -ETIMEDOUT, NULL);
	if (signer->n_waiting > 0)
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
	signer->next_id = ((uint64_t)getpid() << 32) + 1;
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
	for (unsigned i = 0; i < signer->queue; i++)
		if (signer->waiting[i].id)
			complete(signer, &signer->waiting[i], -EIO, NULL);
	if (signer->on_readable)
		event_free(signer->on_readable);
	if (signer->on_tick)
		event_free(signer->on_tick);
	free(signer);
}

int signer_sign(struct signer *signer, uint32_t key, const uint8_t blinded[BLINDRSA_BYTES],
    signer_cb *cb, void *arg)
{
	struct waiting *waiting = find(signer, 0);
	if (!waiting)
		return -EBUSY;
	struct signer_request request = {.id = signer->next_id++, .key = key};
	memcpy(request.blinded, blinded, BLINDRSA_BYTES);
	if (send(signer->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(request))
		return -EBUSY;
	*waiting = (struct waiting){
	    .id = request.id,
	    .deadline_ms = clock_steady_ms() + signer->deadline_ms,
	    .cb = cb,
	    .arg = arg,
	};
	if (signer->n_waiting++ == 0)
		event_add(signer->on_tick, &tick);
	return 0;
}
