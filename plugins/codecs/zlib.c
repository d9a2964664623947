/* SPDX-License-Identifier: MIT */
/* zlib: the codecs "gz" (RFC 1952, members one after the other) and "deflate"
 * (RFC 1951, as in zip files), by zlib. A few bytes may stand for a
 * thousandfold: nothing is decoded beyond the limit that the caller sets. */
#include <nacre/plugin.h>

#include <string.h>
#include <zlib.h>

#define ROOM_FIRST ((size_t)1 << 16)
#define INPUT_STEP ((size_t)1 << 30) /* zlib counts in 32 bits */
#define WINDOW_RAW (-MAX_WBITS)
#define WINDOW_GZIP (16 + MAX_WBITS)

typedef struct decoder {
  const nacre_host *host;
  nacre_fail *fail;
  z_stream stream;
  const unsigned char *in, *end; /* what zlib has not been shown yet */
  unsigned char *out;
  size_t n, room, limit;
  bool exact;                    /* out is the caller's, and may not grow */
} decoder;

static int refuse(decoder *self, const char *text) {
  self->fail->fail(self->fail, NULL, "%s", text);
  return NACRE_ERROR;
}

static int refuse_size(decoder *self) {
  if (self->exact) {
    self->fail->fail(self->fail, NULL, "more than the %zu bytes that were "
                                       "declared", self->limit);
  } else {
    self->fail->fail(self->fail, NULL, "more than %zu bytes when decompressed",
                     self->limit);
  }
  return NACRE_ERROR;
}

static int make_room(decoder *self) {
  if (self->n < self->room) {
    return NACRE_OK;
  }
  size_t room = self->room <= self->limit / 2 ? self->room * 2 : self->limit;
  void *grown = self->host->resize(self->out, room, 1);
  if (grown == NULL) {
    return refuse(self, "out of memory");
  }
  self->out = grown;
  self->room = room;
  return NACRE_OK;
}

static void feed(decoder *self) {
  if (self->stream.avail_in == 0) {
    size_t left = (size_t)(self->end - self->in);
    size_t n = left < INPUT_STEP ? left : INPUT_STEP;
    self->stream.next_in = (z_const Bytef *)(uintptr_t)self->in;
    self->stream.avail_in = (uInt)n;
    self->in += n;
  }
}

/* Decodes to the end of one stream: Z_STREAM_END, or NACRE_ERROR. When the
 * output is full, one more byte is asked for, to tell the end from a bomb. */
static int run_stream(decoder *self) {
  for (;;) {
    unsigned char beyond;
    bool full = self->n == self->limit;
    if (!full && make_room(self) != NACRE_OK) {
      return NACRE_ERROR;
    }
    size_t left = full ? 1 : self->room - self->n;
    uInt step = (uInt)(left < INPUT_STEP ? left : INPUT_STEP);
    feed(self);
    self->stream.next_out = full ? &beyond : self->out + self->n;
    self->stream.avail_out = step;
    int status = inflate(&self->stream, Z_NO_FLUSH);
    size_t written = step - self->stream.avail_out;
    if (full && written > 0) {
      return refuse_size(self);
    }
    self->n += written;
    if (status == Z_STREAM_END) {
      return status;
    }
    if (status == Z_MEM_ERROR) {
      return refuse(self, "out of memory");
    }
    if (status == Z_BUF_ERROR && self->stream.avail_in == 0 &&
        self->in == self->end) {
      return refuse(self, "the compressed data is cut short");
    }
    if (status != Z_OK && status != Z_BUF_ERROR) {
      return refuse(self, "the compressed data is damaged");
    }
  }
}

/* Whether another member follows; zeros that pad an archive are passed. */
static bool another_member(decoder *self) {
  const unsigned char *at = self->in - self->stream.avail_in;
  const unsigned char *look = at;
  while (look < self->end && *look == 0) {
    look++;
  }
  if (look == self->end) {
    return false;
  }
  self->in = at;
  self->stream.avail_in = 0;
  return true;
}

static int run(decoder *self, int window) {
  if (inflateInit2(&self->stream, window) != Z_OK) {
    return refuse(self, "out of memory");
  }
  int status = run_stream(self);
  while (status == Z_STREAM_END && window == WINDOW_GZIP &&
         another_member(self)) {
    inflateReset(&self->stream);
    status = run_stream(self);
  }
  if (status == Z_STREAM_END && window == WINDOW_RAW &&
      (self->stream.avail_in > 0 || self->in < self->end)) {
    status = refuse(self, "more data follows the compressed data");
  }
  inflateEnd(&self->stream);
  return status == Z_STREAM_END ? NACRE_OK : NACRE_ERROR;
}

static int decode(const nacre_host *host, const void *in, size_t n,
                  size_t limit, void *exact, nacre_bytes *out,
                  nacre_fail *fail, int window) {
  decoder self = { .host = host, .fail = fail, .limit = limit };
  self.in = in;
  self.end = self.in + n;
  self.exact = exact != NULL;
  if (self.exact) {
    self.out = exact;
    self.room = limit;
  } else {
    self.room = limit < ROOM_FIRST ? limit : ROOM_FIRST;
    self.out = host->alloc(self.room + 1, 1);
    if (self.out == NULL) {
      return refuse(&self, "out of memory");
    }
  }
  int status = run(&self, window);
  if (status == NACRE_OK && self.exact && self.n != limit) {
    fail->fail(fail, NULL, "%zu bytes when decompressed, but %zu were "
                           "declared", self.n, limit);
    status = NACRE_ERROR;
  }
  if (self.exact) {
    return status;
  }
  if (status != NACRE_OK) {
    host->free(self.out);
    return status;
  }
  out->at = (char *)self.out;
  out->n = self.n;
  return NACRE_OK;
}

static int decode_gz(const nacre_host *host, const void *in, size_t n,
                     size_t limit, void *exact, nacre_bytes *out,
                     nacre_fail *fail) {
  if (n < 2 || memcmp(in, "\x1f\x8b", 2) != 0) {
    fail->fail(fail, NULL, "not gzip-compressed");
    return NACRE_ERROR;
  }
  return decode(host, in, n, limit, exact, out, fail, WINDOW_GZIP);
}

static int decode_deflate(const nacre_host *host, const void *in, size_t n,
                          size_t limit, void *exact, nacre_bytes *out,
                          nacre_fail *fail) {
  return decode(host, in, n, limit, exact, out, fail, WINDOW_RAW);
}

static const nacre_codec_ops gz_ops = { sizeof(nacre_codec_ops), 0,
                                        decode_gz };
static const nacre_codec_ops deflate_ops = { sizeof(nacre_codec_ops), 0,
                                             decode_deflate };

static const nacre_component components[] = {
  {
    .size = sizeof(nacre_component),
    .kind = NACRE_KIND_CODEC,
    .contract = 1,
    .name = "gz",
    .summary = "Files compressed by gzip",
    .doc = "RFC 1952. Several members after one another are one file, as "
           "gzip has it; zeros may follow, anything else is refused.",
    .ops = &gz_ops,
  },
  {
    .size = sizeof(nacre_component),
    .kind = NACRE_KIND_CODEC,
    .contract = 1,
    .name = "deflate",
    .summary = "Bare deflate streams, as zip files hold them",
    .doc = "RFC 1951: no header, no checksum; the container has them.",
    .ops = &deflate_ops,
  },
};

static const nacre_module module = {
  .size = sizeof(nacre_module),
  .abi_major = NACRE_ABI_MAJOR,
  .real_size = sizeof(real),
  .name = "zlib",
  .version = NACRE_MODULE_VERSION,
  .license = "MIT",
  .author = "the nacre authors",
  .components = NACRE_SPAN(components),
};

NACRE_MODULE(zlib) { return &module; }
