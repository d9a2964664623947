/* SPDX-License-Identifier: MIT */
/* wording: a table from the messages of libyaml 0.2 to ours. */
#include "wording.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What libyaml says, and what a person who writes a config wants to read. */
static const char *const wordings[][2] = {
  { "mapping values are not allowed in this context",
    "a ':' cannot stand here: check the indentation, or quote text that "
    "contains ': '" },
  { "block sequence entries are not allowed in this context",
    "a list item cannot begin here: check the indentation" },
  { "mapping keys are not allowed in this context",
    "a '?' key cannot stand here" },
  { "could not find expected ':'", "expected ':' after this key" },
  { "did not find expected key",
    "expected a key: check the indentation and the commas" },
  { "did not find expected '-' indicator",
    "expected '-' of the next list item: check the indentation" },
  { "did not find expected ',' or ']'", "expected ',' or ']'" },
  { "did not find expected ',' or '}'", "expected ',' or '}'" },
  { "did not find expected <document start>",
    "expected the end of the file" },
  { "did not find expected node content", "expected a value" },
  { "found unexpected end of stream", "the file ends inside quotes" },
  { "found unexpected document indicator",
    "a document marker stands inside quotes" },
  { "found unknown escape character",
    "unknown escape in double quotes: write '\\\\', or use single quotes" },
  { "did not find expected hexdecimal number",
    "expected hexadecimal digits after '\\x' or '\\u'" },
  { "found a tab character that violates indentation",
    "a tab cannot indent: use spaces" },
  { "found a tab character where an indentation space is expected",
    "a tab cannot indent: use spaces" },
  { "found incompatible YAML document",
    "only %YAML 1.1 and 1.2 are understood" },
  { "found undefined tag handle", "tags are not allowed" },
  { "did not find expected alphabetic or numeric character",
    "expected the name of an anchor or alias: quote text that begins with "
    "'&' or '*'" },
};

const char *nacre_yaml_wording(const char *text) {
  for (size_t i = 0; i < sizeof wordings / sizeof wordings[0]; i++) {
    if (strcmp(text, wordings[i][0]) == 0) {
      return wordings[i][1];
    }
  }
  return text;
}

const char *nacre_yaml_advice(const char *line, int column) {
  /* The '{' of a "${" begins a map where braces or brackets are open. */
  const char *at = line;
  for (int i = 2; at != NULL && i < column; i++) {
    if (*at == '\0' || *at == '\n') {
      return NULL;
    }
    at++;
    while (((unsigned char)*at & 0xc0) == 0x80) {
      at++;
    }
  }
  bool bare = at != NULL && column > 1 && at[0] == '$' && at[1] == '{';
  return bare ? "within [] and {} write it in quotes: \"${...}\"" : NULL;
}
