/* SPDX-License-Identifier: MIT */
/* cache: reads and writes the caches of scans.
 *
 * A first line says for which nacre it holds, a last one holds a hash of the
 * rest: a file that was cut short, edited or written by another version is
 * not used, and the next scan replaces it. */
#include "cache.h"

#include "search.h"
#include "trust.h"
#include "verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)16 << 20)
#define SECOND 1000000000

static void put_header(nacre_text *text) {
  nacre_text_printf(text, "nacre plugins 1\t%s\t%d.%d\t%lu\t%016" PRIx64
                    "\n", NACRE_MODULE_VERSION, NACRE_ABI_MAJOR,
                    NACRE_ABI_MINOR, (unsigned long)sizeof(real),
                    nacre_verify_contract());
}

static void put_end(nacre_text *text) {
  nacre_hash hash = { { 0, 0 } };
  if (text->at != NULL) {
    nacre_hash_add(&hash, text->at, text->n);
  }
  nacre_text_printf(text, "end\t%016" PRIx64 "%016" PRIx64 "\n",
                    hash.word[0], hash.word[1]);
}

/* Cuts the last line off if it is the hash of what stands before it. */
static bool cut_end(char *text, size_t n, size_t *body) {
  size_t length = 4 + 32 + 1;
  if (n < length || strlen(text) != n) {
    return false;
  }
  *body = n - length;
  nacre_text expected = { NULL, 0, 0, false };
  nacre_text_put(&expected, text, *body);
  put_end(&expected);
  bool good = !expected.failed && expected.n == n &&
              memcmp(expected.at, text, n) == 0;
  nacre_text_fini(&expected);
  text[*body] = '\0';
  return good;
}

static bool take_header(char **text) {
  nacre_text header = { NULL, 0, 0, false };
  put_header(&header);
  bool good = !header.failed && strncmp(*text, header.at, header.n) == 0;
  *text += good ? header.n : 0;
  nacre_text_fini(&header);
  return good;
}

static bool take_file(nacre_found *found, char *line) {
  uint64_t size = 0, mtime = 0;
  nacre_stamp *stamp = &found->stamp;
  bool good =
    nacre_found_number(nacre_found_field(&line), 10, &stamp->device);
  good = nacre_found_number(nacre_found_field(&line), 10, &stamp->inode) &&
         good;
  good = nacre_found_number(nacre_found_field(&line), 10, &size) && good;
  good = nacre_found_number(nacre_found_field(&line), 10, &mtime) && good;
  stamp->size = (int64_t)size;
  stamp->mtime = (int64_t)mtime;
  found->file = line;
  return good && line[0] != '\0';
}

static int count_files(const char *text) {
  int count = 0;
  for (const char *at = text; (at = strstr(at, "\nfile\t")) != NULL; at++) {
    count++;
  }
  return count;
}

/* Lines of files, each whole before the next begins. */
static bool take_files(nacre_arena *arena, char *text, nacre_cache *cache) {
  int at = -1;
  while (*text != '\0') {
    char *end = strchr(text, '\n');
    if (end == NULL) {
      return false;
    }
    *end = '\0';
    if (strncmp(text, "file\t", 5) == 0) {
      if ((at >= 0 && !nacre_found_whole(&cache->file[at])) ||
          !take_file(&cache->file[++at], text + 5)) {
        return false;
      }
    } else if (at < 0 ||
               !nacre_found_take(arena, &cache->file[at], text)) {
      return false;
    }
    text = end + 1;
  }
  return at < 0 || nacre_found_whole(&cache->file[at]);
}

static bool parse(nacre_arena *arena, char *text, size_t n,
                  nacre_cache *cache) {
  size_t body = 0;
  if (!cut_end(text, n, &body)) {
    return false;
  }
  /* Every file's line follows another, the header at least. */
  cache->count = count_files(text);
  cache->file = nacre_arena_alloc(arena, (size_t)cache->count,
                                  sizeof cache->file[0]);
  return cache->file != NULL && take_header(&text) &&
         take_files(arena, text, cache);
}

void nacre_cache_read(nacre_arena *arena, const char *path, bool shipped,
                      nacre_cache *cache) {
  struct stat st;
  nacre_bytes bytes = { NULL, 0 };
  nacre_error error;
  memset(cache, 0, sizeof *cache);
  cache->shipped = shipped;
  if (path == NULL || stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
      nacre_trust_refuses(&st) != NULL) {
    return;
  }
  nacre_error_init(&error);
  if (nacre_file_read(path, MAX_BYTES, NACRE_EIO, &error, &bytes) ==
      NACRE_OK) {
    char *text = nacre_arena_strndup(arena, bytes.at, bytes.n);
    if (text == NULL || !parse(arena, text, bytes.n, cache)) {
      cache->file = NULL;
      cache->count = 0;
    }
    nacre_free(bytes.at);
  }
  nacre_error_fini(&error);
}

static int by_name(const void *name, const void *found) {
  return strcmp(name, ((const nacre_found *)found)->file);
}

const nacre_found *nacre_cache_find(const nacre_cache *cache,
                                    const char *file,
                                    const nacre_stamp *now) {
  if (cache->count == 0) {
    return NULL;
  }
  const nacre_found *found =
    bsearch(file, cache->file, (size_t)cache->count, sizeof cache->file[0],
            by_name);
  if (found == NULL || found->stamp.size != now->size) {
    return NULL;
  }
  const nacre_stamp *then = &found->stamp;
  bool itself = then->device == now->device && then->inode == now->inode;
  if (itself || cache->shipped) {
    int64_t unit = itself ? 1 : SECOND;
    return then->mtime / unit == now->mtime / unit ? found : NULL;
  }
  return NULL;
}

int nacre_cache_write(const char *path, nacre_found *const *files, int n,
                      nacre_error *error) {
  nacre_text text = { NULL, 0, 0, false };
  put_header(&text);
  for (int i = 0; i < n; i++) {
    const nacre_found *found = files[i];
    if (found->passing || strpbrk(found->file, "\t\n") != NULL ||
        found->stamp.mtime < 0) {
      continue;
    }
    nacre_text_printf(&text,
                      "file\t%" PRIu64 "\t%" PRIu64 "\t%" PRId64
                      "\t%" PRId64 "\t%s\n",
                      found->stamp.device, found->stamp.inode,
                      found->stamp.size, found->stamp.mtime, found->file);
    nacre_found_put(&text, found);
  }
  put_end(&text);
  int status = NACRE_ERROR;
  char *dir = nacre_path_dir(path);
  nacre_writer *writer = NULL;
  if (text.failed || dir == NULL) {
    nacre_no_memory(error);
  } else if (nacre_make_dirs(dir, error) == NACRE_OK &&
             (writer = nacre_writer_open(path, error)) != NULL) {
    if (nacre_writer_put(writer, text.at, text.n, error) == NACRE_OK) {
      status = nacre_writer_commit(writer, error);
    } else {
      nacre_writer_abandon(writer);
    }
  }
  nacre_free(dir);
  nacre_text_fini(&text);
  return status;
}

const char *nacre_cache_path(nacre_arena *arena, const char *directory) {
  const char *cache = nacre_search_env("XDG_CACHE_HOME");
  const char *home = nacre_search_env("HOME");
  uint64_t size = sizeof(real);
  nacre_hash hash = { { 0, 0 } };
  nacre_hash_add(&hash, directory, strlen(directory));
  nacre_hash_add(&hash, &size, sizeof size);
  if (cache != NULL && cache[0] == '/') {
    return nacre_arena_format(arena, "%s/nacre/plugins-%016" PRIx64, cache,
                              hash.word[0]);
  }
  if (home != NULL && home[0] == '/') {
    return nacre_arena_format(arena, "%s/.cache/nacre/plugins-%016" PRIx64,
                              home, hash.word[0]);
  }
  return NULL;
}
