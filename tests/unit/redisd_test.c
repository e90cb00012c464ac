/* The private Redis: started, told of, started again, repaired, ended; and what it refuses. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>
#include <event2/event.h>

#include "redis_server.h"
#include "worker/redisd.h"

struct keeper {
	struct redis_server at; /* directory and connection; the process is redisd's */
	struct event_base *base;
	struct event *on_child, *patience;
	struct redisd *redisd;
	struct redisd_options options;
	int up, failed, stopped;
	bool out_of_patience;
	char why[REDISD_WHY_MAX];
};

static void on_up(void *arg)
{
	((struct keeper *)arg)->up++;
}

static void on_failed(void *arg, const char *why)
{
	struct keeper *k = arg;

	k->failed++;
	snprintf(k->why, sizeof(k->why), "%s", why);
}

static void on_stopped(void *arg)
{
	((struct keeper *)arg)->stopped++;
}

static void on_child(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;
	int status;
	pid_t pid;

	(void)fd;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		redisd_reaped(k->redisd, pid, status);
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	((struct keeper *)arg)->out_of_patience = true;
}

static void open_keeper(struct keeper *k)
{
	k->base = event_base_new();
	k->on_child = evsignal_new(k->base, SIGCHLD, on_child, k);
	k->patience = evtimer_new(k->base, on_patience, k);
	event_add(k->on_child, NULL);
	event_add(k->patience, &(struct timeval){30, 0});
	k->redisd = redisd_new(k->base, &k->options);
	assert_non_null(k->redisd);
	assert_int_equal(k->up + k->failed, 0);
}

static void init_keeper(struct keeper *k)
{
	memset(k, 0, sizeof(*k));
	server_dir(&k->at);
	k->options = (struct redisd_options){
	    .binary = "redis-server",
	    .config = "ops/redis.conf",
	    .dir = k->at.dir,
	    .on_up = on_up,
	    .on_failed = on_failed,
	    .on_stopped = on_stopped,
	    .arg = k,
	};
}

#define wait_until(k, condition)                                                                   \
	do {                                                                                       \
		while (!(condition) && !(k)->out_of_patience)                                      \
			event_base_loop((k)->base, EVLOOP_ONCE);                                   \
		assert_false((k)->out_of_patience);                                                \
	} while (0)

static void shut_keeper(struct keeper *k)
{
	redisd_stop(k->redisd);
	redisd_stop(k->redisd);
	assert_int_equal(k->stopped, 0);
	wait_until(k, k->stopped);
	assert_int_equal(k->stopped, 1);
	redisd_free(k->redisd);
	event_free(k->on_child);
	event_free(k->patience);
	event_base_free(k->base);
}

static pid_t pid_of(struct keeper *k)
{
	redisReply *reply = server_ask(&k->at, "INFO server");
	const char *field = strstr(reply->str, "process_id:");
	pid_t pid = field ? (pid_t)strtol(field + 11, NULL, 10) : 0;

	freeReplyObject(reply);
	assert_true(pid > 0);
	return pid;
}

static void test_starts_again(void **state)
{
	struct keeper k;
	pid_t first, second;

	(void)state;
	init_keeper(&k);
	open_keeper(&k);
	wait_until(&k, k.up == 1);
	server_connect(&k.at);
	first = pid_of(&k);
	assert_int_equal(getpgid(first), first); /* Ctrl-C does not reach it */
	server_do(&k.at, "SET kept 1");
	redisFree(k.at.cli);

	kill(first, SIGKILL);
	wait_until(&k, k.up == 2);
	server_connect(&k.at);
	second = pid_of(&k);
	assert_int_not_equal(first, second);
	assert_int_equal(server_integer(&k.at, "GET kept"), 1);

	shut_keeper(&k);
	assert_int_equal(kill(second, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(k.failed, 0);
	server_remove(&k.at);
}

static void append(struct keeper *k, const char *text)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/appendonlydir/appendonly.aof.1.incr.aof", k->at.dir);
	file = fopen(path, "a");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Torn while it was down: cut, and on it goes. Damaged: refused, with file and offset. */
static void test_repairs(void **state)
{
	struct keeper k;

	(void)state;
	init_keeper(&k);
	open_keeper(&k);
	wait_until(&k, k.up == 1);
	server_connect(&k.at);
	server_do(&k.at, "SET kept 1");
	redisFree(k.at.cli);
	k.at.cli = NULL;
	shut_keeper(&k);

	append(&k, "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$4\r\nkept\r\n$1\r\n2\r\n");
	k.up = k.stopped = 0;
	open_keeper(&k);
	wait_until(&k, k.up == 1);
	server_connect(&k.at);
	assert_int_equal(server_integer(&k.at, "GET kept"), 1);
	redisFree(k.at.cli);
	k.at.cli = NULL;
	shut_keeper(&k);

	append(&k, "garbage");
	k.up = k.stopped = 0;
	open_keeper(&k);
	wait_until(&k, k.failed);
	assert_non_null(strstr(k.why, "appendonly.aof.1.incr.aof, offset "));
	assert_int_equal(k.up, 0);
	shut_keeper(&k);
	server_remove(&k.at);
}

static void test_refuses(void **state)
{
	struct keeper k;

	(void)state;
	/* No such program. */
	init_keeper(&k);
	k.options.binary = "redis-server-that-is-not-there";
	open_keeper(&k);
	wait_until(&k, k.failed);
	assert_non_null(strstr(k.why, "cannot run redis-server-that-is-not-there: No such file"));
	shut_keeper(&k);
	server_remove(&k.at);
	/* A configuration that it does not take. */
	init_keeper(&k);
	k.options.config = "ops/no-such.conf";
	open_keeper(&k);
	wait_until(&k, k.failed);
	assert_non_null(strstr(k.why, "redis.log"));
	shut_keeper(&k);
	server_remove(&k.at);
	/* A Redis of somebody else's in there. */
	init_keeper(&k);
	server_start(&k.at, false);
	open_keeper(&k);
	wait_until(&k, k.failed);
	assert_non_null(strstr(k.why, "is running on"));
	shut_keeper(&k);
	server_remove(&k.at);
}

/* Listens where the private Redis shall, as one does that was killed and has not gone. */
static int listen_there(const struct keeper *k)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/redis.sock", k->at.dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* Killed with its tallyd, it has the socket until its last thread is done with the disk. */
static void test_waits_for_one_that_ends(void **state)
{
	struct keeper k;
	char path[128];
	int fd;

	(void)state;
	init_keeper(&k);
	snprintf(path, sizeof(path), "%s/redis.log", k.at.dir);
	fd = listen_there(&k);
	open_keeper(&k);
	for (int steps = 0; steps < 5; steps++)
		event_base_loop(k.base, EVLOOP_ONCE);
	assert_int_equal(k.up + k.failed, 0);
	assert_int_equal(access(path, F_OK), -1); /* nobody was started beside it */
	close(fd);
	wait_until(&k, k.up || k.failed);
	assert_int_equal(k.failed, 0);
	shut_keeper(&k);
	server_remove(&k.at);
}

/* Its files may outlast the socket. Nothing is cut that it may still write. */
static void test_waits_for_files_in_use(void **state)
{
	struct keeper k;
	struct stat before, now;
	char path[160];
	pid_t user;

	(void)state;
	init_keeper(&k);
	open_keeper(&k);
	wait_until(&k, k.up == 1);
	shut_keeper(&k);
	append(&k, "*3\r\n$3");
	snprintf(path, sizeof(path), "%s/appendonlydir/appendonly.aof.1.incr.aof", k.at.dir);
	assert_int_equal(stat(path, &before), 0);
	user = server_stand_in(path, O_WRONLY | O_APPEND);
	k.up = k.stopped = 0;
	open_keeper(&k);
	for (int steps = 0; steps < 5; steps++)
		event_base_loop(k.base, EVLOOP_ONCE);
	assert_int_equal(k.up + k.failed, 0);
	assert_int_equal(stat(path, &now), 0);
	assert_int_equal(now.st_size, before.st_size);
	kill(user, SIGKILL); /* on_child() waits for it */
	wait_until(&k, k.up || k.failed);
	assert_int_equal(k.failed, 0);
	shut_keeper(&k);
	server_remove(&k.at);
}

/* Another tallyd with the same directory: the lock is what tells, even before Redis listens. */
static void test_refuses_a_second_tallyd(void **state)
{
	struct keeper k;
	char path[128];
	int ready[2];
	pid_t other, keeper;
	char c;

	(void)state;
	init_keeper(&k);
	snprintf(path, sizeof(path), "%s/redisd.lock", k.at.dir);
	assert_int_equal(redisd_find_keeper(k.at.dir, &keeper), 0);
	assert_int_equal(pipe(ready), 0);
	other = fork();
	if (other == 0) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd = open(path, O_RDWR | O_CREAT, 0600);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fcntl(fd, F_SETLK, &lock) == 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(redisd_find_keeper(k.at.dir, &keeper), 1);
	assert_int_equal(keeper, other);
	open_keeper(&k);
	wait_until(&k, k.failed);
	assert_non_null(strstr(k.why, "another tallyd"));
	shut_keeper(&k);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	server_remove(&k.at);
}

static void test_stopped_at_once(void **state)
{
	struct keeper k;

	(void)state;
	init_keeper(&k);
	open_keeper(&k);
	shut_keeper(&k); /* before it was started */
	assert_int_equal(k.up, 0);
	k.stopped = 0;
	open_keeper(&k);
	event_base_loop(k.base, EVLOOP_ONCE); /* started, not asked yet */
	shut_keeper(&k);
	assert_int_equal(k.up + k.failed, 0);
	server_remove(&k.at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_starts_again),
	    cmocka_unit_test(test_repairs),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_waits_for_one_that_ends),
	    cmocka_unit_test(test_waits_for_files_in_use),
	    cmocka_unit_test(test_refuses_a_second_tallyd),
	    cmocka_unit_test(test_stopped_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
