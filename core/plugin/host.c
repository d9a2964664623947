/* SPDX-License-Identifier: MIT */
/* host: memory, files and numbers for plugins.
 *
 * Plugins link against nothing of nacre's: all they can ask of it is here,
 * and so every size, limit and kind of file is checked in one place. */
#include "host.h"

#include "base/sys.h"
#include "base/text.h"
#include "listing.h"

#include <stdarg.h>
#include <string.h>

/* Of what one file may give after decoding, when nobody says otherwise. */
#define DEFAULT_LIMIT ((uint64_t)4 << 30)

/* Hands the first problem to a plugin's fail(), with its file as place. */
static int pass_on(const nacre_error *error, const char *path,
                   nacre_fail *fail) {
  fail->fail(fail, path, "%s",
             error->count > 0 ? error->problem[0].text : "out of memory");
  return NACRE_ERROR;
}

static const nacre_codec_ops *find_codec(const nacre_host *host,
                                         const char *name, const char *path,
                                         nacre_fail *fail, bool *failed) {
  nacre_registry *registry = host->self;
  nacre_error error;
  nacre_error_init(&error);
  const nacre_component *codec = nacre_registry_find(
    registry, NACRE_KIND_CODEC, name, NULL, 0, &error);
  *failed = codec == NULL && error.errors > 0;
  if (*failed) {
    pass_on(&error, path, fail);
  }
  nacre_error_fini(&error);
  return codec != NULL ? codec->ops : NULL;
}

/* What a codec is given to fail with: it knows bytes, not files, so the
 * file's path is put in. */
typedef struct file_fail {
  nacre_fail fail; /* first: a codec sees only this */
  nacre_fail *outer;
  const char *path;
} file_fail;

static void fail_in_file(nacre_fail *fail, const char *place,
                         const char *format, ...) NACRE_PRINTF(3, 4);
static void fail_in_file(nacre_fail *fail, const char *place,
                         const char *format, ...) {
  const file_fail *self = (const file_fail *)(const void *)fail;
  char text[512];
  va_list args;
  va_start(args, format);
  (void)nacre_text_vsnprintf(text, sizeof text, format, args);
  va_end(args);
  self->outer->fail(self->outer, place != NULL ? place : self->path, "%s",
                    text);
}

static int decode_file(const nacre_host *host, const nacre_codec_ops *codec,
                       const char *path, size_t limit, nacre_fail *fail,
                       nacre_bytes *out) {
  nacre_error error;
  nacre_bytes raw = { NULL, 0 };
  nacre_error_init(&error);
  int status = nacre_file_read(path, limit, NACRE_EDATA, &error, &raw);
  if (status != NACRE_OK) {
    pass_on(&error, path, fail);
  } else if (codec == NULL) {
    *out = raw;
    raw.at = NULL;
  } else {
    file_fail inner = { { sizeof(nacre_fail), 0, fail_in_file }, fail, path };
    status =
      codec->decode(host, raw.at, raw.n, limit, NULL, out, &inner.fail);
  }
  nacre_free(raw.at);
  nacre_error_fini(&error);
  return status;
}

static int read_file(const nacre_host *host, const char *path, size_t limit,
                     nacre_fail *fail, nacre_bytes *out) {
  const nacre_codec_ops *codec = NULL;
  out->at = NULL;
  out->n = 0;
  if (limit == 0) {
    limit = DEFAULT_LIMIT <= SIZE_MAX ? (size_t)DEFAULT_LIMIT : SIZE_MAX;
  }
  const char *dot = strrchr(path, '.');
  if (dot != NULL && dot[1] != '\0' && strchr(dot, '/') == NULL) {
    bool failed = false;
    const char *refused =
      nacre_registry_refused_for(host->self, NACRE_KIND_CODEC, dot + 1);
    codec = find_codec(host, dot + 1, path, fail, &failed);
    if (failed) {
      return NACRE_ERROR;
    }
    if (codec == NULL && refused != NULL) {
      fail->fail(fail, path, "the plugin of codec '%s' was refused: %s",
                 dot + 1, refused);
      return NACRE_ERROR;
    }
  }
  return decode_file(host, codec, path, limit, fail, out);
}

static int decode(const nacre_host *host, const char *name, const void *in,
                  size_t n, void *out, size_t size, nacre_fail *fail) {
  bool failed = false;
  nacre_bytes unused = { NULL, 0 };
  const nacre_codec_ops *codec = find_codec(host, name, NULL, fail, &failed);
  if (codec == NULL) {
    if (!failed) {
      fail->fail(fail, NULL, "there is no codec '%s'", name);
    }
    return NACRE_ERROR;
  }
  return codec->decode(host, in, n, size, out, &unused, fail);
}

static int number(const char *text, size_t n, double *value) {
  return nacre_text_float(text, n, value) ? 0 : NACRE_ERROR;
}

static const nacre_component *component(const nacre_host *host,
                                        uint32_t kind, uint32_t i) {
  return nacre_registry_ranked(host->self, kind, i);
}

void nacre_host_init(nacre_host *host, nacre_registry *registry) {
  memset(host, 0, sizeof *host);
  host->size = sizeof *host;
  host->alloc = nacre_alloc;
  host->resize = nacre_resize;
  host->free = nacre_free;
  host->read_file = read_file;
  host->decode = decode;
  host->number = number;
  host->self = registry;
  host->component = component;
  nacre_listing_init(host);
}
