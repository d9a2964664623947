/* SPDX-License-Identifier: MIT */
/* encoding: what a file must consist of before a parser sees it.
 *
 * libyaml checks this too, but it also takes UTF-16, and reports bad bytes
 * without their line. */
#include "encoding.h"

#include "base/text.h"
#include "parse.h"

#include <string.h>

nacre_place nacre_encoding_place(const nacre_source_file *file,
                                 size_t offset) {
  nacre_place place = { file->name, 1, 1, 1, file->text };
  for (size_t i = 0; i < offset && i < file->n;) {
    uint32_t code = 0;
    int bytes = nacre_text_utf8(file->text + i, file->n - i, &code);
    i += (size_t)(bytes > 0 ? bytes : 1);
    bool lone_return = code == '\r' && file->text[i] != '\n';
    if (code == '\n' || lone_return || code == 0x85 || code == 0x2028 ||
        code == 0x2029) {
      place.line++;
      place.column = 1;
      place.source = file->text + i;
    } else {
      place.column++;
    }
  }
  return place;
}

/* UTF-16 and UTF-32, with or without a mark: YAML begins with ASCII. */
static bool is_wide(const nacre_source_file *file) {
  const char *at = file->text;
  if (file->n < 2) {
    return false;
  }
  return memcmp(at, "\xff\xfe", 2) == 0 || memcmp(at, "\xfe\xff", 2) == 0 ||
         (at[0] == '\0') != (at[1] == '\0');
}

static bool is_allowed(uint32_t code) {
  return code == '\t' || code == '\n' || code == '\r' ||
         (code >= 0x20 && code < 0x7f) || code == 0x85 ||
         (code >= 0xa0 && code != 0xfeff && code != 0xfffe &&
          code != 0xffff);
}

static int check(const nacre_source_file *file, nacre_error *error) {
  if (is_wide(file)) {
    const nacre_place place = { file->name, 0, 0, 0, NULL };
    (void)nacre_error_add(error, NACRE_ECONFIG, &place,
                          "is UTF-16 or UTF-32 text, not UTF-8");
    nacre_error_hint(error, "save it as UTF-8");
    return NACRE_ERROR;
  }
  for (size_t i = 0; i < file->n;) {
    uint32_t code = 0;
    int bytes = nacre_text_utf8(file->text + i, file->n - i, &code);
    if (bytes == 0) {
      const nacre_place place = nacre_encoding_place(file, i);
      (void)nacre_error_add(error, NACRE_ECONFIG, &place,
                            "byte 0x%02x is not UTF-8",
                            (unsigned)(unsigned char)file->text[i]);
      nacre_error_hint(error, "save the file as UTF-8");
      return NACRE_ERROR;
    }
    if (!is_allowed(code)) {
      const nacre_place place = nacre_encoding_place(file, i);
      return nacre_error_add(error, NACRE_ECONFIG, &place,
                             "the character U+%04X is not allowed",
                             (unsigned)code);
    }
    i += (size_t)bytes;
  }
  return NACRE_OK;
}

const nacre_source_file *
nacre_encoding_source(nacre_tree *tree, const char *name, const char *dir,
                      const char *text, size_t n, nacre_error *error) {
  const nacre_place place = { name, 0, 0, 0, NULL };
  if (n > NACRE_YAML_MAX_BYTES) {
    (void)nacre_error_add(error, NACRE_ELIMIT, &place,
                          "is larger than the limit of %u bytes",
                          NACRE_YAML_MAX_BYTES);
    return NULL;
  }
  nacre_source_file *file = nacre_arena_alloc(tree->arena, 1, sizeof *file);
  char *copy = nacre_arena_alloc(tree->arena, n + 1, 1);
  char *name_copy = nacre_arena_strndup(tree->arena, name, strlen(name));
  char *dir_copy = dir == NULL
                     ? NULL
                     : nacre_arena_strndup(tree->arena, dir, strlen(dir));
  if (file == NULL || copy == NULL || name_copy == NULL ||
      (dir != NULL && dir_copy == NULL)) {
    (void)nacre_no_memory(error);
    return NULL;
  }
  if (n > 0) {
    memcpy(copy, text, n);
  }
  file->name = name_copy;
  file->dir = dir_copy;
  file->text = copy;
  file->n = n;
  return check(file, error) == NACRE_OK ? file : NULL;
}
