/* Draws QR codes with characters, and as SVG. libqrencode makes the code. */
#include "ctl/qr.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include <qrencode.h>

#define QUIET 4 /* light modules around a code (ISO/IEC 18004 section 9.1) */

static bool is_dark(const QRcode *code, int x, int y)
{
	return x >= 0 && y >= 0 && x < code->width && y < code->width &&
	       (code->data[y * code->width + x] & 1) != 0;
}

int qr_print(const char *text, FILE *out)
{
	static const char *const blocks[] = {" ", "\xe2\x96\x84", "\xe2\x96\x80", "\xe2\x96\x88"};
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
	bool coloured = isatty(fileno(out));

	if (code == NULL)
		return errno == ENOMEM ? -ENOMEM : -E2BIG;
	for (int y = -QUIET; y < code->width + QUIET; y += 2) {
		if (coloured)
			(void)fputs("\033[30;107m", out);
		for (int x = -QUIET; x < code->width + QUIET; x++)
			(void)fputs(blocks[2 * is_dark(code, x, y) + is_dark(code, x, y + 1)], out);
		(void)fputs(coloured ? "\033[0m\n" : "\n", out);
	}
	QRcode_free(code);
	return 0;
}

int qr_svg(const char *text, FILE *out)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	int side;

	if (code == NULL)
		return errno == ENOMEM ? -ENOMEM : -E2BIG;
	side = code->width + 2 * QUIET;
	(void)fprintf(out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
	    "shape-rendering=\"crispEdges\"><rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>"
	    "<path d=\"",
	    side, side, side, side);
	for (int y = 0; y < code->width; y++)
		for (int x = 0; x < code->width; x++)
			if (is_dark(code, x, y))
				(void)fprintf(out, "M%d %dh1v1h-1z", x + QUIET, y + QUIET);
	(void)fputs("\"/></svg>\n", out);
	QRcode_free(code);
	return ferror(out) ? -EIO : 0;
}
