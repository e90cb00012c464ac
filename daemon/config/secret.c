/* One line of a file. */
#include "config/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

int secret_read(const char *option, const char *path, char ret_secret[SECRET_MAX])
{
	ret_secret[0] = '\0';
	if (!path)
		return 0;
	FILE *file = fopen(path, "re");
	if (!file || !fgets(ret_secret, SECRET_MAX, file)) {
		log_error("%s %s cannot be read: %s", option, path,
		    file ? "it is empty" : strerror(errno));
		if (file)
			fclose(file);
		return -EIO;
	}
	fclose(file);
	ret_secret[strcspn(ret_secret, "\r\n")] = '\0';
	return 0;
}
