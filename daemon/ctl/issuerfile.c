/* What one server hands to another, as JSON. */
#include "ctl/issuerfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/io.h"
#include "config/settings.h"

__attribute__((format(printf, 3, 4))) static int fail(
    char ret_why[ISSUERFILE_WHY_MAX], int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ret_why, ISSUERFILE_WHY_MAX, format, args);
	va_end(args);
	return error;
}

/* ---- written ---- */

json_t *issuerfile_new(const struct settings *settings)
{
	return json_pack("{s:s, s:s, s:s, s:{}}", "issuer_name", settings->issuer_name,
	    "origin_info", settings->origin_info, "log_name", settings->log_name, "rounds");
}

int issuerfile_add(
    json_t *file, const char *keys_dir, const char *round, char ret_why[ISSUERFILE_WHY_MAX])
{
	struct keyring_public keys;
	char pem[BLINDRSA_PEM_MAX], log_key[BASE64_SIZE(sizeof(keys.log_key))];
	size_t len;
	int r = keyring_token_pem(keys_dir, round, pem, &len, ret_why);

	if (r == 0)
		r = keyring_load_public(keys_dir, round, &keys, ret_why);
	if (r < 0)
		return r;
	(void)base64_encode(keys.log_key, sizeof(keys.log_key), log_key);
	keyring_public_release(&keys);
	if (json_object_set_new(json_object_get(file, "rounds"), round,
		json_pack("{s:s%, s:s}", "token_key", pem, len, "log_key", log_key)) != 0)
		return fail(ret_why, -ENOMEM, "There is not enough memory.");
	return 0;
}

int issuerfile_write(const json_t *file, const char *path, char ret_why[ISSUERFILE_WHY_MAX])
{
	char *text = json_dumps(file, JSON_INDENT(2));
	int r, fd = -1;

	if (!text)
		return fail(ret_why, -ENOMEM, "There is not enough memory.");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : io_write_all(fd, slice_text(text));
	if (r == 0)
		r = io_write_all(fd, slice_text("\n"));
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	free(text);
	return r < 0 ? fail(ret_why, r, "%s: %s.", path, strerror(-r)) : 0;
}

/* ---- read ---- */

static bool names(const json_t *file, const char *member, const char *name)
{
	const char *named = json_string_value(json_object_get(file, member));

	return named && strcmp(named, name) == 0;
}

int issuerfile_read(const char *path, const struct settings *settings, json_t **ret_file,
    char ret_why[ISSUERFILE_WHY_MAX])
{
	json_error_t error;
	json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	int r = 0;

	if (!file && access(path, R_OK) < 0)
		return fail(ret_why, -errno, "%s: %s.", path, strerror(errno));
	if (!json_is_object(json_object_get(file, "rounds")) ||
	    !json_is_string(json_object_get(file, "log_name")))
		r = fail(ret_why, -EBADMSG,
		    "%s: is not what `tallyctl keygen --export` writes on the issuer's server.",
		    path);
	else if (!names(file, "issuer_name", settings->issuer_name) ||
		 !names(file, "origin_info", settings->origin_info))
		r = fail(ret_why, -EINVAL,
		    "%s: is of an issuer with another issuer_name or origin_info than these "
		    "settings have; no voting right of it would be good here.",
		    path);
	else if (names(file, "log_name", settings->log_name))
		r = fail(ret_why, -EINVAL,
		    "%s: is of an issuer with the log_name of these settings; its notes and this "
		    "server's log could be taken for one another. Give the issuer another one.",
		    path);
	if (r < 0)
		json_decref(file);
	else
		*ret_file = file;
	return r;
}

static const char *member_of(const json_t *file, const char *round, const char *member)
{
	return json_string_value(
	    json_object_get(json_object_get(json_object_get(file, "rounds"), round), member));
}

int issuerfile_take(
    const json_t *file, const char *keys_dir, const char *round, char ret_why[ISSUERFILE_WHY_MAX])
{
	const char *pem = member_of(file, round, "token_key");

	if (!pem)
		return fail(ret_why, -ENOENT,
		    "The issuer's file has no key of round %s; is the contest in its settings?",
		    round);
	return keyring_take_token(keys_dir, round, slice_text(pem), ret_why);
}

int issuerfile_log_key(
    const json_t *file, const char *round, uint8_t ret_key[32], char ret_why[ISSUERFILE_WHY_MAX])
{
	const char *text = member_of(file, round, "log_key");
	size_t len = 0;

	if (!text || strlen(text) != BASE64_SIZE(32) - 1 ||
	    base64_decode(slice_text(text), ret_key, 32, &len) < 0 || len != 32)
		return fail(
		    ret_why, -ENOENT, "The issuer's file has no log key of round %s.", round);
	return 0;
}
