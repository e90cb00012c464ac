/* config/tallyd.yaml as values. Owned by whoever loads; settings_release() frees. Defaults equal
 * what the shipped file says. */
#ifndef TALLYD_CONFIG_SETTINGS_H
#define TALLYD_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "base/rate.h"
#include "config/schema.h"

struct provider_settings {                    /* an OpenID Provider */
	char *id;                             /* as contests name it */
	char *issuer;                         /* exactly as its tokens say it */
	char *client_id, *client_secret_file; /* NULL: a public client */
	char **scopes;
	size_t n_scopes;
	char **claims; /* what it says of a person, beyond "sub" */
	size_t n_claims;
	bool userinfo; /* whether some of it comes from the userinfo endpoint alone */
};

struct gateway_settings { /* an organiser's own identity gateway, which signs assertions */
	char *id;
	char *issuer, *audience;
	char *keys; /* a JWK Set */
	char *url;  /* its page, to which the voting page leads; NULL: it leads nowhere */
	char **claims;
	size_t n_claims;
};

/* What a server is for: `roles` of the settings. */
enum settings_role {
	SETTINGS_ISSUER = 1,  /* admits voters and signs their tokens */
	SETTINGS_BALLOTS = 2, /* takes ballots, and shows the log */
	SETTINGS_TALLY = 4,   /* tallies, results, and what experts and organisers do */
	SETTINGS_PAGES = 8,   /* the static pages */
};

struct settings {
	char *listen;       /* "127.0.0.1:8080", "[::1]:8080", "*:8080"; port 0 picks one */
	char *admin_listen; /* /metrics and health for operators; NULL: none */
	int workers;        /* 0: one per core */
	char **contests;    /* paths of contest files, resolved against this file's directory */
	size_t n_contests;
	char **roles; /* as written; NULL-ended */
	size_t n_roles;
	unsigned serves; /* what they come to, or'ed: all where none is written */
	bool rehearsal;  /* serve every contest as its rehearsal */
	char *keys;      /* directory */
	char *pages;     /* directory of static pages (tallyctl site); NULL: serve none */
	char **origins; /* page origins that may call the API, "https://vote.example"; NULL-ended */
	size_t n_origins;
	char **trusted_proxies; /* addresses and prefixes (base/net.h) */
	size_t n_trusted_proxies;
	int proxy_field; /* enum forwarded_field of http/forwarded.h, which they write */
	char *api_origin, *issuer_origin; /* for site.json; "" = where the pages come from */
	char *public_url;                 /* of the pages, without a final slash; "" = listen */
	char *issuer_name;                /* TokenChallenge (RFC 9577) */
	char *origin_info;
	char *log_name; /* first part of the ballot logs' origin */
	struct {
		char *address;  /* "unix:/path" or "tcp:host:port"; where `cluster` is empty */
		char **cluster; /* some of its nodes; NULL-ended */
		size_t n_cluster;
		char *user, *password_file;
		int replicas, replica_wait_ms; /* that must have a vote, and how soon */
		int deadline_ms, in_flight, backoff_max_ms;
		bool unsafe;          /* take votes on a Redis that loses or doubles them */
		struct redis_server { /* a Redis of our own, started by the supervisor */
			bool enabled;
			char *binary, *config, *dir;
		} server;
	} redis;
	struct {
		char *dir; /* where the ballot log's tiles and checkpoints lie; NULL: none here */
		bool sign; /* take part in signing; else only follow and serve */
		int lease_ms;
	} ballot_log;
	struct {
		int connections, in_flight, head_bytes, body_bytes, output_bytes;
		int head_ms, body_ms, idle_ms, write_ms, drain_ms;
		int subscribers, signer_queue, under_way;
	} limits;
	struct provider_settings *providers;
	size_t n_providers;
	struct gateway_settings *gateways;
	size_t n_gateways;
	int provider_ms;              /* the whole of what is asked of a provider for one login */
	struct rate_limit token_rate; /* per address */
	struct rate_limit guess_rate; /* per address: codes that do not exist */
	struct rate_limit ballot_rate, read_rate, stream_rate, named_rate; /* per address */
	struct rate_limit voter_rate;  /* per code, login, or voting right */
	struct rate_limit person_rate; /* per named person */
	enum log_level log_level;
	char *access_log; /* path, "-" for standard output, or NULL for none */
};

/* Reads and checks the file. 0; -EINVAL when `ret_errors` holds messages; -errno when it cannot be
 * read (one message too). `ret_errors` is set in any case: config_errors_release() it. */
__attribute__((warn_unused_result)) int settings_load(
    const char *path, struct settings *ret_settings, struct config_errors *ret_errors);
void settings_release(struct settings *settings);

/* Where a login is begun and ended: the first of issuer_origin, api_origin and public_url that is
 * set. */
const char *settings_login_origin(const struct settings *settings);

/* NULL: there is none of this id. */
const struct provider_settings *settings_provider(const struct settings *settings, const char *id);
const struct gateway_settings *settings_gateway(const struct settings *settings, const char *id);

/* Tells every option: "redis.deadline", what its row says. */
void settings_each(
    void (*each)(void *arg, const char *path, const struct schema_key *key), void *arg);

#endif
