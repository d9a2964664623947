/* SPDX-License-Identifier: MIT */
/* data: the checks of sources, codecs and callbacks. Sources and callbacks
 * meet the world, which is not here: their tables are checked. */
#include <string.h>

#include "candidates.h"
#include "kinds.h"
#include "values.h"

void nacre_source_check(nacre_suite *suite) {
  const nacre_source_ops *ops = suite->component->ops;
  nacre_suite_check(suite, "table",
                    ops->open != NULL && ops->close != NULL &&
                      ops->count != NULL && ops->fields != NULL &&
                      ops->read != NULL,
                    "open, close, count, fields or read is missing");
  nacre_suite_check(suite, "table",
                    (ops->encode == NULL) == (ops->decode == NULL),
                    "encode without decode, or the reverse");
}

void nacre_callback_check(nacre_suite *suite) {
  const nacre_callback_ops *ops = suite->component->ops;
  const uint32_t known = (1u << NACRE_ON_TRAIN_BEGIN) |
                         (1u << NACRE_ON_EPOCH_END) |
                         (1u << NACRE_ON_TRAIN_END) |
                         (1u << NACRE_ON_STEP_END) |
                         (1u << NACRE_ON_RESUME);
  nacre_suite_check(suite, "table", ops->event != NULL, "no event()");
  nacre_suite_check(suite, "table",
                    ops->flags != 0 && (ops->flags & ~known) == 0,
                    "it wants no event, or an unknown one");
  nacre_candidate list[1];
  if (ops->monitor == NULL || nacre_candidates_base(suite, 1, list) == 0) {
    return;
  }
  uint32_t names = 0;
  while (names < 64 && ops->monitor(list[0].cfg, names) != NULL) {
    names++;
  }
  nacre_suite_check(suite, "monitor", names < 64,
                    "monitor() never ends its list");
}

/* Codecs: what is not theirs is refused, within the room that they have. */
void nacre_codec_check(nacre_suite *suite) {
  enum { LIMIT = 256, MARGIN = 64 };
  const nacre_codec_ops *ops = suite->component->ops;
  unsigned char in[64], exact[LIMIT + MARGIN];
  if (!nacre_suite_check(suite, "table", ops->decode != NULL,
                         "no decode()")) {
    return;
  }
  const nacre_host *host = nacre_registry_host(suite->registry);
  for (int trial = 0; trial < 65; trial++) {
    size_t n = (size_t)trial;
    for (size_t i = 0; i < n; i++) {
      in[i] = (unsigned char)nacre_values_below(suite, 256);
    }
    for (int to_exact = 0; to_exact < 2; to_exact++) {
      nacre_error_fail fail;
      nacre_bytes out = { NULL, 0 };
      nacre_suite_forget(suite);
      memset(exact, 0x5a, sizeof exact);
      int status = ops->decode(host, in, n, LIMIT,
                               to_exact ? exact : NULL, &out,
                               nacre_suite_fail(suite, &fail));
      nacre_suite_check(suite, "garbage", status == NACRE_ERROR,
                        "%zu random bytes are decoded", n);
      nacre_suite_check(suite, "garbage",
                        status != NACRE_ERROR ||
                          nacre_suite_problem(suite)[0] != '\0',
                        "%zu random bytes are refused without a reason", n);
      if (status == NACRE_OK && !to_exact) {
        host->free(out.at);
      }
      bool intact = true;
      for (int i = 0; i < MARGIN; i++) {
        intact = intact && exact[LIMIT + i] == 0x5a;
      }
      nacre_suite_check(suite, "bounds", intact,
                        "decode() wrote beyond the room it was given");
    }
  }
}
