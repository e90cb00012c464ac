/* The table of options of config/tallyd.yaml, and the few rules that tie two of them together. */
#include "config/settings.h"

#include "config/settings_providers.h"
#include "config/settings_redis.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

/* As enum forwarded_field has them. */
static const char *const proxy_fields[] = {"x-forwarded-for", "forwarded", NULL};

static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};

static const struct {
	const char *name;
	enum settings_role role;
} roles[] = {{"issuer", SETTINGS_ISSUER}, {"ballots", SETTINGS_BALLOTS}, {"tally", SETTINGS_TALLY},
    {"pages", SETTINGS_PAGES}};

#define ROLES (sizeof(roles) / sizeof(roles[0]))

static unsigned role_of(const char *name)
{
	for (size_t i = 0; i < ROLES; i++)
		if (strcmp(roles[i].name, name) == 0)
			return roles[i].role;
	return 0;
}

static bool is_role(const char *text)
{
	return role_of(text) != 0;
}

static const struct text_format format_role = {is_role, "issuer, ballots, tally or pages"};

static const struct schema_key ballot_log_keys[] = {
    {.name = "dir",
	.type = SCHEMA_PATH,
	.max = 4000,
	.empty = EMPTY_NULL,
	.fallback = "/var/lib/tallyd/log",
	SCHEMA_AT(struct settings, ballot_log.dir),
	.doc = "Where this host keeps the ballot log's files; empty: it keeps none."},
    {.name = "sign",
	.type = SCHEMA_BOOLEAN,
	.fallback = "true",
	SCHEMA_AT(struct settings, ballot_log.sign),
	.doc = "Take part in signing; otherwise follow what other hosts sign."},
    {.name = "lease",
	.type = SCHEMA_DURATION,
	.min = 200,
	.max = MINUTE,
	.fallback = "5s",
	SCHEMA_AT(struct settings, ballot_log.lease_ms),
	.doc = "How long one host may sign a shard's log before others may."},
    {0},
};
static const struct schema ballot_log_schema = {ballot_log_keys, sizeof(struct settings)};

#define LIMIT_NUMBER(key, member, least, most, standard, sentence)                                 \
	{                                                                                          \
		.name = (key), .type = SCHEMA_NUMBER, .min = (least), .max = (most),               \
		.fallback = (standard), SCHEMA_AT(struct settings, limits.member),                 \
		.doc = (sentence)                                                                  \
	}
#define LIMIT_SIZE(key, member, least, most, standard, sentence)                                   \
	{                                                                                          \
		.name = (key), .type = SCHEMA_SIZE, .min = (least), .max = (most),                 \
		.fallback = (standard), SCHEMA_AT(struct settings, limits.member),                 \
		.doc = (sentence)                                                                  \
	}
#define LIMIT_TIME(key, member, standard, sentence)                                                \
	{                                                                                          \
		.name = (key), .type = SCHEMA_DURATION, .min = 100, .max = HOUR,                   \
		.fallback = (standard), SCHEMA_AT(struct settings, limits.member),                 \
		.doc = (sentence)                                                                  \
	}

static const struct schema_key limits_keys[] = {
    LIMIT_NUMBER("connections", connections, 1, 1000000, "16000",
	"Open connections of a worker, streams included."),
    LIMIT_NUMBER("in_flight", in_flight, 1, 1000000, "4096",
	"Requests a worker may have under way; further ones get 503."),
    LIMIT_NUMBER("subscribers", subscribers, 1, 1000000, "10000", "Live streams of a worker."),
    LIMIT_NUMBER("signer_queue", signer_queue, 1, 1000000, "1024",
	"Token requests that may wait for the signer; further ones get 503."),
    LIMIT_NUMBER("under_way", under_way, 1, 1000000, "1024",
	"Votes and token requests a worker may have under way; further ones wait in the browser."),
    LIMIT_SIZE("head", head_bytes, 1024, 1 << 20, "8KiB", "Request line and headers."),
    LIMIT_SIZE("body", body_bytes, 1024, 1 << 24, "256KiB", "A request's body."),
    LIMIT_SIZE("output", output_bytes, 4096, 1 << 28, "4MiB",
	"Unsent bytes that a connection may hold before it is dropped."),
    LIMIT_TIME("head_time", head_ms, "10s", "From a request's first byte to the end of its head."),
    LIMIT_TIME("body_time", body_ms, "20s", "From the end of the head to the end of the body."),
    LIMIT_TIME("idle_time", idle_ms, "60s", "How long a connection may rest between requests."),
    LIMIT_TIME("write_time", write_ms, "30s", "How long a client may leave a reply untaken."),
    LIMIT_TIME("drain_time", drain_ms, "10s",
	"How long a worker that ends goes on with what is under way."),
    {0},
};
static const struct schema limits_schema = {limits_keys, sizeof(struct settings)};

#define RATE_KEYS(member, steady, at_once)                                                         \
	{                                                                                          \
		{.name = "per_minute",                                                             \
		    .type = SCHEMA_NUMBER,                                                         \
		    .max = 1000000,                                                                \
		    .fallback = (steady),                                                          \
		    SCHEMA_AT(struct settings, member.per_minute),                                 \
		    .doc = "Steady rate; 0 for no limit."},                                        \
		    {.name = "burst",                                                              \
			.type = SCHEMA_NUMBER,                                                     \
			.min = 1,                                                                  \
			.max = 1000000,                                                            \
			.fallback = (at_once),                                                     \
			SCHEMA_AT(struct settings, member.burst),                                  \
			.doc = "How many at once after a rest."},                                  \
		    {0},                                                                           \
	}
static const struct schema_key token_rate_keys[] = RATE_KEYS(token_rate, "600", "300");
static const struct schema token_rate_schema = {token_rate_keys, sizeof(struct settings)};
static const struct schema_key guess_rate_keys[] = RATE_KEYS(guess_rate, "10", "20");
static const struct schema guess_rate_schema = {guess_rate_keys, sizeof(struct settings)};
static const struct schema_key ballot_rate_keys[] = RATE_KEYS(ballot_rate, "1200", "600");
static const struct schema ballot_rate_schema = {ballot_rate_keys, sizeof(struct settings)};
static const struct schema_key read_rate_keys[] = RATE_KEYS(read_rate, "30000", "6000");
static const struct schema read_rate_schema = {read_rate_keys, sizeof(struct settings)};
static const struct schema_key stream_rate_keys[] = RATE_KEYS(stream_rate, "1200", "1000");
static const struct schema stream_rate_schema = {stream_rate_keys, sizeof(struct settings)};
static const struct schema_key named_rate_keys[] = RATE_KEYS(named_rate, "1200", "600");
static const struct schema named_rate_schema = {named_rate_keys, sizeof(struct settings)};
static const struct schema_key voter_rate_keys[] = RATE_KEYS(voter_rate, "60", "30");
static const struct schema voter_rate_schema = {voter_rate_keys, sizeof(struct settings)};
static const struct schema_key person_rate_keys[] = RATE_KEYS(person_rate, "600", "300");
static const struct schema person_rate_schema = {person_rate_keys, sizeof(struct settings)};

static const struct schema_key settings_keys[] = {
    {.name = "listen",
	.type = SCHEMA_TEXT,
	.format = &format_listen,
	.fallback = "127.0.0.1:8080",
	SCHEMA_AT(struct settings, listen),
	.doc = "Address and port of the public HTTP server; port 0 picks one."},
    {.name = "admin_listen",
	.type = SCHEMA_TEXT,
	.format = &format_listen,
	.empty = EMPTY_NULL,
	.fallback = "",
	SCHEMA_AT(struct settings, admin_listen),
	.doc = "Address and port for operators (metrics, health); empty for none."},
    {.name = "trusted_proxies",
	.type = SCHEMA_TEXTS,
	.max = 64,
	.format = &format_net,
	.fallback = "[]",
	SCHEMA_LIST_AT(struct settings, trusted_proxies, n_trusted_proxies),
	.doc = "Proxies that are believed whom they ask for."},
    {.name = "proxy_header",
	.type = SCHEMA_WORD,
	.words = proxy_fields,
	.fallback = "x-forwarded-for",
	SCHEMA_AT(struct settings, proxy_field),
	.doc = "The header field in which they say so."},
    {.name = "workers",
	.type = SCHEMA_NUMBER,
	.max = 256,
	.fallback = "0",
	SCHEMA_AT(struct settings, workers),
	.doc = "Worker processes; 0 for one per core."},
    {.name = "roles",
	.type = SCHEMA_TEXTS,
	.max = ROLES,
	.format = &format_role,
	.fallback = "[]",
	SCHEMA_LIST_AT(struct settings, roles, n_roles),
	.doc = "What this server is for: issuer, ballots, tally, pages; none named: all."},
    {.name = "contests",
	.type = SCHEMA_PATHS,
	.required = true,
	.min = 1,
	.max = 16,
	SCHEMA_LIST_AT(struct settings, contests, n_contests),
	.doc = "The contest files to serve."},
    {.name = "rehearsal",
	.type = SCHEMA_BOOLEAN,
	.fallback = "false",
	SCHEMA_AT(struct settings, rehearsal),
	.doc = "Serve every contest as its rehearsal."},
    {.name = "keys",
	.type = SCHEMA_PATH,
	.max = 4000,
	.fallback = "/var/lib/tallyd/keys",
	SCHEMA_AT(struct settings, keys),
	.doc = "The directory of the keys, one directory a contest round."},
    {.name = "pages",
	.type = SCHEMA_PATH,
	.max = 4000,
	.empty = EMPTY_NULL,
	.fallback = "",
	SCHEMA_AT(struct settings, pages),
	.doc = "The directory of static pages to serve; empty for none."},
    {.name = "origins",
	.type = SCHEMA_TEXTS,
	.max = 16,
	.format = &format_origin,
	.fallback = "[]",
	SCHEMA_LIST_AT(struct settings, origins, n_origins),
	.doc = "Origins of pages elsewhere that may call the API."},
    {.name = "api_origin",
	.type = SCHEMA_TEXT,
	.format = &format_origin,
	.empty = EMPTY_KEPT,
	.fallback = "",
	SCHEMA_AT(struct settings, api_origin),
	.doc = "Where the pages find the API; empty for where they come from."},
    {.name = "issuer_origin",
	.type = SCHEMA_TEXT,
	.format = &format_origin,
	.empty = EMPTY_KEPT,
	.fallback = "",
	SCHEMA_AT(struct settings, issuer_origin),
	.doc = "Where the pages find the token issuer; empty for the API's origin."},
    {.name = "public_url",
	.type = SCHEMA_TEXT,
	.format = &format_origin,
	.empty = EMPTY_KEPT,
	.fallback = "",
	SCHEMA_AT(struct settings, public_url),
	.doc = "Where people find the pages, for invitation links; empty for http://<listen>."},
    {.name = "issuer_name",
	.type = SCHEMA_TEXT,
	.format = &format_server_name,
	.fallback = "vote.example",
	SCHEMA_AT(struct settings, issuer_name),
	.doc = "The issuer's name in every token challenge (RFC 9577)."},
    {.name = "origin_info",
	.type = SCHEMA_TEXT,
	.format = &format_server_name,
	.fallback = "vote.example",
	SCHEMA_AT(struct settings, origin_info),
	.doc = "The origin that tokens are redeemed at, in every token challenge (RFC 9577)."},
    {.name = "log_name",
	.type = SCHEMA_TEXT,
	.format = &format_server_name,
	.fallback = "vote.example",
	SCHEMA_AT(struct settings, log_name),
	.doc = "The first part of the name of every ballot log."},
    {.name = "redis", .type = SCHEMA_MAP, .sub = &redis_settings_schema, .doc = "The only state."},
    {.name = "ballot_log",
	.type = SCHEMA_MAP,
	.sub = &ballot_log_schema,
	.doc = "The ballot log's files on this host."},
    {.name = "limits", .type = SCHEMA_MAP, .sub = &limits_schema, .doc = "Limits of a worker."},
    {.name = "providers",
	.type = SCHEMA_MAPS,
	.max = 16,
	.sub = &provider_settings_schema,
	.fallback = "[]",
	SCHEMA_LIST_AT(struct settings, providers, n_providers),
	.doc = "OpenID Providers at which citizens identify themselves."},
    {.name = "gateways",
	.type = SCHEMA_MAPS,
	.max = 16,
	.sub = &gateway_settings_schema,
	.fallback = "[]",
	SCHEMA_LIST_AT(struct settings, gateways, n_gateways),
	.doc = "Identity gateways of organisers, whose assertions admit."},
    {.name = "provider_deadline",
	.type = SCHEMA_DURATION,
	.min = 500,
	.max = MINUTE,
	.fallback = "10s",
	SCHEMA_AT(struct settings, provider_ms),
	.doc = "How long a login may wait for its provider."},
    {.name = "token_rate",
	.type = SCHEMA_MAP,
	.sub = &token_rate_schema,
	.doc = "Tokens an address may ask for."},
    {.name = "guess_rate",
	.type = SCHEMA_MAP,
	.sub = &guess_rate_schema,
	.doc = "Invitation codes that do not exist an address may try."},
    {.name = "ballot_rate",
	.type = SCHEMA_MAP,
	.sub = &ballot_rate_schema,
	.doc = "Ballots an address may send."},
    {.name = "read_rate",
	.type = SCHEMA_MAP,
	.sub = &read_rate_schema,
	.doc = "Readings of tallies, contests, receipts and the log an address may ask for."},
    {.name = "stream_rate",
	.type = SCHEMA_MAP,
	.sub = &stream_rate_schema,
	.doc = "Live streams an address may open."},
    {.name = "named_rate",
	.type = SCHEMA_MAP,
	.sub = &named_rate_schema,
	.doc = "Requests under a name an address may send."},
    {.name = "voter_rate",
	.type = SCHEMA_MAP,
	.sub = &voter_rate_schema,
	.doc = "Requests of one code, login, or voting right."},
    {.name = "person_rate",
	.type = SCHEMA_MAP,
	.sub = &person_rate_schema,
	.doc = "Requests of one named person."},
    {.name = "log_level",
	.type = SCHEMA_WORD,
	.words = log_levels,
	.fallback = "info",
	SCHEMA_AT(struct settings, log_level),
	.doc = "The least important lines that are still logged."},
    {.name = "access_log",
	.type = SCHEMA_PATH,
	.max = 4000,
	.empty = EMPTY_NULL,
	.fallback = "",
	SCHEMA_AT(struct settings, access_log),
	.doc = "A file for one line a request; - for standard output, empty for none."},
    {0},
};
static const struct schema settings_schema = {settings_keys, sizeof(struct settings)};

/* ---- rules between options ---- */

static void check_contests(
    const struct settings *settings, struct document *document, struct config_errors *errors)
{
	for (size_t i = 0; i < settings->n_contests; i++)
		for (size_t k = 0; k < i; k++)
			if (settings->contests[i] && settings->contests[k] &&
			    strcmp(settings->contests[i], settings->contests[k]) == 0)
				document_error(errors, document_at(document, "contests/%zu", i),
				    "this contest file is listed a second time; name it once");
}

static void check_issuer(
    const struct settings *settings, struct document *document, struct config_errors *errors)
{
	if ((settings->serves & SETTINGS_PAGES) && !(settings->serves & SETTINGS_ISSUER) &&
	    *settings->issuer_origin == '\0')
		document_error(errors, document_at(document, "roles"),
		    "this server has pages and does not issue; \"issuer_origin\" is to say where "
		    "they ask for a voting right");
}

static void take_roles(struct settings *settings)
{
	for (size_t i = 0; i < ROLES; i++)
		settings->serves |= settings->n_roles == 0 ? roles[i].role : 0;
	for (size_t i = 0; i < settings->n_roles; i++)
		settings->serves |= settings->roles[i] ? role_of(settings->roles[i]) : 0;
}

/* ---- reading ---- */

/* "-" is no file. */
static int keep_standard_output(struct settings *settings, struct document *document)
{
	const yaml_node_t *node = document_at(document, "access_log");

	if (!node || node->type != YAML_SCALAR_NODE ||
	    strcmp((const char *)node->data.scalar.value, "-") != 0)
		return 0;
	free(settings->access_log);
	settings->access_log = strdup("-");
	return settings->access_log ? 0 : -ENOMEM;
}

static int read_document(struct document *document, const char *directory,
    struct config_errors *errors, struct settings *settings)
{
	const struct schema_source source = {
	    .document = document, .errors = errors, .directory = directory};
	int error = schema_read(&settings_schema, &source, document_root(document), settings);

	if (error)
		return error;
	take_roles(settings);
	check_issuer(settings, document, errors);
	check_contests(settings, document, errors);
	settings_check_providers(settings, document, errors);
	settings_check_redis(settings, document, errors);
	error = settings_resolve_redis(settings, directory);
	return error ? error : keep_standard_output(settings, document);
}

int settings_load(const char *path, struct settings *ret_settings, struct config_errors *ret_errors)
{
	struct document *document = NULL;
	struct settings settings = {0};
	char *directory = strdup(path);
	int error = config_errors_init(ret_errors, path);

	if (error || !directory) {
		error = -ENOMEM;
		goto out;
	}
	error = document_load(path, ret_errors, &document);
	if (error)
		goto out;
	error = read_document(document, dirname(directory), ret_errors, &settings);
	if (!error && ret_errors->count > 0)
		error = -EINVAL;
	if (error) {
		settings_release(&settings);
		goto out;
	}
	*ret_settings = settings;
out:
	config_errors_sort(ret_errors);
	document_free(document);
	free(directory);
	return error;
}

void settings_release(struct settings *settings)
{
	schema_release(&settings_schema, settings);
}

void settings_each(
    void (*each)(void *arg, const char *path, const struct schema_key *key), void *arg)
{
	schema_each(&settings_schema, each, arg);
}
