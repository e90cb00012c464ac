/* For tests: a real redis-server on a unix socket in a temporary directory of its own, ended by its
 * pid; and a blocking connection to it, for looking at and damaging data behind the daemon's back.
 */
#ifndef TALLYD_TEST_REDIS_SERVER_H
#define TALLYD_TEST_REDIS_SERVER_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

struct redis_server {
	char dir[64], socket[96], address[112];
	pid_t pid;
	redisContext *cli;
};

__attribute__((noreturn)) static inline void server_fail(const char *what)
{
	fprintf(stderr, "redis_server: %s: %s\n", what, strerror(errno));
	abort();
}

static inline void server_dir(struct redis_server *server)
{
	memset(server, 0, sizeof(*server));
	memcpy(server->dir, "/tmp/tallyd-unit-XXXXXX", sizeof("/tmp/tallyd-unit-XXXXXX"));
	if (!mkdtemp(server->dir))
		server_fail("mkdtemp");
	snprintf(server->socket, sizeof(server->socket), "%s/redis.sock", server->dir);
	snprintf(server->address, sizeof(server->address), "unix:%s", server->socket);
}

/* Polls: whoever starts a server has nothing else to wait on. */
static inline void server_connect(struct redis_server *server)
{
	for (int tries = 0; tries < 1000; tries++) {
		redisReply *reply;

		server->cli = redisConnectUnix(server->socket);
		if (server->cli && !server->cli->err) {
			reply = redisCommand(server->cli, "PING");
			if (reply && reply->type == REDIS_REPLY_STATUS) {
				freeReplyObject(reply);
				return;
			}
			if (reply)
				freeReplyObject(reply);
		}
		if (server->cli)
			redisFree(server->cli);
		server->cli = NULL;
		nanosleep(&(struct timespec){0, 10 * 1000 * 1000}, NULL);
	}
	server_fail("does not answer");
}

/* `aof`: with the durable settings that are shipped; else nothing is kept. */
static inline void server_spawn(struct redis_server *server, bool aof)
{
	char log[96];

	snprintf(log, sizeof(log), "%s/redis.log", server->dir);
	server->pid = fork();
	if (server->pid < 0)
		server_fail("fork");
	if (server->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen(log, "a", stdout) || dup2(1, 2) < 0)
			_exit(126);
		if (aof)
			execlp("redis-server", "redis-server", "ops/redis.conf", "--dir",
			    server->dir, "--unixsocket", server->socket, (char *)NULL);
		else
			execlp("redis-server", "redis-server", "--port", "0", "--save", "",
			    "--appendonly", "no", "--dir", server->dir, "--unixsocket",
			    server->socket, (char *)NULL);
		_exit(127);
	}
}

static inline void server_start(struct redis_server *server, bool aof)
{
	server_spawn(server, aof);
	server_connect(server);
}

/* Ends the process, with this signal, and leaves its directory. */
static inline void server_end(struct redis_server *server, int sig)
{
	if (server->cli)
		redisFree(server->cli);
	server->cli = NULL;
	if (server->pid > 0) {
		kill(server->pid, SIGCONT);
		kill(server->pid, sig);
		waitpid(server->pid, NULL, 0);
	}
	server->pid = 0;
}

static inline int server_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void server_remove(struct redis_server *server)
{
	server_end(server, SIGKILL);
	nftw(server->dir, server_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* One command; whoever calls frees the reply. Aborts when there is none. */
static inline redisReply *server_ask(struct redis_server *server, const char *format, ...)
{
	va_list ap;
	redisReply *reply;

	va_start(ap, format);
	reply = redisvCommand(server->cli, format, ap);
	va_end(ap);
	if (!reply)
		server_fail("no reply");
	return reply;
}

#define server_do(...) freeReplyObject(server_ask(__VA_ARGS__))

static inline long long server_integer(struct redis_server *server, const char *command)
{
	redisReply *reply = server_ask(server, command);
	long long value =
	    reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : reply->integer;

	freeReplyObject(reply);
	return value;
}

/* In the place of a server that has the file open: a process that does no more than that, until it
 * is killed. */
static inline pid_t server_stand_in(const char *path, int flags)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready) < 0)
		server_fail("pipe");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "a\x1b\nserver");
		if (open(path, flags) >= 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		server_fail(path);
	close(ready[0]);
	return pid;
}

static inline void server_stand_in_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#endif
