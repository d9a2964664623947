/* SPDX-License-Identifier: MIT */
/* range: reads intervals and lists of words. */
#include "range.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

static bool bound(const char *text, size_t n, double *value) {
  while (n > 0 && text[0] == ' ') {
    text++;
    n--;
  }
  while (n > 0 && text[n - 1] == ' ') {
    n--;
  }
  if (n == 3 && memcmp(text, "inf", 3) == 0) {
    *value = (double)INFINITY;
    return true;
  }
  if (n == 4 && memcmp(text, "-inf", 4) == 0) {
    *value = -(double)INFINITY;
    return true;
  }
  return nacre_text_float(text, n, value) && !isnan(*value);
}

bool nacre_range_parse(const char *text, nacre_range *range) {
  range->low = -(double)INFINITY;
  range->high = (double)INFINITY;
  range->open_low = true;
  range->open_high = true;
  if (text == NULL) {
    return true;
  }
  size_t n = strlen(text);
  const char *comma = strchr(text, ',');
  if (n < 5 || comma == NULL || (text[0] != '(' && text[0] != '[') ||
      (text[n - 1] != ')' && text[n - 1] != ']')) {
    return false;
  }
  range->open_low = text[0] == '(';
  range->open_high = text[n - 1] == ')';
  const char *end = text + n - 1;
  return bound(text + 1, (size_t)(comma - text) - 1, &range->low) &&
         bound(comma + 1, (size_t)(end - comma) - 1, &range->high) &&
         range->low <= range->high;
}

bool nacre_range_holds(const nacre_range *range, double value) {
  bool low = range->open_low ? value > range->low : value >= range->low;
  bool high = range->open_high ? value < range->high : value <= range->high;
  return low && high;
}

int nacre_range_word(const char *words, const char *word) {
  size_t n = strlen(word);
  int index = 0;
  while (words != NULL) {
    const char *bar = strchr(words, '|');
    size_t length = bar != NULL ? (size_t)(bar - words) : strlen(words);
    if (length == n && memcmp(words, word, n) == 0) {
      return index;
    }
    words = bar != NULL ? bar + 1 : NULL;
    index++;
  }
  return -1;
}

int nacre_range_words(const char *words) {
  int count = 0;
  while (words != NULL) {
    const char *bar = strchr(words, '|');
    size_t length = bar != NULL ? (size_t)(bar - words) : strlen(words);
    if (length == 0 || memchr(words, ',', length) != NULL) {
      return 0;
    }
    words = bar != NULL ? bar + 1 : NULL;
    count++;
  }
  return count;
}
