/* SPDX-License-Identifier: MIT */
/* text_file: text from files, and its characters and words. */
#include "text.h"

static int fail_at(nacre_fail *fail, const char *path, size_t offset,
                   const char *text) {
  char place[TEXT_PLACE];
  snprintf(place, sizeof(place), "%s@%zu", path, offset);
  fail->fail(fail, place, "%s", text);
  return NACRE_ERROR;
}

/* Bytes of a character that begins with `lead`; 0: none does. */
static size_t length_of(unsigned char lead) {
  return lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2
         : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
}

/* Whether its second byte may follow its first: no character is written
 * longer than it must be, none is a surrogate or above U+10FFFF. */
static bool may_follow(unsigned char lead, unsigned char next) {
  switch (lead) {
  case 0xE0:
    return next >= 0xA0;
  case 0xED:
    return next < 0xA0;
  case 0xF0:
    return next >= 0x90;
  case 0xF4:
    return next < 0x90;
  default:
    return true;
  }
}

size_t text_check(const char *text, size_t n) {
  const unsigned char *at = (const unsigned char *)text;
  for (size_t i = 0; i < n;) {
    size_t bytes = length_of(at[i]);
    if (bytes == 0 || bytes > n - i) {
      return i;
    }
    for (size_t j = 1; j < bytes; j++) {
      if ((at[i + j] & 0xC0) != 0x80) {
        return i;
      }
    }
    if (bytes > 2 && !may_follow(at[i], at[i + 1])) {
      return i;
    }
    i += bytes;
  }
  return n;
}

/* Latin-1 has the first 256 characters of Unicode, a byte each. */
static int decode_latin(const nacre_host *host, nacre_bytes *text,
                        nacre_fail *fail) {
  size_t n = text->n;
  for (size_t i = 0; i < text->n; i++) {
    n += (unsigned char)text->at[i] >= 0x80;
  }
  char *wide = host->alloc(n + 1, 1);
  if (wide == NULL) {
    return sources_no_memory(fail);
  }
  char *to = wide;
  for (size_t i = 0; i < text->n; i++) {
    unsigned char c = (unsigned char)text->at[i];
    if (c < 0x80) {
      *to++ = (char)c;
    } else {
      *to++ = (char)(0xC0 | c >> 6);
      *to++ = (char)(0x80 | (c & 0x3F));
    }
  }
  host->free(text->at);
  text->at = wide;
  text->n = n;
  return NACRE_OK;
}

/* Drops the byte order mark and the CR of each CR LF. */
static void tidy(nacre_bytes *text) {
  const char *from = text->at, *end = text->at + text->n;
  char *to = text->at;
  if (text->n >= 3 && memcmp(from, "\xEF\xBB\xBF", 3) == 0) {
    from += 3;
  }
  for (; from < end; from++) {
    if (*from != '\r' || from + 1 == end || from[1] != '\n') {
      *to++ = *from;
    }
  }
  text->n = (size_t)(to - text->at);
}

static int check_text(const char *path, int encoding, nacre_fail *fail,
                      const nacre_bytes *text) {
  const char *nul = text->n > 0 ? memchr(text->at, '\0', text->n) : NULL;
  if (nul != NULL) {
    return fail_at(fail, path, (size_t)(nul - text->at),
                   "a NUL byte: this is not a text file");
  }
  size_t bad = encoding == TEXT_UTF8 ? text_check(text->at, text->n)
                                     : text->n;
  if (bad < text->n) {
    char message[128];
    snprintf(message, sizeof(message), "byte 0x%02X is not UTF-8 here (text "
             "of older western systems is read by encoding: latin-1)",
             (unsigned)(unsigned char)text->at[bad]);
    return fail_at(fail, path, bad, message);
  }
  return NACRE_OK;
}

int text_make(const nacre_host *host, const char *path, int encoding,
              nacre_fail *fail, nacre_bytes *text) {
  if (check_text(path, encoding, fail, text) != NACRE_OK ||
      (encoding != TEXT_UTF8 && decode_latin(host, text, fail) != NACRE_OK)) {
    return NACRE_ERROR;
  }
  tidy(text);
  return NACRE_OK;
}

int text_read(const nacre_host *host, const char *path, int encoding,
              nacre_fail *fail, nacre_bytes *out) {
  out->at = NULL;
  if (host->read_file(host, path, 0, fail, out) != NACRE_OK) {
    out->at = NULL;
    return NACRE_ERROR;
  }
  int status = text_make(host, path, encoding, fail, out);
  if (status != NACRE_OK) {
    host->free(out->at);
    out->at = NULL;
  }
  return status;
}

size_t text_char(const char *at, const char *end) {
  size_t n = length_of((unsigned char)*at), left = (size_t)(end - at);
  return n == 0 ? 1 : n < left ? n : left;
}

static bool is_letter(const char *at, const char *end) {
  if (at >= end) {
    return false;
  }
  unsigned char c = (unsigned char)*at;
  return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
         (c >= 'a' && c <= 'z') || c == '_';
}

size_t text_word(const char *at, const char *end) {
  const char *from = at;
  /* A space belongs to what comes after it, unless that is space, too. */
  if (*at == ' ' && at + 1 < end && (unsigned char)at[1] > ' ') {
    at++;
  }
  if (!is_letter(at, end)) {
    return (size_t)(at - from) + 1;
  }
  while (is_letter(at, end) || (at < end && *at == '\'' &&
                                is_letter(at + 1, end))) {
    at++;
  }
  return (size_t)(at - from);
}

const char *text_show(char out[TEXT_SHOWN], const char *at, size_t n) {
  size_t to = 0, i = 0;
  while (i < n && to + 16 < TEXT_SHOWN) {
    size_t bytes = text_char(at + i, at + n);
    unsigned char c = (unsigned char)at[i];
    if (c < 0x20 || c == 0x7F) {
      to += (size_t)snprintf(out + to, TEXT_SHOWN - to, "\\x%02x",
                             (unsigned)c);
    } else {
      memcpy(out + to, at + i, bytes);
      to += bytes;
    }
    i += bytes;
  }
  memcpy(out + to, i < n ? "..." : "", i < n ? 4 : 1);
  return out;
}
