/* Static pages from memory. The files are read once, compressed once, kept in a table sorted by
 * path. */
#include "http/assets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <brotli/encode.h>
#include <openssl/evp.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/encode.h"
#include "http/server_internal.h"

#define FILE_BYTES_MAX (4 * 1024 * 1024)
#define DEPTH_MAX      16
#define ETAG_BYTES     12

enum coding { CODING_NONE, CODING_GZIP, CODING_BROTLI, CODINGS };

static const char *const coding_names[CODINGS] = {NULL, "gzip", "br"};

/* One form of a file. A coding that does not make it smaller has no bytes. */
struct form {
	char *bytes;
	size_t len;
	char etag[2 * ETAG_BYTES + 8]; /* quoted; another per coding, RFC 9110 section 8.8.3.3 */
};

struct asset {
	char *path; /* as requested: "/en/index.html" */
	const struct asset_type *type;
	bool is_dir; /* only redirects to path + "/" */
	struct form forms[CODINGS];
};

struct assets {
	struct asset *list; /* sorted by path */
	size_t n;
	size_t cap;
	char why[PATH_MAX + 64];
};

struct asset_type {
	const char *suffix;
	const char *content_type;
	bool compress;
	bool revalidate; /* names stay while contents change: ask each time */
};

static const struct asset_type types[] = {
    {".html", "text/html; charset=utf-8", true, true},
    {".css", "text/css; charset=utf-8", true, false},
    {".js", "text/javascript; charset=utf-8", true, false},
    {".mjs", "text/javascript; charset=utf-8", true, false},
    {".json", "application/json", true, true},
    {".svg", "image/svg+xml", true, false},
    {".png", "image/png", false, false},
    {".ico", "image/vnd.microsoft.icon", true, false},
    {".txt", "text/plain; charset=utf-8", true, false},
    {".woff2", "font/woff2", false, false},
    {".webmanifest", "application/manifest+json", true, false},
    {".xml", "application/xml", true, false},
};
static const struct asset_type unknown_type = {"", "application/octet-stream", true, false};

static const struct asset_type *type_of(const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t n = strlen(types[i].suffix);
		if (len > n && strcmp(path + len - n, types[i].suffix) == 0)
			return &types[i];
	}
	return &unknown_type;
}

/* ---- loading ---- */

static int set_etag(struct form *form, const struct form *plain, enum coding coding)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[HEX_SIZE(ETAG_BYTES)];

	if (!EVP_Digest(plain->bytes, plain->len, digest, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	hex_encode(digest, ETAG_BYTES, hex);
	snprintf(form->etag, sizeof(form->etag), "\"%s%s%s\"", hex, coding ? "-" : "",
	    coding ? coding_names[coding] : "");
	return 0;
}

static int compress_gzip(const struct form *plain, struct form *ret)
{
	z_stream stream = {0};

	/* 15 bits of window, and 16 for a gzip wrapper. */
	if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return -ENOMEM;
	size_t max = deflateBound(&stream, plain->len);
	ret->bytes = malloc(max);
	if (!ret->bytes) {
		deflateEnd(&stream);
		return -ENOMEM;
	}
	stream.next_in = (Bytef *)plain->bytes;
	stream.avail_in = (uInt)plain->len;
	stream.next_out = (Bytef *)ret->bytes;
	stream.avail_out = (uInt)max;
	int r = deflate(&stream, Z_FINISH);
	ret->len = stream.total_out;
	deflateEnd(&stream);
	return r == Z_STREAM_END ? 0 : -EIO;
}

static int compress_brotli(const struct form *plain, struct form *ret)
{
	size_t len = BrotliEncoderMaxCompressedSize(plain->len);

	ret->bytes = malloc(len);
	if (!ret->bytes)
		return -ENOMEM;
	if (!BrotliEncoderCompress(BROTLI_MAX_QUALITY, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT,
		plain->len, (const uint8_t *)plain->bytes, &len, (uint8_t *)ret->bytes))
		return -EIO;
	ret->len = len;
	return 0;
}

static void drop_form(struct form *form)
{
	free(form->bytes);
	*form = (struct form){0};
}

static int add_codings(struct asset *asset)
{
	const struct form *plain = &asset->forms[CODING_NONE];
	struct form *gzip = &asset->forms[CODING_GZIP], *brotli = &asset->forms[CODING_BROTLI];

	int r = set_etag(&asset->forms[CODING_NONE], plain, CODING_NONE);
	if (r < 0 || !asset->type->compress || plain->len == 0)
		return r;
	if ((r = compress_gzip(plain, gzip)) < 0 || (r = compress_brotli(plain, brotli)) < 0 ||
	    (r = set_etag(gzip, plain, CODING_GZIP)) < 0 ||
	    (r = set_etag(brotli, plain, CODING_BROTLI)) < 0)
		return r;
	if (gzip->len >= plain->len)
		drop_form(gzip);
	if (brotli->len >= plain->len)
		drop_form(brotli);
	return 0;
}

static int read_whole(const char *file, struct form *ret)
{
	struct buf buf;
	struct stat st;
	int r = 0;

	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	buf_init(&buf, FILE_BYTES_MAX);
	if (fstat(fd, &st) == 0 && st.st_size > FILE_BYTES_MAX)
		r = -ENOBUFS;
	while (r == 0 && (r = buf_reserve(&buf, 1)) == 0) {
		ssize_t n = read(fd, buf.data + buf.len, buf.cap - buf.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = -errno;
		if (n <= 0)
			break;
		buf.len += (size_t)n;
		/* A file of exactly the maximum leaves no room to see its end in. */
		if (buf.len == buf.max)
			break;
	}
	close(fd);
	if (r < 0) {
		buf_release(&buf);
		return r == -ENOBUFS ? -EFBIG : r;
	}
	ret->bytes = buf.data;
	ret->len = buf.len;
	return 0;
}

/* Takes `path` over, also on failure. */
static struct asset *add_asset(struct assets *assets, char *path)
{
	if (!path)
		return NULL;
	if (assets->n == assets->cap) {
		size_t cap = assets->cap ? 2 * assets->cap : 32;
		struct asset *list = realloc(assets->list, cap * sizeof(*list));
		if (!list) {
			free(path);
			return NULL;
		}
		assets->list = list;
		assets->cap = cap;
	}
	struct asset *asset = &assets->list[assets->n++];
	*asset = (struct asset){.path = path, .type = type_of(path)};
	return asset;
}

static int load_dir(struct assets *assets, const char *root, const char *below, int depth);

static int load_entry(struct assets *assets, const char *root, const char *path, int depth)
{
	char file[PATH_MAX];
	struct stat st;

	if (snprintf(file, sizeof(file), "%s%s", root, path) >= (int)sizeof(file))
		return -ENAMETOOLONG;
	snprintf(assets->why, sizeof(assets->why), "%s", file);
	if (stat(file, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return 0;
	struct asset *asset = add_asset(assets, strdup(path));
	if (!asset)
		return -ENOMEM;
	if (S_ISDIR(st.st_mode)) {
		asset->is_dir = true;
		return load_dir(assets, root, path, depth + 1);
	}
	int r = read_whole(file, &asset->forms[CODING_NONE]);
	return r < 0 ? r : add_codings(asset);
}

static int load_dir(struct assets *assets, const char *root, const char *below, int depth)
{
	char dir[PATH_MAX], path[PATH_MAX];
	int r = 0;

	if (depth > DEPTH_MAX ||
	    snprintf(dir, sizeof(dir), "%s%s", root, below) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	snprintf(assets->why, sizeof(assets->why), "%s", dir);
	DIR *stream = opendir(dir);
	if (!stream)
		return -errno;
	struct dirent *entry;
	while (r == 0 && (entry = readdir(stream))) {
		if (entry->d_name[0] == '.') /* editors' and tools' files */
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", below, entry->d_name) >=
		    (int)sizeof(path))
			r = -ENAMETOOLONG;
		else
			r = load_entry(assets, root, path, depth);
	}
	closedir(stream);
	return r;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct asset *)a)->path, ((const struct asset *)b)->path);
}

struct assets *assets_load(const char *dir, const char **ret_why)
{
	/* Outlives a failed load, and startup is single-threaded. */
	static char why[PATH_MAX + 64];

	struct assets *assets = calloc(1, sizeof(*assets));
	if (!assets) {
		*ret_why = dir;
		errno = ENOMEM;
		return NULL;
	}
	int r = load_dir(assets, dir, "", 0);
	if (r < 0) {
		snprintf(why, sizeof(why), "%s", assets->why);
		*ret_why = why;
		assets_free(assets);
		errno = -r;
		return NULL;
	}
	if (assets->n > 0)
		qsort(assets->list, assets->n, sizeof(assets->list[0]), compare_paths);
	return assets;
}

void assets_free(struct assets *assets)
{
	if (!assets)
		return;
	for (size_t i = 0; i < assets->n; i++) {
		free(assets->list[i].path);
		for (int coding = 0; coding < CODINGS; coding++)
			free(assets->list[i].forms[coding].bytes);
	}
	free(assets->list);
	free(assets);
}

/* ---- serving ---- */

static const struct asset *find_text(const struct assets *assets, char *path)
{
	const struct asset key = {.path = path};

	if (assets->n == 0)
		return NULL;
	return bsearch(&key, assets->list, assets->n, sizeof(key), compare_paths);
}

/* The asset at the first `len` bytes of `path` and `rest` behind them. */
static const struct asset *find(
    const struct assets *assets, struct slice path, size_t len, const char *rest)
{
	char text[1024];
	size_t rest_len = strlen(rest);

	if (len + rest_len >= sizeof(text))
		return NULL;
	memcpy(text, path.ptr, len);
	memcpy(text + len, rest, rest_len + 1);
	return find_text(assets, text);
}

static const struct form *choose_form(
    const struct asset *asset, const struct request *req, enum coding *ret_coding)
{
	for (enum coding coding = CODING_BROTLI; coding > CODING_NONE; coding--) {
		const struct form *form = &asset->forms[coding];
		if (form->bytes && request_takes(req, coding_names[coding])) {
			*ret_coding = coding;
			return form;
		}
	}
	*ret_coding = CODING_NONE;
	return &asset->forms[CODING_NONE];
}

#define HEADERS_MAX 10

static size_t page_headers(
    const struct asset *asset, const struct conn *conn, struct reply_header *headers, size_t n)
{
	if (strncmp(asset->type->content_type, "text/html", 9) != 0)
		return n;
	headers[n++] = (struct reply_header){"Content-Security-Policy", conn->server->csp.data};
	headers[n++] = (struct reply_header){"X-Frame-Options", "DENY"};
	headers[n++] = (struct reply_header){"Cross-Origin-Opener-Policy", "same-origin"};
	headers[n++] = (struct reply_header){
	    "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"};
	return n;
}

static void serve_form(const struct asset *asset, struct request *req, int status)
{
	struct reply_header headers[HEADERS_MAX];
	enum coding coding;
	size_t n = 0;

	const struct form *form = choose_form(asset, req, &coding);
	headers[n++] = (struct reply_header){"ETag", form->etag};
	headers[n++] = (struct reply_header){
	    "Cache-Control", asset->type->revalidate ? "no-cache" : "public, max-age=300"};
	if (asset->type->compress)
		headers[n++] = (struct reply_header){"Vary", "Accept-Encoding"};
	if (status == 200 && request_holds(req, form->etag)) {
		reply_bytes(req, 304, NULL, slice_make(NULL, 0), headers, n);
		return;
	}
	if (coding != CODING_NONE)
		headers[n++] = (struct reply_header){"Content-Encoding", coding_names[coding]};
	n = page_headers(asset, conn_of(req), headers, n);
	reply_borrowed(
	    req, status, asset->type->content_type, slice_make(form->bytes, form->len), headers, n);
}

static void redirect_to_dir(struct request *req)
{
	char location[2048];

	snprintf(location, sizeof(location), "%.*s/%s%.*s", (int)req->path.len, req->path.ptr,
	    req->query.len ? "?" : "", (int)req->query.len, req->query.len ? req->query.ptr : "");
	const struct reply_header headers[] = {{"Location", location}};
	reply_bytes(req, 308, NULL, slice_make(NULL, 0), headers, 1);
}

bool assets_serve(const struct assets *assets, struct request *req)
{
	struct slice path = req->path;
	bool names_dir = path.len > 0 && path.ptr[path.len - 1] == '/';
	const struct asset *asset = find(assets, path, path.len, names_dir ? "index.html" : "");

	if (!asset || (asset->is_dir && !find(assets, path, path.len, "/index.html")))
		return false;
	if (req->method != METHOD_GET && req->method != METHOD_HEAD)
		reply_method_not_allowed(req, METHOD_GET | METHOD_HEAD);
	else if (asset->is_dir)
		redirect_to_dir(req);
	else
		serve_form(asset, req, 200);
	return true;
}

bool assets_serve_not_found(const struct assets *assets, struct request *req)
{
	struct slice path = req->path;

	if (req->method != METHOD_GET && req->method != METHOD_HEAD)
		return false;
	for (size_t len = path.len; len > 0; len--) {
		if (path.ptr[len - 1] != '/')
			continue;
		const struct asset *asset = find(assets, path, len, "404.html");
		if (asset && !asset->is_dir) {
			serve_form(asset, req, 404);
			return true;
		}
	}
	return false;
}
