/* config/tallyd.yaml as values. Owned by whoever loads; settings_release() frees. Defaults equal
 * what the shipped file says. */
#ifndef TALLYD_CONFIG_SETTINGS_H
#define TALLYD_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "base/rate.h"
#include "config/schema.h"

struct settings {
	char *listen;       /* "127.0.0.1:8080", "[::1]:8080", "*:8080"; port 0 picks one */
	char *admin_listen; /* /metrics and health for operators; NULL: none */
	int workers;        /* 0: one per core */
	char **contests;    /* paths of contest files, resolved against this file's directory */
	size_t n_contests;
	bool rehearsal; /* serve every contest as its rehearsal */
	char *keys;     /* directory */
	char *pages;    /* directory of static pages (tallyctl site); NULL: serve none */
	char **origins; /* page origins that may call the API, "https://vote.example"; NULL-ended */
	size_t n_origins;
	char *api_origin, *issuer_origin; /* for site.json; "" = where the pages come from */
	char *public_url;                 /* of the pages, without a final slash; "" = listen */
	char *issuer_name;                /* TokenChallenge (RFC 9577) */
	char *origin_info;
	char *log_name; /* first part of the ballot logs' origin */
	struct {
		char *address; /* "unix:/path" or "tcp:host:port" */
		char *user, *password_file;
		int deadline_ms, in_flight, backoff_max_ms;
		struct redis_server { /* a Redis of our own, started by the supervisor */
			bool enabled;
			char *binary, *config, *dir;
		} server;
	} redis;
	struct {
		int connections, in_flight, head_bytes, body_bytes, output_bytes;
		int head_ms, body_ms, idle_ms, write_ms, drain_ms;
		int subscribers, signer_queue;
	} limits;
	struct rate_limit token_rate; /* per address */
	enum log_level log_level;
	char *access_log; /* path, "-" for standard output, or NULL for none */
};

/* Reads and checks the file. 0; -EINVAL when `ret_errors` holds messages; -errno when it cannot be
 * read (one message too). `ret_errors` is set in any case: config_errors_release() it. */
__attribute__((warn_unused_result)) int settings_load(
    const char *path, struct settings *ret_settings, struct config_errors *ret_errors);
void settings_release(struct settings *settings);

/* Tells every option: "redis.deadline", what its row says. */
void settings_each(
    void (*each)(void *arg, const char *path, const struct schema_key *key), void *arg);

#endif
