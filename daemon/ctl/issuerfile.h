/* The file in which an issuer's server hands its public keys to the server that takes the ballots:
 *
 *   {"issuer_name":…,"origin_info":…,"log_name":…,
 *    "rounds":{"<round>":{"token_key":"<PEM>","log_key":"<base64>"}}}
 *
 * The token key is what ballots are admitted by, the log key what the issuer's notes of how many
 * tokens it has issued are signed with. Nothing of it is secret, all of it is to be the issuer's.
 */
#ifndef TALLYD_CTL_ISSUERFILE_H
#define TALLYD_CTL_ISSUERFILE_H

#include <jansson.h>

#include "crypto/keyring.h"

#define ISSUERFILE_WHY_MAX KEYRING_WHY_MAX

struct settings;

/* A file without rounds; NULL: memory. */
json_t *issuerfile_new(const struct settings *settings);
/* Adds a round's keys. 0 or -errno with a sentence. */
__attribute__((warn_unused_result)) int issuerfile_add(
    json_t *file, const char *keys_dir, const char *round, char ret_why[ISSUERFILE_WHY_MAX]);
/* Creates the file. -EEXIST where there is one. */
__attribute__((warn_unused_result)) int issuerfile_write(
    const json_t *file, const char *path, char ret_why[ISSUERFILE_WHY_MAX]);

/* The file's content, where it is one and names the same issuer and origin as these settings. */
__attribute__((warn_unused_result)) int issuerfile_read(const char *path,
    const struct settings *settings, json_t **ret_file, char ret_why[ISSUERFILE_WHY_MAX]);
/* Puts the round's token key among the keys (keyring_take_token()). */
__attribute__((warn_unused_result)) int issuerfile_take(
    const json_t *file, const char *keys_dir, const char *round, char ret_why[ISSUERFILE_WHY_MAX]);
/* The round's log key. 0, or -ENOENT with a sentence. */
__attribute__((warn_unused_result)) int issuerfile_log_key(
    const json_t *file, const char *round, uint8_t ret_key[32], char ret_why[ISSUERFILE_WHY_MAX]);

#endif
