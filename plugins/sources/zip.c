/* SPDX-License-Identifier: MIT */
/* zip: reads members of zip files, by PKWARE's APPNOTE 6.3.
 *
 * The central directory at the end of the file is believed only as far as it
 * agrees with the file: every offset and size is checked against it before
 * anything is allocated, every member against its CRC. Encryption, several
 * disks and files over 4 GiB are refused. */
#include "npy.h"

#include <stdio.h>

#define END_SIZE 22
#define ENTRY_SIZE 46
#define LOCAL_SIZE 30
#define DEFLATE_RATIO 1032 /* no stream expands further */

static uint32_t get16(const unsigned char *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t get32(const unsigned char *at) {
  return get16(at) | get16(at + 2) << 16;
}

static int refuse(nacre_fail *fail, const char *place, const char *text) {
  fail->fail(fail, place, "%s", text);
  return NACRE_ERROR;
}

/* The CRC-32 of IEEE 802.3, as zip has it. */
static uint32_t crc_of(const unsigned char *at, size_t n) {
  uint32_t table[256], crc = 0xFFFFFFFFu;
  for (uint32_t i = 0; i < 256; i++) {
    table[i] = i;
    for (int bit = 0; bit < 8; bit++) {
      table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xEDB88320u : 0);
    }
  }
  for (size_t i = 0; i < n; i++) {
    crc = crc >> 8 ^ table[(crc ^ at[i]) & 0xFF];
  }
  return ~crc;
}

/* Searches backwards, as a comment of up to 64 KiB may follow. */
static const unsigned char *find_end(const unsigned char *at, size_t n) {
  size_t least = n > END_SIZE + 65535 ? n - END_SIZE - 65535 : 0;
  for (size_t i = n < END_SIZE ? 0 : n - END_SIZE + 1; i-- > least;) {
    if (memcmp(at + i, "PK\5\6", 4) == 0 &&
        get16(at + i + 20) == n - i - END_SIZE) {
      return at + i;
    }
  }
  return NULL;
}

int zip_open(zip_file *self, const void *at, size_t n, const char *place,
             nacre_fail *fail) {
  self->at = at;
  self->n = n;
  const unsigned char *end = n == 0 ? NULL : find_end(at, n);
  if (end == NULL) {
    return refuse(fail, place, "not a zip file, or cut short");
  }
  size_t offset = get32(end + 16), size = get32(end + 12);
  self->entries = get16(end + 10);
  if (offset == UINT32_MAX || size == UINT32_MAX || self->entries == 65535) {
    return refuse(fail, place, "zip files over 4 GiB are not supported");
  }
  if (get16(end + 4) != 0 || get16(end + 6) != 0 ||
      get16(end + 8) != self->entries) {
    return refuse(fail, place, "zip files of several parts are not "
                               "supported");
  }
  size_t limit = (size_t)(end - self->at);
  if (offset > limit || size > limit - offset) {
    return refuse(fail, place, "the zip file's directory lies outside it");
  }
  self->directory = offset;
  self->directory_end = offset + size;
  return NACRE_OK;
}

/* Finds a member's entry: 1, 0: there is none. Walks the whole directory, so
 * that it is either sound or refused. */
static int find_entry(const zip_file *self, const char *name,
                      const char *place, nacre_fail *fail,
                      const unsigned char **out) {
  size_t at = self->directory, n = strlen(name);
  int found = 0;
  for (size_t i = 0; i < self->entries; i++) {
    const unsigned char *entry = self->at + at;
    size_t left = self->directory_end - at;
    if (left < ENTRY_SIZE || memcmp(entry, "PK\1\2", 4) != 0) {
      return refuse(fail, place, "the zip file's directory is damaged");
    }
    size_t size = ENTRY_SIZE + get16(entry + 28) + get16(entry + 30) +
                  get16(entry + 32);
    if (size > left) {
      return refuse(fail, place, "the zip file's directory is damaged");
    }
    if (get16(entry + 28) == n && memcmp(entry + ENTRY_SIZE, name, n) == 0) {
      if (found) {
        return refuse(fail, place, "it is in the zip file twice");
      }
      found = 1;
      *out = entry;
    }
    at += size;
  }
  return found;
}

/* Where the bytes of a member begin; NULL: refused. */
static const unsigned char *find_data(const zip_file *self,
                                      const unsigned char *entry,
                                      const char *place, nacre_fail *fail) {
  size_t packed = get32(entry + 20), offset = get32(entry + 42);
  size_t limit = self->directory;
  if (packed == UINT32_MAX || get32(entry + 24) == UINT32_MAX ||
      offset == UINT32_MAX) {
    refuse(fail, place, "members over 4 GiB are not supported");
    return NULL;
  }
  if (offset > limit || limit - offset < LOCAL_SIZE ||
      memcmp(self->at + offset, "PK\3\4", 4) != 0) {
    refuse(fail, place, "it is not where the zip file's directory says");
    return NULL;
  }
  const unsigned char *local = self->at + offset;
  size_t head = LOCAL_SIZE + get16(local + 26) + get16(local + 28);
  if (head > limit - offset || packed > limit - offset - head) {
    refuse(fail, place, "it reaches beyond the end of the zip file");
    return NULL;
  }
  return local + head;
}

int zip_read(const zip_file *self, const nacre_host *host, const char *name,
             const char *place, nacre_fail *fail, nacre_bytes *out) {
  const unsigned char *entry = NULL;
  int found = find_entry(self, name, place, fail, &entry);
  if (found != 1) {
    return found;
  }
  const unsigned char *data = find_data(self, entry, place, fail);
  if (data == NULL) {
    return NACRE_ERROR;
  }
  uint32_t method = get16(entry + 10);
  size_t packed = get32(entry + 20), size = get32(entry + 24);
  if ((get16(entry + 8) & 1) != 0) {
    return refuse(fail, place, "it is encrypted");
  }
  if (method != 0 && method != 8) {
    return refuse(fail, place, "its compression is not supported (stored and "
                               "deflated members are)");
  }
  if (method == 0 ? size != packed : size / DEFLATE_RATIO > packed) {
    return refuse(fail, place, "its sizes contradict each other");
  }
  char *block = host->alloc(size + 1, 1);
  if (block == NULL) {
    return refuse(fail, NULL, "out of memory");
  }
  if (method == 0) {
    memcpy(block, data, size);
  } else if (host->decode(host, "deflate", data, packed, block, size, fail) !=
             NACRE_OK) {
    host->free(block);
    return NACRE_ERROR;
  }
  if (crc_of((const unsigned char *)block, size) != get32(entry + 16)) {
    host->free(block);
    return refuse(fail, place, "its checksum is wrong");
  }
  out->at = block;
  out->n = size;
  return 1;
}
