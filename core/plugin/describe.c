/* SPDX-License-Identifier: MIT */
/* describe: a parameter in a few words, for hints and inspect. */
#include "params.h"

#include "base/text.h"
#include "range.h"

#include <math.h>
#include <string.h>

static const char *const types[] = {
  [NACRE_TYPE_FLOAT] = "float",
  [NACRE_TYPE_INT] = "int",
  [NACRE_TYPE_BOOL] = "bool",
  [NACRE_TYPE_ENUM] = "choice",
  [NACRE_TYPE_STRING] = "text",
  [NACRE_TYPE_INTS] = "list of ints",
  [NACRE_TYPE_FLOATS] = "list of floats",
  [NACRE_TYPE_STRINGS] = "list of texts",
  [NACRE_TYPE_STRING_MAP] = "text, or map of texts",
  [NACRE_TYPE_ARRAY_MAP] = "array, or map of arrays",
  [NACRE_TYPE_REF] = "component",
  [NACRE_TYPE_DURATION] = "duration",
};

const char *nacre_param_type(const nacre_param *param) {
  if (param->type == NACRE_TYPE_REF && param->range != NULL) {
    return param->range;
  }
  bool known = param->type > 0 && param->type < sizeof types / sizeof types[0];
  return known ? types[param->type] : "unknown";
}

/* "> 0", ">= 1", "in [0,1)": one finite bound reads better as a relation. */
static void put_interval(nacre_text *out, const char *text,
                         const nacre_range *range) {
  char number[32];
  bool low = !isinf(range->low);
  bool high = !isinf(range->high);
  if (low == high) {
    nacre_text_printf(out, " in %s", text);
    return;
  }
  nacre_text_from_float(low ? range->low : range->high, number);
  const char *sign = low ? (range->open_low ? ">" : ">=")
                         : (range->open_high ? "<" : "<=");
  nacre_text_printf(out, " %s %s", sign, number);
}

static void put_words(nacre_text *out, const char *words) {
  nacre_text_puts(out, "one of ");
  for (; *words != '\0'; words++) {
    if (*words == '|') {
      nacre_text_puts(out, ", ");
    } else {
      nacre_text_put(out, words, 1);
    }
  }
}

static bool is_number(uint32_t type) {
  return type == NACRE_TYPE_FLOAT || type == NACRE_TYPE_INT ||
         type == NACRE_TYPE_INTS || type == NACRE_TYPE_FLOATS ||
         type == NACRE_TYPE_ARRAY_MAP || type == NACRE_TYPE_DURATION;
}

char *nacre_param_describe(const nacre_param *param) {
  nacre_text out = { NULL, 0, 0, false };
  nacre_range range;
  nacre_text_puts(&out, "(");
  if (param->range == NULL || param->type == NACRE_TYPE_REF) {
    nacre_text_puts(&out, nacre_param_type(param));
  } else if (is_number(param->type)) {
    nacre_text_puts(&out, nacre_param_type(param));
    if (nacre_range_parse(param->range, &range)) {
      put_interval(&out, param->range, &range);
    }
  } else {
    put_words(&out, param->range);
  }
  if (param->unit != NULL && param->unit[0] != '\0') {
    nacre_text_printf(&out, ", in %s", param->unit);
  }
  if (param->def == NULL) {
    nacre_text_puts(&out, ", required)");
  } else {
    nacre_text_printf(&out, ", default %s)",
                      param->def[0] != '\0' ? param->def : "''");
  }
  if (out.failed) {
    nacre_text_fini(&out);
    return NULL;
  }
  return out.at;
}
