#include "ctl/codefile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/qr.h"

#define LINK_MAX (CTL_PAGE_MAX + sizeof("#code=") + CODE_TEXT_SIZE)

static int refuse(const char *path, int error)
{
	if (error == EEXIST)
		return ctl_fail(EX_CANTCREAT,
		    "%s is there already, and perhaps holds codes: choose another name, or move "
		    "it away.",
		    path);
	return ctl_fail(EX_CANTCREAT, "%s: %s.", path, strerror(error));
}

int codefile_open(struct codefile *file, const struct ctl *ctl, const char *contest,
    const char *path, const char *qr)
{
	int fd;

	*file = (struct codefile){.path = path, .qr = qr};
	ctl_page_url(&ctl->settings, contest, "vote", file->page);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return refuse(path, errno);
	file->csv = fdopen(fd, "w");
	if (file->csv == NULL) {
		int error = errno;

		(void)close(fd);
		return refuse(path, error);
	}
	if (qr != NULL && mkdir(qr, 0700) < 0)
		return refuse(qr, errno);
	file->qr_made = qr != NULL;
	(void)fputs("number,batch,label,code,link,qr\r\n", file->csv);
	return EX_OK;
}

/* A field in quotes; a quote in it is doubled (RFC 4180 section 2). */
static void put_quoted(const char *text, FILE *out)
{
	(void)fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			(void)fputc('"', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

static int draw_qr(
    const struct codefile *file, unsigned long number, const char *link, char *ret_path, size_t cap)
{
	int fd, r;
	FILE *svg;

	(void)snprintf(ret_path, cap, "%s/%07lu.svg", file->qr, number);
	fd = open(ret_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return refuse(ret_path, errno);
	svg = fdopen(fd, "w");
	if (svg == NULL) {
		(void)close(fd);
		return refuse(ret_path, ENOMEM);
	}
	r = qr_svg(link, svg);
	if (fclose(svg) != 0 && r == 0)
		r = -EIO;
	return r == 0 ? EX_OK : refuse(ret_path, -r);
}

int codefile_add(struct codefile *file, unsigned long number, uint64_t batch, const char *label,
    const uint8_t data[CODE_DATA])
{
	char code[CODE_TEXT_SIZE], link[LINK_MAX], picture[512] = "";

	code_print(data, code);
	(void)snprintf(link, sizeof(link), "%s#code=%s", file->page, code);
	if (file->qr != NULL) {
		int status = draw_qr(file, number, link, picture, sizeof(picture));

		if (status != EX_OK)
			return status;
	}
	(void)fprintf(file->csv, "%lu,%" PRIu64 ",", number, batch);
	put_quoted(label, file->csv);
	(void)fprintf(file->csv, ",%s,%s,", code, link);
	put_quoted(picture, file->csv);
	(void)fputs("\r\n", file->csv);
	file->rows++;
	return ferror(file->csv) ? refuse(file->path, errno) : EX_OK;
}

int codefile_close(struct codefile *file, int status)
{
	bool failed;

	if (file->csv == NULL)
		return status;
	failed = fflush(file->csv) != 0 || fsync(fileno(file->csv)) < 0;
	failed = fclose(file->csv) != 0 || failed;
	file->csv = NULL;
	if (status != EX_OK && file->rows == 0) {
		(void)unlink(file->path);
		if (file->qr_made)
			(void)rmdir(file->qr);
	}
	return failed && status == EX_OK ? refuse(file->path, errno) : status;
}
