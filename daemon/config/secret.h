/* A secret from the file that the settings name for it. */
#ifndef TALLYD_CONFIG_SECRET_H
#define TALLYD_CONFIG_SECRET_H

#define SECRET_MAX 256

/* The file's first line, without its end; empty where `path` is NULL. 0, or -EIO, told in the log
 * with the option's name. */
__attribute__((warn_unused_result)) int secret_read(
    const char *option, const char *path, char ret_secret[SECRET_MAX]);

#endif
