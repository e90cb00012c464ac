/* Who signs, and under which rules: the pinned key, keys.json, contest.yaml, rules.json. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audit/verify_impl.h"
#include "config/contestfile.h"

#define KEYS      "keys.json"
#define CONTEST   "contest.yaml"
#define RULES     "rules.json"
#define RESULT    "/result"
#define REHEARSAL "~rehearsal"

enum { SPKI_MAX = 2048 };

/* ---- the pinned key ---- */

/* "<log name>/<round>/result" taken apart. */
static bool split_name(struct verify *verify)
{
	const char *name = verify->key_name;
	size_t len = strlen(name), end = len - strlen(RESULT), slash;

	if (len <= strlen(RESULT) || strcmp(name + end, RESULT) != 0)
		return false;
	for (slash = end; slash > 0 && name[slash - 1] != '/'; slash--)
		;
	if (slash < 2 || end == slash || end - slash >= sizeof(verify->round))
		return false;
	(void)snprintf(verify->log_name, sizeof(verify->log_name), "%.*s", (int)(slash - 1), name);
	(void)snprintf(
	    verify->round, sizeof(verify->round), "%.*s", (int)(end - slash), name + slash);
	return true;
}

static int pin_given(struct verify *verify, char ret_why[VERIFY_WHY_MAX])
{
	const char *key = verify->options->key;

	if (note_verifier_read(slice_text(key), verify->key_name, verify->result_key) != 0) {
		(void)snprintf(ret_why, VERIFY_WHY_MAX,
		    "the pinned key is no verifier key: it is to be \"<name>+<8 hex "
		    "digits>+<base64>\", "
		    "and the digits those of name and key.");
		return -EINVAL;
	}
	verify->pinned = true;
	if (split_name(verify))
		return 0;
	(void)snprintf(ret_why, VERIFY_WHY_MAX,
	    "the pinned key is that of \"%s\", not a result key: its name is to be \"<log "
	    "name>/<round>/result\".",
	    verify->key_name);
	return -EINVAL;
}

/* Raw bytes of a member in base64; 0: none. */
static size_t member_bytes(const json_t *keys, const char *name, uint8_t *ret_bytes, size_t cap)
{
	const json_t *text = json_object_get(keys, name);
	size_t len;

	return json_is_string(text) &&
		       base64_decode(slice_make(json_string_value(text), json_string_length(text)),
			   ret_bytes, cap, &len) == 0
		   ? len
		   : 0;
}

/* Before anything is known to be as listed: it only says which key to try. */
static int pin_own(struct verify *verify, char ret_why[VERIFY_WHY_MAX])
{
	json_error_t error;
	struct slice text;
	json_t *keys =
	    verify_read(verify, KEYS, VERIFY_JSON_MAX, &text) ? verify_load(text, &error) : NULL;
	const char *log_name = json_string_value(json_object_get(keys, "log_name"));
	const char *round = json_string_value(json_object_get(keys, "round"));
	int n = log_name && round ? snprintf(verify->key_name, sizeof(verify->key_name),
					"%s/%s" RESULT, log_name, round)
				  : -1;
	bool good = n > 0 && (size_t)n < sizeof(verify->key_name) &&
		    member_bytes(keys, "result_key", verify->result_key, 32) == 32 &&
		    split_name(verify);

	json_decref(keys);
	if (good)
		return 0;
	(void)snprintf(ret_why, VERIFY_WHY_MAX,
	    "there is no bundle: no " KEYS " with log_name, round and result_key.");
	return -ENOENT;
}

int verify_pin(struct verify *verify, char ret_why[VERIFY_WHY_MAX])
{
	char text[NOTE_VERIFIER_MAX];
	int rc = verify->options->key ? pin_given(verify, ret_why) : pin_own(verify, ret_why);

	if (rc == 0 && note_verifier_print(verify->key_name, verify->result_key, text) != 0) {
		(void)snprintf(ret_why, VERIFY_WHY_MAX, "the bundle's own key has no name.");
		rc = -ENOENT;
	}
	if (rc != 0)
		return rc;
	verify_checked(verify, "key", json_string(text));
	verify_checked(verify, "pinned", json_boolean(verify->pinned));
	if (!verify->pinned)
		verify_leave(verify,
		    "who signed this: no key was pinned, and whoever writes files can make a key "
		    "for them, too");
	verify_checked(verify, "log_name", json_string(verify->log_name));
	verify_checked(verify, "round", json_string(verify->round));
	return 0;
}

/* ---- keys.json ---- */

static void want_text(
    struct verify *verify, const json_t *keys, const char *name, const char *should)
{
	const char *is = json_string_value(json_object_get(keys, name));

	if (!is || strcmp(is, should) != 0)
		verify_find(verify, VERIFY_AT(KEYS), "%s is %s, should be %s as in the key's name.",
		    name, is ? is : "missing", should);
}

/* SHA-256 of the key's bytes. */
static void fingerprint(struct verify *verify, const json_t *keys, const char *name, size_t size,
    uint8_t ret_hash[SHA256_SIZE])
{
	uint8_t bytes[SPKI_MAX];
	size_t len = member_bytes(keys, name, bytes, sizeof(bytes));

	if (len == 0 || (size != 0 && len != size))
		verify_find(verify, VERIFY_AT(KEYS), "%s is no key in base64.", name);
	sha256(slice_make(bytes, len), ret_hash);
}

static void only_members(struct verify *verify, const json_t *keys)
{
	static const char *const names[] = {"bearer_key", "issuer_name", "log_key", "log_name",
	    "origin_info", "result_key", "round", "token_key"};
	const size_t n_names = sizeof(names) / sizeof(names[0]);

	for (size_t i = 0; i < n_names; i++)
		if (!json_is_string(json_object_get(keys, names[i])))
			verify_find(
			    verify, VERIFY_AT(KEYS), "%s is missing, or no text.", names[i]);
	if (json_object_size(keys) > n_names)
		verify_find(verify, VERIFY_AT(KEYS), "has other members than its %zu.", n_names);
}

static void read_keys(struct verify *verify)
{
	json_t *keys = verify_take_json(verify, KEYS, JSON_OBJECT);
	struct contest_fingerprints *prints = &verify->fingerprints;
	uint8_t result[32] = {0};

	if (!keys)
		return;
	only_members(verify, keys);
	want_text(verify, keys, "log_name", verify->log_name);
	want_text(verify, keys, "round", verify->round);
	if (member_bytes(keys, "result_key", result, sizeof(result)) == sizeof(result) &&
	    memcmp(result, verify->result_key, sizeof(result)) != 0)
		verify_find(verify, VERIFY_AT(KEYS), "result_key is not the pinned key.");
	verify->has_log_key = member_bytes(keys, "log_key", verify->log_key,
				  sizeof(verify->log_key)) == sizeof(verify->log_key);
	fingerprint(verify, keys, "log_key", 32, prints->log_key);
	fingerprint(verify, keys, "result_key", 32, prints->result_key);
	fingerprint(verify, keys, "token_key", 0, prints->token_key);
	fingerprint(verify, keys, "bearer_key", 0, prints->bearer_key);
	json_decref(keys);
}

/* ---- contest.yaml ---- */

static void tell_errors(struct verify *verify, const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		verify_find(verify, VERIFY_AT(CONTEST), "%d:%d: %s", errors->list[i].line,
		    errors->list[i].column, errors->list[i].text);
}

static bool is_rehearsal(const struct verify *verify)
{
	size_t len = strlen(verify->round), end = strlen(REHEARSAL);

	return len > end && strcmp(verify->round + len - end, REHEARSAL) == 0;
}

/* The loader takes a path; this one leads to the very bytes that were hashed. */
static int load(struct verify *verify, struct slice text, struct config_errors *errors)
{
	char path[40];
	int fd = memfd_create("contest", MFD_CLOEXEC);
	int rc = fd < 0 ? -errno : 0;

	for (size_t at = 0; rc == 0 && at < text.len;) {
		ssize_t n = write(fd, text.ptr + at, text.len - at);
		if (n < 0)
			rc = -errno;
		else
			at += (size_t)n;
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (rc == 0)
		rc = contestfile_load(path, is_rehearsal(verify), &verify->contest, errors);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

static void read_contest(struct verify *verify)
{
	struct config_errors errors = {0};
	char round[ROUND_NAME_MAX];
	struct slice text;

	if (!verify_take(verify, CONTEST, DOCUMENT_BYTES_MAX, &text))
		return;
	int rc = load(verify, text, &errors);
	if (rc == -EINVAL)
		tell_errors(verify, &errors);
	else if (rc != 0)
		verify_fail(verify, rc, CONTEST);
	config_errors_release(&errors);
	if (!verify->contest)
		return;
	contest_round(verify->contest, round, sizeof(round));
	if (strcmp(round, verify->round) != 0)
		verify_find(verify, VERIFY_AT(CONTEST), "is the contest of round %s, should be %s.",
		    round, verify->round);
}

/* ---- rules.json ---- */

/* A fingerprint without a key in the bundle: the key stays a secret, so it is taken as it is. */
static void read_fingerprint(
    struct verify *verify, const json_t *rules, const char *name, uint8_t ret_fingerprint[32])
{
	const char *hex = json_string_value(json_object_get(rules, name));
	size_t len = 0;

	if (!hex || hex_decode(slice_text(hex), ret_fingerprint, 32, &len) != 0 || len != 32)
		verify_find(verify, VERIFY_AT(RULES), "%s is no fingerprint.", name);
}

static void read_rules(struct verify *verify)
{
	uint8_t hash[SHA256_SIZE];
	struct slice text;

	if (!verify_take(verify, RULES, VERIFY_JSON_MAX, &text))
		return;
	sha256(text, hash);
	hex_encode(hash, sizeof(hash), verify->rules_hash);
	json_t *rules = verify_parse(verify, RULES, JSON_OBJECT, text);
	if (!rules)
		return;
	read_fingerprint(verify, rules, "salt_key", verify->fingerprints.salt_key);
	if (verify->contest && contest_knows_persons(verify->contest))
		read_fingerprint(verify, rules, "identity_key", verify->fingerprints.identity_key);
	char *ours = verify->contest
			 ? contest_rules(verify->contest, verify->log_name, &verify->fingerprints)
			 : NULL;
	json_t *should = ours ? json_loads(ours, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (verify->contest && !should)
		verify_fail(verify, -ENOMEM, RULES);
	else if (should)
		(void)verify_same(verify, RULES, NULL, rules, should);
	json_decref(should);
	json_decref(rules);
	free(ours);
}

void verify_keys(struct verify *verify)
{
	verify_want_file(verify, "FORMAT.md");
	read_keys(verify);
	read_contest(verify);
	read_rules(verify);
	if (verify->contest)
		verify_checked(verify, "contest", json_string(verify->contest->id));
}
