/* Holding a file that another program may have open: with leases, and as where there are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "redis_server.h"
#include "store/hold.h"

struct place {
	struct redis_server at; /* no more than its directory */
	int dir;
	char path[96]; /* of "file" */
};

static void open_place(struct place *p)
{
	int fd;

	server_dir(&p->at);
	p->dir = open(p->at.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->dir >= 0);
	snprintf(p->path, sizeof(p->path), "%s/file", p->at.dir);
	fd = open(p->path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "12345", 5), 5);
	close(fd);
}

static void close_place(struct place *p)
{
	close(p->dir);
	server_remove(&p->at);
}

/* As on NFS: in a process of its own, for this cannot be taken back. */
static int without_leases(int (*part)(const struct place *), const struct place *p)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(fcntl), 1,
			SCMP_A1(SCMP_CMP_EQ, F_SETLEASE)) != 0 ||
		    seccomp_load(filter) != 0)
			_exit(255);
		_exit(part(p));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_alone(void **state)
{
	struct place p;
	struct hold hold;
	char c;

	(void)state;
	open_place(&p);
	assert_int_equal(hold_open(p.dir, "file", &hold), 0);
	assert_true(hold.leased && hold.alone);
	assert_int_equal(hold.size, 5);
	assert_int_equal(read(hold.fd, &c, 1), 1);
	assert_int_equal(hold_confirm(&hold), 0);
	assert_int_equal(ftruncate(hold.fd, 3), 0);
	hold_release(&hold);
	hold_release(&hold);
	assert_int_equal(hold_open(p.dir, "file", &hold), 0);
	assert_int_equal(hold.size, 3);
	hold_release(&hold);
	assert_int_equal(hold_open(p.dir, "none", &hold), -ENOENT);
	close_place(&p);
}

static void test_has_a_writer(void **state)
{
	char user[HOLD_USER_SIZE], expected[HOLD_USER_SIZE];
	struct place p;
	struct hold hold;
	pid_t writer;

	(void)state;
	open_place(&p);
	writer = server_stand_in(p.path, O_WRONLY | O_APPEND);
	assert_int_equal(hold_open(p.dir, "file", &hold), -EBUSY);
	snprintf(expected, sizeof(expected), "process %d (a", (int)writer);
	assert_memory_equal(hold_user(p.path, user), expected, strlen(expected));
	assert_null(strpbrk(user, "\n\x1b"));
	server_stand_in_end(writer);
	assert_string_equal(hold_user(p.path, user), "another process");
	assert_int_equal(hold_open(p.dir, "file", &hold), 0);
	hold_release(&hold);
	close_place(&p);
}

/* A backup: what it reads may be looked at, and not be changed. */
static void test_has_a_reader(void **state)
{
	struct place p;
	struct hold hold;
	pid_t reader;

	(void)state;
	open_place(&p);
	reader = server_stand_in(p.path, O_RDONLY);
	assert_int_equal(hold_open(p.dir, "file", &hold), 0);
	assert_false(hold.alone);
	assert_int_equal(hold_confirm(&hold), -EBUSY);
	/* Nobody may begin to write it either. */
	assert_int_equal(open(p.path, O_WRONLY | O_NONBLOCK), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	hold_release(&hold);
	server_stand_in_end(reader);
	close_place(&p);
}

/* It waits, we are told, and the signal that comes with it does not end us. */
static void test_somebody_comes(void **state)
{
	static const int flags[] = {O_RDONLY, O_WRONLY | O_APPEND};
	struct place p;
	struct hold hold;

	(void)state;
	open_place(&p);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		pid_t pid;
		int status;

		assert_int_equal(hold_open(p.dir, "file", &hold), 0);
		pid = fork();
		if (pid == 0) {
			close(hold.fd);
			_exit(open(p.path, flags[i]) < 0);
		}
		alarm(30);
		while (hold_confirm(&hold) == 0)
			;
		alarm(0);
		assert_int_equal(hold_confirm(&hold), -EBUSY);
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
		hold_release(&hold);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	close_place(&p);
}

static int look_alone(const struct place *p)
{
	struct hold hold;
	int fd;

	if (hold_open(p->dir, "file", &hold) != 0 || hold.leased || !hold.alone)
		return 1;
	if (hold_confirm(&hold) != 0)
		return 2;
	fd = open(p->path, O_WRONLY | O_APPEND);
	if (write(fd, "6", 1) != 1 || close(fd) != 0)
		return 3;
	return hold_confirm(&hold) == -EBUSY ? 0 : 4; /* it has grown */
}

static int look_in_use(const struct place *p)
{
	struct hold hold;

	return hold_open(p->dir, "file", &hold) == -EBUSY ? 0 : 1;
}

static int look_somebody_comes(const struct place *p)
{
	struct hold hold;
	pid_t pid;
	int r;

	if (hold_open(p->dir, "file", &hold) != 0)
		return 1;
	pid = server_stand_in(p->path, O_RDONLY);
	r = hold_confirm(&hold);
	server_stand_in_end(pid);
	return r == -EBUSY && hold_confirm(&hold) == 0 ? 0 : 2;
}

static void test_without_leases(void **state)
{
	struct place p;
	pid_t user;

	(void)state;
	open_place(&p);
	assert_int_equal(without_leases(look_somebody_comes, &p), 0);
	assert_int_equal(without_leases(look_alone, &p), 0);
	user = server_stand_in(p.path, O_RDONLY);
	assert_int_equal(without_leases(look_in_use, &p), 0);
	server_stand_in_end(user);
	close_place(&p);
}

static void test_not_a_file(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct place p;
	struct hold hold;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	open_place(&p);
	assert_int_equal(mkdirat(p.dir, "dir", 0700), 0);
	assert_int_equal(mkfifoat(p.dir, "fifo", 0600), 0);
	assert_int_equal(symlinkat("file", p.dir, "link"), 0);
	assert_int_equal(symlinkat("/dev/zero", p.dir, "device"), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", p.at.dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	alarm(30);
	for (const char *const *name =
		 (const char *const[]){"dir", "fifo", "link", "device", "socket", NULL};
	     *name; name++) {
		assert_int_equal(hold_open(p.dir, *name, &hold), -EBADMSG);
		assert_int_equal(hold_open_regular(p.dir, *name, O_RDONLY), -EBADMSG);
	}
	alarm(0);
	close(fd);
	close_place(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_alone),
	    cmocka_unit_test(test_has_a_writer),
	    cmocka_unit_test(test_has_a_reader),
	    cmocka_unit_test(test_somebody_comes),
	    cmocka_unit_test(test_without_leases),
	    cmocka_unit_test(test_not_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
