/* SPDX-License-Identifier: MIT */
#include "run/tensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_HEADER ((uint64_t)100 * 1000 * 1000) /* the format's own cap */
#define MAX_FILE ((size_t)1 << 40)
#define DIGEST "nacre.digest" /* of all data; with ".NAME", of a tensor's */

static const struct {
  const char *name;
  int32_t dtype;
  size_t size;
} dtypes[] = {
  { "F32", NACRE_F32, 4 }, { "F64", NACRE_F64, 8 }, { "I32", NACRE_I32, 4 },
  { "I64", NACRE_I64, 8 }, { "U8", NACRE_U8, 1 },
};
#define N_DTYPES (sizeof(dtypes) / sizeof(dtypes[0]))

size_t nacre_dtype_size(int32_t dtype) {
  for (size_t i = 0; i < N_DTYPES; i++) {
    if (dtypes[i].dtype == dtype) {
      return dtypes[i].size;
    }
  }
  return 0;
}

static const char *dtype_name(int32_t dtype) {
  for (size_t i = 0; i < N_DTYPES; i++) {
    if (dtypes[i].dtype == dtype) {
      return dtypes[i].name;
    }
  }
  return NULL;
}

static size_t entry_bytes(const nacre_entry *entry) {
  return (size_t)nacre_shape_count(&entry->shape) *
         nacre_dtype_size(entry->shape.dtype);
}

static void digest_text(const nacre_hash *hash, char out[40]) {
  snprintf(out, 40, "%016" PRIx64 "%016" PRIx64, hash->word[0],
           hash->word[1]);
}

/* Writing. */

static json_t *describe_entry(const nacre_entry *entry, size_t begin) {
  json_t *shape = json_array();
  for (int i = 0; i < entry->shape.rank; i++) {
    json_array_append_new(shape, json_integer(entry->shape.dim[i]));
  }
  return json_pack("{s:s, s:o, s:[I, I]}", "dtype",
                   dtype_name(entry->shape.dtype), "shape", shape,
                   "data_offsets", (json_int_t)begin,
                   (json_int_t)(begin + entry_bytes(entry)));
}

/* A digest of all data, and one of each tensor, to tell which is damaged. */
static bool add_digests(json_t *texts, const nacre_entry *entry, int n) {
  nacre_hash all = { { 0, 0 } };
  bool complete = true;
  char digest[40];
  for (int i = 0; i < n && complete; i++) {
    nacre_hash own = { { 0, 0 } };
    nacre_hash_add(&own, entry[i].data, entry_bytes(&entry[i]));
    nacre_hash_add(&all, entry[i].data, entry_bytes(&entry[i]));
    digest_text(&own, digest);
    char *key = nacre_format(DIGEST ".%s", entry[i].name);
    complete = key != NULL &&
               json_object_set_new(texts, key, json_string(digest)) == 0;
    nacre_free(key);
  }
  digest_text(&all, digest);
  return complete &&
         json_object_set_new(texts, DIGEST, json_string(digest)) == 0;
}

static char *make_header(const nacre_entry *entry, int n,
                         const nacre_text_pair *text, int n_texts) {
  json_t *root = json_object(), *texts = json_object();
  bool complete = root != NULL && texts != NULL;
  size_t at = 0;
  for (int i = 0; i < n_texts && complete; i++) {
    complete = json_object_set_new(texts, text[i].key,
                                   json_string(text[i].value)) == 0;
  }
  complete = complete && add_digests(texts, entry, n) &&
             json_object_set(root, "__metadata__", texts) == 0;
  for (int i = 0; i < n && complete; i++) {
    complete = json_object_set_new(root, entry[i].name,
                                   describe_entry(&entry[i], at)) == 0;
    at += entry_bytes(&entry[i]);
  }
  char *header = complete ? json_dumps(root, JSON_COMPACT) : NULL;
  json_decref(texts);
  json_decref(root);
  return header;
}

static int put_all(nacre_writer *writer, const char *header,
                   const nacre_entry *entry, int n, nacre_error *error) {
  static const char spaces[8] = { ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ' };
  size_t length = strlen(header), pad = (8 - length % 8) % 8;
  unsigned char prefix[8];
  for (int i = 0; i < 8; i++) {
    prefix[i] = (unsigned char)((uint64_t)(length + pad) >> (8 * i));
  }
  if (nacre_writer_put(writer, prefix, 8, error) != NACRE_OK ||
      nacre_writer_put(writer, header, length, error) != NACRE_OK ||
      nacre_writer_put(writer, spaces, pad, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < n; i++) {
    if (nacre_writer_put(writer, entry[i].data, entry_bytes(&entry[i]),
                         error) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

int nacre_tensors_write(const char *path, const nacre_entry *entry, int n,
                        const nacre_text_pair *text, int n_texts,
                        nacre_error *error) {
  char *header = make_header(entry, n, text, n_texts);
  if (header == NULL) {
    return nacre_no_memory(error);
  }
  nacre_writer *writer = nacre_writer_open(path, error);
  int status = writer != NULL ? put_all(writer, header, entry, n, error)
                              : NACRE_ERROR;
  free(header);
  if (status != NACRE_OK) {
    if (writer != NULL) {
      nacre_writer_abandon(writer);
    }
    return NACRE_ERROR;
  }
  if (nacre_writer_commit(writer, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  /* What cannot be read back was not saved: reading checks the digest. */
  nacre_tensors check;
  status = nacre_tensors_read(&check, path, error);
  nacre_tensors_fini(&check);
  return status;
}

/* Reading. */

typedef struct reader {
  nacre_tensors *tensors;
  const char *path;
  const unsigned char *data;
  uint64_t size;
  nacre_error *error;
} reader;

static int bad(const reader *read, const char *what, const char *name) {
  nacre_place place = { .file = read->path };
  return nacre_error_add(read->error, NACRE_EMODEL, &place,
                         name != NULL ? "%s: tensor '%s'" : "%s", what, name);
}

static int read_shape(const reader *read, const json_t *json,
                      const char *name, nacre_shape *shape) {
  if (!json_is_array(json) || json_array_size(json) > NACRE_RANK_MAX) {
    return bad(read, "the shape is not a list of at most 6 extents", name);
  }
  shape->rank = (int32_t)json_array_size(json);
  int64_t count = 1;
  for (int i = 0; i < shape->rank; i++) {
    const json_t *item = json_array_get(json, (size_t)i);
    int64_t extent = json_is_integer(item) ? json_integer_value(item) : -1;
    if (extent < 0 || !nacre_int_mul(count, extent, &count)) {
      return bad(read, "an extent is no count", name);
    }
    shape->dim[i] = extent;
  }
  return NACRE_OK;
}

static int read_entry(const reader *read, const char *name,
                      const json_t *json, nacre_entry *entry,
                      uint64_t *begin) {
  const char *dtype = json_string_value(json_object_get(json, "dtype"));
  const json_t *offsets = json_object_get(json, "data_offsets");
  *entry = (nacre_entry){ .name = nacre_arena_strndup(
                            read->tensors->arena, name, strlen(name)) };
  if (entry->name == NULL) {
    return nacre_no_memory(read->error);
  }
  if (!json_is_object(json) || json_object_size(json) != 3 || dtype == NULL ||
      !json_is_array(offsets) || json_array_size(offsets) != 2 ||
      !json_is_integer(json_array_get(offsets, 0)) ||
      !json_is_integer(json_array_get(offsets, 1))) {
    return bad(read, "the description needs dtype, shape and data_offsets",
               name);
  }
  for (size_t i = 0; i < N_DTYPES; i++) {
    if (strcmp(dtypes[i].name, dtype) == 0) {
      entry->shape.dtype = dtypes[i].dtype;
    }
  }
  if (entry->shape.dtype == 0) {
    return bad(read, "the dtype is not supported", name);
  }
  if (read_shape(read, json_object_get(json, "shape"), name,
                 &entry->shape) != NACRE_OK) {
    return NACRE_ERROR;
  }
  json_int_t from = json_integer_value(json_array_get(offsets, 0));
  json_int_t to = json_integer_value(json_array_get(offsets, 1));
  size_t bytes = 0;
  if (from < 0 || to < from || (uint64_t)to > read->size) {
    return bad(read, "the offsets are outside the file", name);
  }
  if (!nacre_size_mul((size_t)nacre_shape_count(&entry->shape),
                      nacre_dtype_size(entry->shape.dtype), &bytes) ||
      bytes != (size_t)(to - from)) {
    return bad(read, "dtype and shape do not fit the offsets", name);
  }
  *begin = (uint64_t)from;
  entry->data = read->data + from;
  return NACRE_OK;
}

static int by_data(const void *a, const void *b) {
  const nacre_entry *x = a, *y = b;
  uintptr_t p = (uintptr_t)x->data, q = (uintptr_t)y->data;
  if (p != q) {
    return p < q ? -1 : 1;
  }
  return entry_bytes(x) < entry_bytes(y) ? -1
                                         : entry_bytes(x) > entry_bytes(y);
}

/* No hole, no overlap, nothing behind. */
static int check_cover(const reader *read) {
  nacre_tensors *tensors = read->tensors;
  const unsigned char *at = read->data;
  qsort(tensors->entry, (size_t)tensors->n_entries, sizeof(nacre_entry),
        by_data);
  for (int i = 0; i < tensors->n_entries; i++) {
    if ((const unsigned char *)tensors->entry[i].data != at) {
      return bad(read, "a hole or an overlap before the data",
                 tensors->entry[i].name);
    }
    at += entry_bytes(&tensors->entry[i]);
  }
  if (at != read->data + read->size) {
    return bad(read, "bytes behind the last tensor", NULL);
  }
  return NACRE_OK;
}

static int read_texts(const reader *read, json_t *json) {
  nacre_tensors *tensors = read->tensors;
  const char *key;
  json_t *value;
  if (!json_is_object(json)) {
    return bad(read, "__metadata__ is not a map of texts", NULL);
  }
  tensors->text = nacre_arena_alloc(tensors->arena,
                                    json_object_size(json) + 1,
                                    sizeof(nacre_text_pair));
  if (tensors->text == NULL) {
    return nacre_no_memory(read->error);
  }
  json_object_foreach(json, key, value) {
    if (!json_is_string(value)) {
      return bad(read, "__metadata__ is not a map of texts", NULL);
    }
    nacre_text_pair *pair = &tensors->text[tensors->n_texts++];
    pair->key = nacre_arena_strndup(tensors->arena, key, strlen(key));
    pair->value = nacre_arena_strndup(tensors->arena,
                                      json_string_value(value),
                                      json_string_length(value));
    if (pair->key == NULL || pair->value == NULL) {
      return nacre_no_memory(read->error);
    }
  }
  return NACRE_OK;
}

static int read_header(const reader *read, json_t *root) {
  nacre_tensors *tensors = read->tensors;
  const char *key;
  json_t *value;
  tensors->entry = nacre_arena_alloc(tensors->arena,
                                     json_object_size(root) + 1,
                                     sizeof(nacre_entry));
  if (tensors->entry == NULL) {
    return nacre_no_memory(read->error);
  }
  json_object_foreach(root, key, value) {
    uint64_t begin = 0;
    if (strcmp(key, "__metadata__") == 0) {
      if (read_texts(read, value) != NACRE_OK) {
        return NACRE_ERROR;
      }
    } else if (read_entry(read, key, value,
                          &tensors->entry[tensors->n_entries++],
                          &begin) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return check_cover(read);
}

static bool matches(const nacre_hash *hash, const char *expected) {
  char digest[40];
  digest_text(hash, digest);
  return strcmp(digest, expected) == 0;
}

/* Files that were written by others have none. */
static int check_digest(const reader *read) {
  const nacre_tensors *tensors = read->tensors;
  const char *expected = nacre_tensors_text(tensors, DIGEST);
  nacre_hash all = { { 0, 0 } };
  for (int i = 0; i < tensors->n_entries; i++) {
    const nacre_entry *entry = &tensors->entry[i];
    char *key = nacre_format(DIGEST ".%s", entry->name);
    nacre_hash own = { { 0, 0 } };
    if (key == NULL) {
      return nacre_no_memory(read->error);
    }
    const char *wanted = nacre_tensors_text(tensors, key);
    nacre_free(key);
    if (wanted != NULL) {
      nacre_hash_add(&own, entry->data, entry_bytes(entry));
      if (!matches(&own, wanted)) {
        return bad(read, "the data do not match their digest", entry->name);
      }
    }
    nacre_hash_add(&all, entry->data, entry_bytes(entry));
  }
  return expected == NULL || matches(&all, expected)
    ? NACRE_OK : bad(read, "the data do not match their digest", NULL);
}

int nacre_tensors_read(nacre_tensors *tensors, const char *path,
                       nacre_error *error) {
  *tensors = (nacre_tensors){ .arena = nacre_arena_new() };
  reader read = { .tensors = tensors, .path = path, .error = error };
  if (tensors->arena == NULL) {
    return nacre_no_memory(error);
  }
  if (nacre_file_read(path, MAX_FILE, NACRE_EMODEL, error,
                      &tensors->file) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  const unsigned char *bytes = (const unsigned char *)tensors->file.at;
  uint64_t length = 0;
  if (tensors->file.n < 8) {
    return bad(&read, "not a safetensors file: too short", NULL);
  }
  for (int i = 0; i < 8; i++) {
    length |= (uint64_t)bytes[i] << (8 * i);
  }
  if (length > MAX_HEADER || length > tensors->file.n - 8 || length < 2 ||
      bytes[8] != '{') {
    return bad(&read, "not a safetensors file: the header's length or first "
               "byte is wrong", NULL);
  }
  read.data = bytes + 8 + length;
  read.size = tensors->file.n - 8 - length;
  json_error_t problem;
  json_t *root = json_loadb((const char *)bytes + 8, (size_t)length,
                            JSON_REJECT_DUPLICATES, &problem);
  if (root == NULL) {
    return bad(&read, "the header is no JSON, or names a tensor twice",
               NULL);
  }
  int status = read_header(&read, root);
  json_decref(root);
  return status == NACRE_OK ? check_digest(&read) : status;
}

void nacre_tensors_fini(nacre_tensors *tensors) {
  nacre_free(tensors->file.at);
  nacre_arena_free(tensors->arena);
  *tensors = (nacre_tensors){ 0 };
}

const nacre_entry *nacre_tensors_find(const nacre_tensors *tensors,
                                      const char *name) {
  for (int i = 0; i < tensors->n_entries; i++) {
    if (strcmp(tensors->entry[i].name, name) == 0) {
      return &tensors->entry[i];
    }
  }
  return NULL;
}

const char *nacre_tensors_text(const nacre_tensors *tensors,
                               const char *key) {
  for (int i = 0; i < tensors->n_texts; i++) {
    if (strcmp(tensors->text[i].key, key) == 0) {
      return tensors->text[i].value;
    }
  }
  return NULL;
}
