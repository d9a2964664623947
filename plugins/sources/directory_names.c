/* SPDX-License-Identifier: MIT */
/* directory_names: what the names of files tell.
 *
 * A pattern is text with places in braces. A place takes as little as it can,
 * at least a byte and no slash; the last text must end the name. A pattern of
 * n slashes is compared with the last n + 1 parts of a path. */
#include "directory.h"

#include <string.h>

static bool is_word(const char *at, size_t n) {
  for (size_t i = 0; i < n; i++) {
    bool letter = (at[i] >= 'a' && at[i] <= 'z') || at[i] == '_';
    if (!letter && !(i > 0 && at[i] >= '0' && at[i] <= '9')) {
      return false;
    }
  }
  return n > 0 && n < 64;
}

/* The place's slot; a new group if it is that. DIRECTORY_TEXT: refused. */
static int find_slot(directory_pattern *self, const char *at, size_t n,
                     nacre_fail *fail) {
  if (n == 0) {
    return DIRECTORY_ANY;
  }
  if (!is_word(at, n)) {
    fail->fail(fail, NULL, "pattern: '%.*s' is not a name: small letters, "
                           "digits and _", n < 64 ? (int)n : 64, at);
    return DIRECTORY_TEXT;
  }
  bool label = n == 5 && memcmp(at, "label", 5) == 0;
  bool twice = label && self->labels;
  for (uint32_t i = 0; i < self->groups; i++) {
    twice = twice || (strlen(self->name[i]) == n &&
                      memcmp(self->name[i], at, n) == 0);
  }
  bool taken = (n == 1 && (*at == 'x' || *at == 'y')) ||
               (n == 13 && memcmp(at, "sample_weight", 13) == 0);
  if (twice || taken || (!label && self->groups == DIRECTORY_GROUPS)) {
    fail->fail(fail, NULL, twice ? "pattern: {%.*s} stands in it twice"
                           : taken ? "pattern: {%.*s} is the name of another "
                                     "field"
                                   : "pattern: with {%.*s} it has more than 8 "
                                     "groups", (int)n, at);
    return DIRECTORY_TEXT;
  }
  if (label) {
    self->labels = true;
    return DIRECTORY_LABEL;
  }
  memcpy(self->name[self->groups], at, n);
  self->name[self->groups][n] = '\0';
  return (int)self->groups++;
}

static int refuse(nacre_fail *fail, const char *text) {
  fail->fail(fail, NULL, "pattern: %s", text);
  return NACRE_ERROR;
}

int directory_pattern_parse(directory_pattern *self, const char *text,
                            nacre_fail *fail) {
  memset(self, 0, sizeof(*self));
  for (const char *at = text; *at != '\0';) {
    directory_piece *piece = &self->piece[self->pieces];
    if (self->pieces == DIRECTORY_PIECES) {
      return refuse(fail, "it has more than 32 pieces");
    }
    if (*at == '{') {
      const char *end = strchr(at, '}');
      if (end == NULL) {
        return refuse(fail, "a { has no }");
      }
      if (self->pieces > 0 && piece[-1].slot != DIRECTORY_TEXT) {
        return refuse(fail, "two places need some text between them");
      }
      piece->slot = find_slot(self, at + 1, (size_t)(end - at - 1), fail);
      if (piece->slot == DIRECTORY_TEXT) {
        return NACRE_ERROR;
      }
      at = end + 1;
    } else {
      piece->slot = DIRECTORY_TEXT;
      piece->at = at;
      piece->n = strcspn(at, "{");
      for (size_t i = 0; i < piece->n; i++) {
        self->folders += at[i] == '/';
      }
      at += piece->n;
    }
    self->pieces++;
  }
  return self->pieces > 0 ? NACRE_OK : refuse(fail, "it is empty");
}

/* Where `text` is found first in [at, end); NULL: it is not. */
static const char *find(const char *at, const char *end, const char *text,
                        size_t n) {
  for (; (size_t)(end - at) >= n; at++) {
    if (memcmp(at, text, n) == 0) {
      return at;
    }
  }
  return NULL;
}

static void take(directory_match *out, int slot, const char *at, size_t n) {
  if (slot == DIRECTORY_LABEL) {
    out->label = at;
    out->label_n = n;
  } else if (slot >= 0) {
    out->group[slot] = at;
    out->group_n[slot] = n;
  }
}

/* The end of what a place takes: before the text that follows it. NULL: none
 * fits. */
static const char *end_of_place(const directory_pattern *self, size_t piece,
                                const char *at, const char *end) {
  if (piece + 1 == self->pieces) {
    return end;
  }
  const directory_piece *next = &self->piece[piece + 1];
  bool last = piece + 2 == self->pieces;
  if (last && (size_t)(end - at) > next->n) {
    return end - next->n; /* the walk compares it */
  }
  return at < end ? find(at + 1, end, next->at, next->n) : NULL;
}

/* The last parts of a path, and no more than there are in the pattern. */
static const char *tail(const char *path, size_t n, int folders) {
  const char *at = path + n;
  while (at > path && (at[-1] != '/' || folders-- > 0)) {
    at--;
  }
  return at;
}

bool directory_pattern_match(const directory_pattern *self, const char *path,
                             directory_match *out) {
  const char *slash = strrchr(path, '/');
  const char *dot = strrchr(slash != NULL ? slash : path, '.');
  const char *end = dot != NULL ? dot : path + strlen(path);
  const char *at = tail(path, (size_t)(end - path), self->folders);
  memset(out, 0, sizeof(*out));
  for (size_t i = 0; i < self->pieces; i++) {
    const directory_piece *piece = &self->piece[i];
    if (piece->slot == DIRECTORY_TEXT) {
      if ((size_t)(end - at) < piece->n ||
          memcmp(at, piece->at, piece->n) != 0) {
        return false;
      }
      at += piece->n;
      continue;
    }
    const char *stop = end_of_place(self, i, at, end);
    if (stop == NULL || stop <= at ||
        memchr(at, '/', (size_t)(stop - at)) != NULL) {
      return false;
    }
    take(out, piece->slot, at, (size_t)(stop - at));
    at = stop;
  }
  return at == end;
}

static bool same_suffix(const char *suffix, const char *name, size_t n) {
  for (size_t i = 0; i < n; i++) {
    char c = suffix[i];
    c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    if (c != name[i]) {
      return false;
    }
  }
  return suffix[n] == '\0';
}

bool directory_suffix_of(const nacre_component *component, const char *path) {
  const char *slash = strrchr(path, '/');
  const char *dot = strrchr(slash != NULL ? slash : path, '.');
  if (dot == NULL) {
    return false;
  }
  if (same_suffix(dot + 1, component->name, strlen(component->name))) {
    return true;
  }
  const char *at = component->aliases;
  while (at != NULL && *at != '\0') {
    size_t n = strcspn(at, ",");
    if (same_suffix(dot + 1, at, n)) {
      return true;
    }
    at += n + (at[n] == ',' ? 1 : 0);
  }
  return false;
}
