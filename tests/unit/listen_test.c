/* worker/listen: sockets of one port, and how they are shut to newcomers without losing anybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/listen.h"

static struct sockaddr_in address_of(int fd)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	return address;
}

/* A connection that is begun; established at once where somebody listens. */
static int begin_connection(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)connect(fd, (const struct sockaddr *)address, sizeof(*address));
	return fd;
}

static bool is_established(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);

	return poll(&polled, 1, 50) == 1 &&
	       getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

static void opens_several_of_one_port(void **state)
{
	char url[LISTEN_URL_MAX], expected[LISTEN_URL_MAX], why[LISTEN_WHY_MAX];
	int fds[3];
	(void)state;

	assert_int_equal(listen_open("127.0.0.1:0", 3, fds, url, why), 0);
	unsigned port = ntohs(address_of(fds[0]).sin_port);
	for (size_t i = 1; i < 3; i++)
		assert_int_equal(ntohs(address_of(fds[i]).sin_port), port);
	(void)snprintf(expected, sizeof(expected), "http://127.0.0.1:%u/", port);
	assert_string_equal(url, expected);
	/* Nobody else gets in between, though the sockets share their port. */
	(void)snprintf(expected, sizeof(expected), "127.0.0.1:%u", port);
	assert_int_equal(listen_open(expected, 1, fds, url, why), -EADDRINUSE);
	assert_non_null(strstr(why, expected));
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
}

static void refuses_what_is_no_address(void **state)
{
	static const char *const wrong[] = {"", ":", "127.0.0.1", "vote.example:80", "1.2.3.4:x"};
	char url[LISTEN_URL_MAX], why[LISTEN_WHY_MAX];
	int fd;
	(void)state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(listen_open(wrong[i], 1, &fd, url, why), -EINVAL);
		assert_non_null(strstr(why, "not an address"));
	}
}

static void is_shut_to_newcomers_alone(void **state)
{
	char url[LISTEN_URL_MAX], why[LISTEN_WHY_MAX], byte = 0;
	struct sockaddr_in address;
	int fd, before, after, accepted;
	(void)state;

	assert_int_equal(listen_open("127.0.0.1:0", 1, &fd, url, why), 0);
	address = address_of(fd);
	before = begin_connection(&address);
	assert_true(is_established(before));
	assert_int_equal(send(before, "a", 1, 0), 1);
	assert_int_equal(listen_shut(fd), 0);
	after = begin_connection(&address);
	assert_false(is_established(after));
	/* Who was there waits as before, and is served. */
	accepted = accept(fd, NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(recv(accepted, &byte, 1, 0), 1);
	assert_int_equal(send(before, "b", 1, 0), 1);
	assert_int_equal(recv(accepted, &byte, 1, 0), 1);
	assert_int_equal(byte, 'b');
	close(accepted);
	close(before);
	close(after);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(opens_several_of_one_port),
	    cmocka_unit_test(refuses_what_is_no_address),
	    cmocka_unit_test(is_shut_to_newcomers_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
