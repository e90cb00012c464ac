/* Where Redis is, and what tallyd does when it is its own. */
#include "config/settings_redis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE            60000
#define CLUSTER_NODES_MAX 64

static const struct schema_key server_keys[] = {
    {.name = "enabled",
	.type = SCHEMA_BOOLEAN,
	.fallback = "false",
	SCHEMA_AT(struct settings, redis.server.enabled),
	.doc = "Whether the daemon starts, watches and ends a Redis of its own."},
    {.name = "binary",
	.type = SCHEMA_TEXT,
	.max = 4000,
	.fallback = "redis-server",
	SCHEMA_AT(struct settings, redis.server.binary),
	.doc = "The program, by PATH or by its own path."},
    {.name = "config",
	.type = SCHEMA_PATH,
	.max = 4000,
	.empty = EMPTY_NULL,
	.fallback = "",
	SCHEMA_AT(struct settings, redis.server.config),
	.doc = "The configuration file that it is started with."},
    {.name = "dir",
	.type = SCHEMA_PATH,
	.max = 4000,
	.empty = EMPTY_NULL,
	.fallback = "",
	SCHEMA_AT(struct settings, redis.server.dir),
	.doc = "Where it keeps its data."},
    {0},
};
static const struct schema server_schema = {server_keys, sizeof(struct settings)};

static const struct schema_key redis_keys[] = {
    {.name = "address",
	.type = SCHEMA_TEXT,
	.max = 4000,
	.format = &format_redis,
	.fallback = "tcp:127.0.0.1:6379",
	SCHEMA_AT(struct settings, redis.address),
	.doc = "Where Redis listens: unix:/path or tcp:host:port."},
    {.name = "cluster",
	.type = SCHEMA_TEXTS,
	.max = CLUSTER_NODES_MAX,
	.format = &format_redis,
	.fallback = "[]",
	SCHEMA_LIST_AT(struct settings, redis.cluster, redis.n_cluster),
	.doc = "Some nodes of a Redis Cluster, tcp:host:port each, instead of an address."},
    {.name = "replicas",
	.type = SCHEMA_NUMBER,
	.min = 0,
	.max = 16,
	.fallback = "0",
	SCHEMA_AT(struct settings, redis.replicas),
	.doc = "How many replicas must have a vote before it is acknowledged."},
    {.name = "replica_wait",
	.type = SCHEMA_DURATION,
	.min = 10,
	.max = MINUTE,
	.fallback = "500ms",
	SCHEMA_AT(struct settings, redis.replica_wait_ms),
	.doc = "How long to wait for them before the outcome counts as unknown."},
    {.name = "user",
	.type = SCHEMA_TEXT,
	.empty = EMPTY_NULL,
	.fallback = "",
	SCHEMA_AT(struct settings, redis.user),
	.doc = "The ACL user; empty for the default one."},
    {.name = "password_file",
	.type = SCHEMA_PATH,
	.max = 4000,
	.empty = EMPTY_NULL,
	.fallback = "",
	SCHEMA_AT(struct settings, redis.password_file),
	.doc = "A file whose first line is the password; empty for none."},
    {.name = "deadline",
	.type = SCHEMA_DURATION,
	.min = 50,
	.max = MINUTE,
	.fallback = "1500ms",
	SCHEMA_AT(struct settings, redis.deadline_ms),
	.doc = "How long a command may take before its outcome counts as unknown."},
    {.name = "in_flight",
	.type = SCHEMA_NUMBER,
	.min = 1,
	.max = 1000000,
	.fallback = "4096",
	SCHEMA_AT(struct settings, redis.in_flight),
	.doc = "Commands a worker may have under way."},
    {.name = "backoff_max",
	.type = SCHEMA_DURATION,
	.min = 50,
	.max = 5 * MINUTE,
	.fallback = "1s",
	SCHEMA_AT(struct settings, redis.backoff_max_ms),
	.doc = "The longest pause between two attempts to connect."},
    {.name = "unsafe",
	.type = SCHEMA_BOOLEAN,
	.fallback = "false",
	SCHEMA_AT(struct settings, redis.unsafe),
	.doc = "Take votes on a Redis whose settings lose or double them."},
    {.name = "server", .type = SCHEMA_MAP, .sub = &server_schema, .doc = "A Redis of our own."},
    {0},
};
const struct schema redis_settings_schema = {redis_keys, sizeof(struct settings)};

/* ---- rules between options ---- */

static bool is_socket_of(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	return strncmp(path, dir, len) == 0 && strcmp(path + len, "/redis.sock") == 0;
}

static void check_server(
    const struct settings *settings, struct document *document, struct config_errors *errors)
{
	const struct redis_server *server = &settings->redis.server;
	const yaml_node_t *node = document_at(document, "redis/server");

	if (!server->enabled)
		return;
	if (!server->config)
		document_error(errors, node,
		    "\"redis.server.config\" is missing; a Redis of our own needs its "
		    "configuration file");
	if (!server->dir)
		document_error(errors, node,
		    "\"redis.server.dir\" is missing; a Redis of our own needs a directory for its "
		    "data");
	if (strncmp(settings->redis.address, "unix:", 5) != 0)
		document_error(errors, node,
		    "a Redis of our own listens on a unix socket only; \"redis.address\" is to be "
		    "unix:/path/to/socket");
	else if (server->dir && !is_socket_of(settings->redis.address + 5, server->dir))
		document_error(errors, document_at(document, "redis/address"),
		    "a Redis of our own listens at redis.sock in its \"dir\": write "
		    "unix:%s%sredis.sock",
		    server->dir, server->dir[strlen(server->dir) - 1] == '/' ? "" : "/");
}

static void check_cluster(
    const struct settings *settings, struct document *document, struct config_errors *errors)
{
	if (settings->redis.n_cluster == 0)
		return;
	if (document_at(document, "redis/address"))
		document_error(errors, document_at(document, "redis/cluster"),
		    "one of \"redis.address\" and \"redis.cluster\" says where Redis is; drop the "
		    "other");
	for (size_t i = 0; i < settings->redis.n_cluster; i++)
		if (settings->redis.cluster[i] &&
		    strncmp(settings->redis.cluster[i], "tcp:", 4) != 0)
			document_error(errors, document_at(document, "redis/cluster/%zu", i),
			    "a cluster's nodes are reached over the network: write tcp:host:port");
}

static void check_replicas(
    const struct settings *settings, struct document *document, struct config_errors *errors)
{
	if (settings->redis.replicas == 0)
		return;
	if (settings->redis.replica_wait_ms >= settings->redis.deadline_ms)
		document_error(errors, document_at(document, "redis/replicas"),
		    "\"redis.replica_wait\" (%d ms) is part of what a command may take: it must be "
		    "less than \"redis.deadline\" (%d ms)",
		    settings->redis.replica_wait_ms, settings->redis.deadline_ms);
}

void settings_check_redis(
    const struct settings *settings, struct document *document, struct config_errors *errors)
{
	if (settings->redis.server.enabled &&
	    (settings->redis.n_cluster > 0 || settings->redis.replicas > 0))
		document_error(errors, document_at(document, "redis/server"),
		    "a Redis of our own is one server, without replicas: drop \"redis.cluster\" "
		    "and "
		    "\"redis.replicas\", or run Redis yourself");
	else
		check_server(settings, document, errors);
	check_cluster(settings, document, errors);
	check_replicas(settings, document, errors);
}

/* ---- paths that the schema cannot resolve ---- */

/* Puts `directory` between the prefix and a relative path. 0 or -ENOMEM. */
static int resolve_after(char **text, const char *prefix, const char *directory)
{
	size_t prefix_len = strlen(prefix);
	char *resolved;

	if (strncmp(*text, prefix, prefix_len) != 0 || (*text)[prefix_len] == '/' ||
	    strcmp(directory, ".") == 0)
		return 0;
	if (asprintf(&resolved, "%s%s/%s", prefix, directory, *text + prefix_len) < 0)
		return -ENOMEM;
	free(*text);
	*text = resolved;
	return 0;
}

int settings_resolve_redis(struct settings *settings, const char *directory)
{
	char **binary = &settings->redis.server.binary;
	int error = resolve_after(&settings->redis.address, "unix:", directory);

	/* A bare name is looked for in PATH. */
	if (!error && strchr(*binary, '/'))
		error = resolve_after(binary, "", directory);
	return error;
}
