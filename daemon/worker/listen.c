/* Opens the sockets. Knows nothing of who accepts on them. */
#include "worker/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

/* Splits "HOST:PORT" and resolves it. Numeric addresses and "*" only: a name that resolves to
 * another address tomorrow is no place to listen on. */
static int resolve(const char *address, struct sockaddr_storage *ret_addr, socklen_t *ret_len)
{
	const char *colon = strrchr(address, ':');
	char host[64];
	if (!colon || colon == address || (size_t)(colon - address) >= sizeof(host))
		return -EINVAL;
	memcpy(host, address, (size_t)(colon - address));
	host[colon - address] = '\0';
	char *name = host;
	if (name[0] == '[' && name[strlen(name) - 1] == ']') {
		name[strlen(name) - 1] = '\0';
		name++;
	}
	struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
	};
	struct addrinfo *found;
	if (strcmp(name, "localhost") == 0)
		name = "127.0.0.1";
	if (getaddrinfo(strcmp(name, "*") == 0 ? NULL : name, colon + 1, &hints, &found) != 0)
		return -EINVAL;
	memcpy(ret_addr, found->ai_addr, found->ai_addrlen);
	*ret_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int open_one(struct sockaddr_storage *addr, socklen_t len, bool shared)
{
	static const int on = 1;
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* accepted sockets inherit it */
	if ((shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
	    bind(fd, (struct sockaddr *)addr, len) != 0 || listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)addr, &len) != 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static void make_url(const struct sockaddr_storage *addr, char ret_url[LISTEN_URL_MAX])
{
	char text[INET6_ADDRSTRLEN] = "127.0.0.1";
	unsigned port;
	if (addr->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
		port = ntohs(in6->sin6_port);
		if (!IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr)) {
			inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
			snprintf(ret_url, LISTEN_URL_MAX, "http://[%s]:%u/", text, port);
			return;
		}
	} else {
		const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
		port = ntohs(in->sin_port);
		if (in->sin_addr.s_addr != htonl(INADDR_ANY))
			inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
	}
	snprintf(ret_url, LISTEN_URL_MAX, "http://%s:%u/", text, port);
}

/* Alone first: SO_REUSEPORT would let us share the port with another server of the same user
 * without a word. The first socket also settles the port where 0 was asked for. */
static int claim(struct sockaddr_storage *addr, socklen_t len)
{
	int fd = open_one(addr, len, false);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int listen_open(const char *address, size_t n, int *ret_fds, char ret_url[LISTEN_URL_MAX],
    char ret_why[LISTEN_WHY_MAX])
{
	struct sockaddr_storage addr = {0};
	socklen_t len;
	int rc = resolve(address, &addr, &len);
	if (rc != 0) {
		snprintf(ret_why, LISTEN_WHY_MAX,
		    "%s is not an address to listen on: write 127.0.0.1:8080, [::1]:8080 or *:8080",
		    address);
		return rc;
	}
	size_t opened = 0;
	rc = claim(&addr, len);
	while (rc == 0 && opened < n) {
		int fd = open_one(&addr, len, true);
		if (fd < 0)
			rc = fd;
		else
			ret_fds[opened++] = fd;
	}
	if (rc != 0) {
		while (opened > 0)
			close(ret_fds[--opened]);
		snprintf(ret_why, LISTEN_WHY_MAX, "cannot listen on %s: %s%s", address,
		    strerror(-rc),
		    rc == -EADDRINUSE ? "; end the server that does, or choose another port" : "");
		return rc;
	}
	make_url(&addr, ret_url);
	return 0;
}

/* shutdown() or a backlog of 0 would throw away, or not keep out. A filter sees a packet from its
 * TCP header on: byte 13 has the flags (RFC 9293 section 3.1). */
int listen_shut(int fd)
{
	enum { FLAGS = 13, SYN = 0x02, ACK = 0x10, DROP = 0, PASS = 0x7fffffff };
	struct sock_filter program[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS),
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, DROP),
	    BPF_STMT(BPF_RET | BPF_K, PASS),
	};
	struct sock_fprog filter = {.len = sizeof(program) / sizeof(program[0]), .filter = program};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == 0 ? 0
											  : -errno;
}
