/* Fetches files of one site over HTTP or HTTPS into a directory, several at once, with libcurl.
 * Blocks until all are there. Everything is bounded: bytes of a file and of all, redirections,
 * time without progress. Knows nothing of what the files say. */
#ifndef TALLYD_CLIENT_FETCH_H
#define TALLYD_CLIENT_FETCH_H

#include <stddef.h>
#include <stdint.h>

#define FETCH_WHY_MAX 700
#define FETCH_AT_ONCE 12
#define FETCH_TRIES   3 /* of one file, where the network or the server fails */

struct fetch;

struct fetch_options {
	const char *base;   /* the address that paths are relative to; http: or https: */
	int dir;            /* open descriptor of the directory that they go to; borrowed */
	uint64_t bytes_max; /* of all files together */
	int stop_fd;        /* readable: stop, -EINTR. -1: nothing stops it */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
};

struct fetch_file {
	const char *path; /* relative, "/" between names, without "." and ".."; borrowed */
	uint64_t max;     /* bytes */
	int missing;      /* set: the site says that there is none (404, 410) */
};

/* 0; -EINVAL: no such address; -ENOMEM. Options are borrowed for the life of it. */
__attribute__((warn_unused_result)) int fetch_new(
    const struct fetch_options *options, struct fetch **ret_fetch);
void fetch_free(struct fetch *fetch);

/* 0: each file is there, or marked as missing. Else the first that failed ended it, with a sentence
 * in ret_why: -EHOSTUNREACH: network or server, also after further tries; -E2BIG: more bytes than
 * there may be; -EINTR; -ENOMEM; -errno: it cannot be written. */
__attribute__((warn_unused_result)) int fetch_files(
    struct fetch *fetch, struct fetch_file *files, size_t n, char ret_why[FETCH_WHY_MAX]);

#endif
