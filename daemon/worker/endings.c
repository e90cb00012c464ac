#include "worker/endings.h"

#include <errno.h>
#include <stdlib.h>

#include "office/sealing.h"
#include "store/desk.h"

enum { PAGE = 1000 };

static void ask(struct endings *endings, struct desk *desk);

static int take(struct endings *endings, struct slice entry)
{
	struct sealing begun, *more;
	int r = sealing_read_begun(entry, &begun);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	more = realloc(endings->begun, (endings->n_begun + 1) * sizeof(*more));
	if (!more) {
		sealing_release(&begun);
		return -ENOMEM;
	}
	endings->begun = more;
	more[endings->n_begun++] = begun;
	return 0;
}

/* What the record says of an epoch was written together with its entry: once the end is reached,
 * nothing more is to come. */
static void on_entries(void *arg, int error, const struct desk_entry *entries, size_t n_entries)
{
	struct endings *endings = arg;
	struct desk *desk = endings->desk;
	int r = error;

	endings->desk = NULL;
	for (size_t i = 0; r == 0 && i < n_entries; i++) {
		r = take(endings, entries[i].json);
		if (r == 0)
			endings->after = entries[i].n;
	}
	endings->damaged = r == -EBADMSG;
	if (r < 0)
		return;
	if (n_entries < PAGE)
		endings->epoch = endings->wanted;
	else
		ask(endings, desk);
}

static void ask(struct endings *endings, struct desk *desk)
{
	endings->desk = desk;
	desk_audit(desk, endings->after, PAGE, on_entries, endings);
}

void endings_learn(struct endings *endings, struct desk *desk, uint64_t epoch)
{
	if (endings->desk || endings->epoch >= epoch)
		return;
	endings->wanted = epoch;
	ask(endings, desk);
}

void endings_forget(struct endings *endings)
{
	for (size_t i = 0; i < endings->n_begun; i++)
		sealing_release(&endings->begun[i]);
	free(endings->begun);
	*endings = (struct endings){.desk = endings->desk};
}

const struct checkpoint *endings_of(const struct endings *endings, uint64_t epoch, unsigned shard)
{
	for (size_t i = 0; i < endings->n_begun; i++)
		if (endings->begun[i].epoch == epoch + 1 && shard < endings->begun[i].n_old)
			return &endings->begun[i].old[shard].checkpoint;
	return NULL;
}
