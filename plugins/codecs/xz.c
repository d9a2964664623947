/* SPDX-License-Identifier: MIT */
/* xz: the codec "xz" (The .xz File Format, tukaani.org/xz/format.html; streams
 * one after the other, with padding) by liblzma. A few bytes may stand for a
 * thousandfold: nothing is decoded beyond the limit that the caller sets, and
 * a header cannot ask for more working memory than DICTIONARY_MOST. */
#include <nacre/plugin.h>

#include <lzma.h>

#define ROOM_FIRST ((size_t)1 << 16)
#define DICTIONARY_MOST ((uint64_t)512 << 20) /* xz -9 takes 65 MiB */

typedef struct decoder {
  const nacre_host *host;
  nacre_fail *fail;
  lzma_stream stream;
  uint8_t *out;
  size_t n, room, limit;
  bool exact; /* out is the caller's, and may not grow */
} decoder;

static int refuse(decoder *self, const char *text) {
  self->fail->fail(self->fail, NULL, "%s", text);
  return NACRE_ERROR;
}

static int refuse_size(decoder *self) {
  self->fail->fail(self->fail, NULL,
                   self->exact
                     ? "more than the %zu bytes that were declared"
                     : "more than %zu bytes when decompressed", self->limit);
  return NACRE_ERROR;
}

static int refuse_status(decoder *self, lzma_ret status) {
  switch (status) {
  case LZMA_MEM_ERROR:
    return refuse(self, "out of memory");
  case LZMA_MEMLIMIT_ERROR:
    return refuse(self, "decompressing takes more than 512 MiB of memory");
  case LZMA_FORMAT_ERROR:
    return refuse(self, "not xz-compressed");
  case LZMA_OPTIONS_ERROR:
    return refuse(self, "compressed in a way that this liblzma does not "
                        "know");
  case LZMA_BUF_ERROR:
    return refuse(self, "the compressed data is cut short");
  default:
    return refuse(self, "the compressed data is damaged");
  }
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

/* Decodes all streams. When the output is full, one more byte is asked for,
 * to tell the end from a bomb. */
static int run(decoder *self) {
  for (;;) {
    uint8_t beyond;
    bool full = self->n == self->limit;
    if (!full && make_room(self) != NACRE_OK) {
      return NACRE_ERROR;
    }
    size_t left = full ? 1 : self->room - self->n;
    self->stream.next_out = full ? &beyond : self->out + self->n;
    self->stream.avail_out = left;
    lzma_ret status = lzma_code(&self->stream, LZMA_FINISH);
    size_t written = left - self->stream.avail_out;
    if (full && written > 0) {
      return refuse_size(self);
    }
    self->n += written;
    if (status == LZMA_STREAM_END) {
      return NACRE_OK;
    }
    /* That nothing moved is an error only where there was room. */
    if (status != LZMA_OK) {
      return refuse_status(self, status);
    }
  }
}

static int decode(const nacre_host *host, const void *in, size_t n,
                  size_t limit, void *exact, nacre_bytes *out,
                  nacre_fail *fail) {
  decoder self = { .host = host, .fail = fail, .stream = LZMA_STREAM_INIT,
                   .limit = limit, .exact = exact != NULL };
  self.stream.next_in = in;
  self.stream.avail_in = n;
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
  lzma_ret began = lzma_stream_decoder(&self.stream, DICTIONARY_MOST,
                                       LZMA_CONCATENATED);
  int status = began == LZMA_OK ? run(&self) : refuse_status(&self, began);
  lzma_end(&self.stream);
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

static const nacre_codec_ops ops = { sizeof(nacre_codec_ops), 0, decode };

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_CODEC,
  .contract = 1,
  .name = "xz",
  .summary = "Files compressed by xz",
  .doc = "Several streams after one another are one file, as xz has it, with "
         "zeros between them; anything else is refused. Checksums are "
         "verified.",
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(xz, component)
