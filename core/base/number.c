/* SPDX-License-Identifier: MIT */
/* number: numbers from text and back, in no locale. */
#include "sys.h"
#include "text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The parts of a decimal number, as found in the text. */
typedef struct decimal {
  bool negative;
  size_t whole, n_whole;       /* digits before the point */
  size_t fraction, n_fraction; /* digits after it */
  int exponent;                /* clamped to +-1000000 */
} decimal;

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static size_t count_digits(const char *text, size_t n, size_t from) {
  size_t i = from;
  while (i < n && is_digit(text[i])) {
    i++;
  }
  return i - from;
}

/* Reads "e", sign and digits up to the end of the text. */
static bool read_exponent(const char *text, size_t n, size_t i, int *out) {
  bool negative = false;
  if (i < n && (text[i] == '+' || text[i] == '-')) {
    negative = text[i++] == '-';
  }
  if (i == n || count_digits(text, n, i) != n - i) {
    return false;
  }
  int value = 0;
  for (; i < n; i++) {
    value = value > 100000 ? 1000000 : 10 * value + (text[i] - '0');
  }
  *out = negative ? -value : value;
  return true;
}

static bool read_decimal(const char *text, size_t n, decimal *out) {
  memset(out, 0, sizeof *out);
  size_t i = 0;
  if (n > 0 && (text[0] == '+' || text[0] == '-')) {
    out->negative = text[i++] == '-';
  }
  out->whole = i;
  out->n_whole = count_digits(text, n, i);
  i += out->n_whole;
  if (i < n && text[i] == '.') {
    i++;
    out->fraction = i;
    out->n_fraction = count_digits(text, n, i);
    i += out->n_fraction;
  }
  if (out->n_whole + out->n_fraction == 0) {
    return false;
  }
  if (i < n && (text[i] == 'e' || text[i] == 'E')) {
    return read_exponent(text, n, i + 1, &out->exponent);
  }
  return i == n;
}

/* After an optional sign, "0x" or "0o": the base, else 0. */
static int based_prefix(const char *text, size_t n, size_t *digits) {
  size_t i = n > 0 && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  *digits = i + 2;
  if (n < i + 3 || text[i] != '0') {
    return 0;
  }
  return text[i + 1] == 'x' || text[i + 1] == 'X' ? 16
         : text[i + 1] == 'o'                     ? 8
                                                  : 0;
}

static int digit_value(char c) {
  return is_digit(c)            ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : 99;
}

/* Puts a sign before a magnitude, if int64_t has room for the two. */
static bool signed_value(bool negative, uint64_t magnitude, int64_t *value) {
  const uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
  if (magnitude > most) {
    return false;
  }
  *value = !negative          ? (int64_t)magnitude
           : magnitude == most ? INT64_MIN
                               : -(int64_t)magnitude;
  return true;
}

static bool append_digit(uint64_t *value, unsigned base, unsigned digit) {
  if (*value > (UINT64_MAX - digit) / base) {
    return false;
  }
  *value = *value * base + digit;
  return true;
}

static bool based_int(const char *text, size_t n, size_t from, int base,
                      int64_t *value) {
  uint64_t magnitude = 0;
  for (size_t i = from; i < n; i++) {
    int digit = digit_value(text[i]);
    if (digit >= base ||
        !append_digit(&magnitude, (unsigned)base, (unsigned)digit)) {
      return false;
    }
  }
  return signed_value(text[0] == '-', magnitude, value);
}

bool nacre_text_int(const char *text, size_t n, int64_t *value) {
  size_t from;
  int base = based_prefix(text, n, &from);
  if (base != 0) {
    return based_int(text, n, from, base, value);
  }
  decimal parts;
  if (!read_decimal(text, n, &parts)) {
    return false;
  }
  /* digit k of all the digits stands for 10^(places - 1 - k) */
  const size_t digits = parts.n_whole + parts.n_fraction;
  if (parts.n_whole > INT32_MAX) {
    return false;
  }
  const int64_t places = (int64_t)parts.n_whole + parts.exponent;
  uint64_t magnitude = 0;
  for (size_t k = 0; k < digits; k++) {
    size_t at = k < parts.n_whole ? parts.whole + k
                                  : parts.fraction + (k - parts.n_whole);
    unsigned digit = (unsigned)(text[at] - '0');
    if ((int64_t)k < places ? !append_digit(&magnitude, 10, digit)
                            : digit != 0) {
      return false;
    }
  }
  for (int64_t k = (int64_t)digits; k < places && magnitude != 0; k++) {
    if (!append_digit(&magnitude, 10, 0)) {
      return false;
    }
  }
  return signed_value(parts.negative, magnitude, value);
}

/* strtod of all of a NUL-terminated text in the C locale. */
static bool convert(const char *text, double *value) {
  locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (plain == (locale_t)0) {
    return false;
  }
  char *end;
  int saved = errno;
  *value = strtod_l(text, &end, plain);
  errno = saved;
  freelocale(plain);
  return end != text && *end == '\0';
}

static bool special_float(const char *text, size_t n, double *value) {
  bool sign = n > 0 && (text[0] == '-' || text[0] == '+');
  size_t at = sign ? 1 : 0;
  bool dot = at < n && text[at] == '.';
  const char *word = text + at + (dot ? 1 : 0);
  size_t length = n - at - (dot ? 1 : 0);
  if ((length == 3 && strncasecmp(word, "inf", 3) == 0) ||
      (!dot && length == 8 && strncasecmp(word, "infinity", 8) == 0)) {
    *value = sign && text[0] == '-' ? -INFINITY : INFINITY;
    return true;
  }
  if (length == 3 && strncasecmp(word, "nan", 3) == 0) {
    *value = NAN;
    return true;
  }
  return false;
}

/* 0x followed by what strtod understands: hexadecimal digits, a point and a
 * binary exponent. */
static bool hex_float_syntax(const char *text, size_t n, size_t from) {
  bool exponent = false;
  for (size_t i = from; i < n; i++) {
    char c = text[i];
    if (c == 'p' || c == 'P') {
      exponent = true;
    } else if (digit_value(c) >= 16 && c != '.' &&
               !(exponent && (c == '+' || c == '-'))) {
      return false;
    }
  }
  return true;
}

bool nacre_text_float(const char *text, size_t n, double *value) {
  if (special_float(text, n, value)) {
    return true;
  }
  size_t from;
  decimal parts;
  int base = based_prefix(text, n, &from);
  if (base == 8) {
    int64_t whole;
    bool fits = based_int(text, n, from, base, &whole);
    *value = fits ? (double)whole : 0;
    return fits;
  }
  if (base == 16 ? !hex_float_syntax(text, n, from)
                 : !read_decimal(text, n, &parts)) {
    return false;
  }
  char small[64];
  char *copy = n < sizeof small ? small : nacre_alloc(n + 1, 1);
  if (copy == NULL) {
    return false;
  }
  memcpy(copy, text, n);
  copy[n] = '\0';
  /* What overflows is not the number that was written. */
  bool good = convert(copy, value) && isfinite(*value);
  if (copy != small) {
    nacre_free(copy);
  }
  return good;
}

static void print(char out[32], const char *format, ...) NACRE_PRINTF(2, 3);

static void print(char out[32], const char *format, ...) {
  va_list list;
  va_start(list, format);
  (void)nacre_text_vsnprintf(out, 32, format, list);
  va_end(list);
}

/* "1e+05" and "1e-05" become "1e5" and "1e-5". */
static void tidy_exponent(char *text) {
  char *from = strchr(text, 'e');
  if (from == NULL) {
    return;
  }
  char *to = ++from;
  if (*from == '-') {
    to++;
  }
  from++;
  while (*from == '0' && from[1] != '\0') {
    from++;
  }
  memmove(to, from, strlen(from) + 1);
}

void nacre_text_from_float(double value, char out[32]) {
  if (isnan(value)) {
    memcpy(out, ".nan", 5);
  } else if (isinf(value)) {
    memcpy(out, value < 0 ? "-.inf" : ".inf", value < 0 ? 6 : 5);
  } else if (fabs(value) < 1e15 && floor(value) == value) {
    print(out, "%.0f", value);
  } else {
    /* 15 digits hold every shorter text, and %g leaves out their zeros. */
    for (int precision = 15; precision <= 17; precision++) {
      double back;
      print(out, "%.*g", precision, value);
      if (convert(out, &back) && back == value) {
        break;
      }
    }
    tidy_exponent(out);
  }
}
