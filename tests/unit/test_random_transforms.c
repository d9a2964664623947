/* SPDX-License-Identifier: MIT */
/* test_random_transforms: what random transforms draw: only what they may,
 * all of it, and as often as they should. */
#include "plugin_fixture.h"

#define KEYS 4000
#define H 5
#define W 6
#define COUNT (H * W)

typedef struct subject {
  const nacre_transform_ops *ops;
  const void *cfg;
  fixture_fail fail;
} subject;

static subject s;
static const nacre_shape square = { { H, W }, 2, NACRE_REAL };
static real image[COUNT], out[4096];

#define TAKE(name, ...)                                                     \
  do {                                                                      \
    const nacre_component *taken = fixture_component("transforms", name,    \
                                                     name);                 \
    s.ops = taken->ops;                                                     \
    s.cfg = fixture_cfg(taken, __VA_ARGS__);                                \
    s.fail = fixture_fail_new();                                            \
  } while (0)

static nacre_key key_of(uint32_t i) {
  nacre_key key = { { 17, 23 }, { i, 5 } };
  return nacre_key_split(key, i);
}

static void run(const nacre_shape *in, uint32_t key, const real *x) {
  nacre_transform_plan plan = { .size = sizeof(plan), .cfg = s.cfg,
                                .fail = &s.fail.base, .out = *in };
  plan.in.name = "x";
  plan.in.shape = *in;
  ck_assert_msg(s.ops->plan(&plan) == NACRE_OK, "%s", s.fail.text);
  ck_assert_int_eq(s.ops->apply(s.cfg, in, NULL, key_of(key), 1, x, out,
                                &s.fail.base), NACRE_OK);
}

static void setup(void) {
  for (int i = 0; i < COUNT; i++) {
    image[i] = (real)(i + 1);
  }
}

/* `got` of n tries, each with this chance: within five deviations. */
static void as_often(int got, int n, double chance) {
  double off = fabs(got - n * chance);
  ck_assert_msg(off <= 5 * sqrt(n * chance * (1 - chance)),
                "%d of %d, for a chance of %g", got, n, chance);
}

START_TEST(flips) {
  int across = 0, down = 0, both = 0;
  TAKE("random_flip", NULL);
  for (uint32_t k = 0; k < KEYS; k++) {
    run(&square, k, image);
    bool x = out[0] == image[W - 1] || out[0] == image[COUNT - 1];
    bool y = out[0] == image[COUNT - W] || out[0] == image[COUNT - 1];
    for (int i = 0; i < COUNT; i++) {
      int row = y ? H - 1 - i / W : i / W, col = x ? W - 1 - i % W : i % W;
      ck_assert(out[i] == image[row * W + col]);
    }
    across += x;
    down += y;
    both += x && y;
  }
  as_often(across, KEYS, 0.5);
  as_often(down, KEYS, 0.5);
  as_often(both, KEYS, 0.25);
}
END_TEST

static const char *const margins[] = { "constant", "nearest", "reflect",
                                       "wrap" };

static int margin_at(int mode, int i, int n) {
  if (i >= 0 && i < n) {
    return i;
  }
  if (mode == 1) {
    return i < 0 ? 0 : n - 1;
  }
  if (mode == 3) {
    return (i + 8 * n) % n;
  }
  while (i < 0 || i >= n) {
    i = i < 0 ? -1 - i : 2 * n - 1 - i;
  }
  return mode == 0 ? -1 : i;
}

/* Every place of the part is drawn, all alike, and holds what it should. */
START_TEST(crops) {
  int seen[5][4] = { { 0 } };
  TAKE("random_crop", "height", "5", "width", "7", "padding", "2",
       "fill_mode", margins[_i], "fill_value", "-3", NULL);
  for (uint32_t k = 0; k < KEYS; k++) {
    int found = 0;
    run(&square, k, image);
    for (int top = 0; top < 5; top++) {
      for (int left = 0; left < 4; left++) {
        bool fits = true;
        for (int i = 0; i < 35 && fits; i++) {
          int row = margin_at(_i, top - 2 + i / 7, H);
          int col = margin_at(_i, left - 2 + i % 7, W);
          real is = row < 0 || col < 0 ? -3 : image[row * W + col];
          fits = out[i] == is;
        }
        seen[top][left] += fits;
        found += fits;
      }
    }
    ck_assert_int_eq(found, 1);
  }
  for (int i = 0; i < 20; i++) {
    as_often(seen[i / 4][i % 4], KEYS, 1 / 20.0);
  }
}
END_TEST

/* One number is added, or the distance to the mean multiplied. */
START_TEST(light) {
  double least = 9, most = -9;
  TAKE("random_brightness", "factor", "[-0.25, 0.5]", "value_range",
       "[-100, 100]", NULL);
  for (uint32_t k = 0; k < KEYS; k++) {
    run(&square, k, image);
    double more = (double)(out[0] - image[0]) / 200;
    for (int i = 1; i < COUNT; i++) {
      double is = (double)image[i] + 200 * more;
      ck_assert_double_eq_tol((double)out[i], is > 100 ? 100 : is, 1e-4);
    }
    least = more < least ? more : least;
    most = more > most ? more : most;
  }
  ck_assert(least > -0.25 - 1e-6 && least < -0.24);
  ck_assert(most < 0.5 + 1e-6 && most > 0.49);
  TAKE("random_contrast", "factor", "[0.5, 0.25]", "value_range",
       "[-1000, 1000]", NULL);
  least = 9;
  most = -9;
  for (uint32_t k = 0; k < KEYS; k++) {
    const double mean = (COUNT + 1) / 2.0;
    run(&square, k, image);
    double by = ((double)out[0] - mean) / ((double)image[0] - mean);
    for (int i = 1; i < COUNT; i++) {
      ck_assert_double_eq_tol((double)out[i],
                              mean + by * ((double)image[i] - mean), 1e-3);
    }
    least = by < least ? by : least;
    most = by > most ? by : most;
  }
  ck_assert(least > 0.5 - 1e-4 && least < 0.51);
  ck_assert(most < 1.25 + 1e-4 && most > 1.24);
}
END_TEST

/* A rectangle, now and then, whose sides are in their range. */
START_TEST(erases) {
  const nacre_shape large = { { 40, 50, 2 }, 3, NACRE_REAL };
  static real x[4000];
  int erased = 0;
  TAKE("random_erasing", "factor", "[0.3, 0.3]", "scale", "[0.04, 0.25]",
       "fill_value", "7", NULL);
  for (uint32_t k = 0; k < KEYS; k++) {
    int top = 99, bottom = -1, left = 99, right = -1, count = 0;
    run(&large, k, x);
    for (int i = 0; i < 4000; i++) {
      if (out[i] == 7) {
        int row = i / 100, col = i % 100 / 2;
        top = row < top ? row : top;
        bottom = row > bottom ? row : bottom;
        left = col < left ? col : left;
        right = col > right ? col : right;
        count++;
      }
    }
    if (count == 0) {
      continue;
    }
    erased++;
    int high = bottom - top + 1, wide = right - left + 1;
    ck_assert_int_eq(count, 2 * high * wide);
    ck_assert(high >= 8 && high <= 21 && wide >= 10 && wide <= 26);
  }
  as_often(erased, KEYS, 0.3);
}
END_TEST

START_TEST(masks) {
  int sizes[4] = { 0 };
  TAKE("random_masking", "size", "3", "axis", "1", "fill_value", "-1", NULL);
  for (uint32_t k = 0; k < KEYS; k++) {
    int size = 0;
    run(&square, k, image);
    for (int col = 0; col < W; col++) {
      bool masked = out[col] == -1;
      size += masked;
      for (int row = 0; row < H; row++) {
        real is = masked ? -1 : image[row * W + col];
        ck_assert(out[row * W + col] == is);
      }
    }
    ck_assert_int_le(size, 3);
    sizes[size]++;
  }
  for (int i = 0; i < 4; i++) {
    as_often(sizes[i], KEYS, 0.25);
  }
}
END_TEST

START_TEST(shifts) {
  const nacre_shape pairs = { { 10, 2 }, 2, NACRE_REAL };
  static const char *const modes[] = { "constant", "nearest", "wrap" };
  int seen[7] = { 0 };
  TAKE("random_shift", "factor", "0.3", "fill_mode", modes[_i], "fill_value",
       "-9", NULL);
  for (uint32_t k = 0; k < KEYS; k++) {
    int found = 0;
    run(&pairs, k, image);
    for (int by = -3; by <= 3; by++) {
      bool fits = true;
      for (int i = 0; i < 20 && fits; i++) {
        int at = i / 2 - by;
        real is = 0;
        if (at >= 0 && at < 10) {
          is = image[2 * at + i % 2];
        } else if (_i == 0) {
          is = -9;
        } else {
          at = _i == 1 ? (at < 0 ? 0 : 9) : (at + 10) % 10;
          is = image[2 * at + i % 2];
        }
        fits = out[i] == is;
      }
      seen[by + 3] += fits;
      found += fits;
    }
    ck_assert_int_eq(found, 1);
  }
  for (int i = 0; i < 7; i++) {
    as_often(seen[i], KEYS, 1 / 7.0);
  }
}
END_TEST

/* Mean, deviation and fourth moment of the noise. */
START_TEST(noise) {
  const nacre_shape line = nacre_shape_1d(4001);
  static real zeros[4001];
  double sum = 0, squares = 0, fourth = 0, n = 0;
  TAKE("gaussian_noise", "stddev", "2", NULL);
  for (uint32_t k = 0; k < 50; k++) {
    run(&line, k, zeros);
    for (int i = 0; i < 4001; i++) {
      double value = (double)out[i] / 2;
      sum += value;
      squares += value * value;
      fourth += value * value * value * value;
      n++;
    }
  }
  ck_assert_double_eq_tol(sum / n, 0, 0.012);
  ck_assert_double_eq_tol(squares / n, 1, 0.016);
  ck_assert_double_eq_tol(fourth / n, 3, 0.12);
}
END_TEST

static const struct {
  const char *text;
  double alpha;
} alphas[] = { { "0.001", 0.001 }, { "0.2", 0.2 }, { "1", 1 }, { "7.5", 7.5 } };

/* Mean 1/2 and variance 1 / (4 (2 alpha + 1)), for targets as for samples. */
START_TEST(mixup) {
  double sum = 0, squares = 0;
  TAKE("mixup", "alpha", alphas[_i].text, NULL);
  for (uint32_t k = 0; k < KEYS; k++) {
    real x = 1, y[2] = { 1, 0 };
    const real zero = 0, other[2] = { 0, 1 };
    nacre_mix_field field[2] = {
      { .field = { .name = "x", .shape = nacre_shape_1d(1) }, .x = &x,
        .other = &zero },
      { .field = { .name = "y", .shape = nacre_shape_1d(2),
                   .flags = NACRE_FIELD_TARGET },
        .x = y, .other = other },
    };
    nacre_mix mix = { .size = sizeof(mix), .n_fields = 2, .cfg = s.cfg,
                      .field = field, .key = key_of(k) };
    s.ops->mix(&mix);
    ck_assert(x >= 0 && x <= 1 && y[0] == x);
    ck_assert_double_eq_tol((double)(y[0] + y[1]), 1, 1e-6);
    sum += (double)x;
    squares += (double)(x * x);
  }
  double mean = sum / KEYS, variance = squares / KEYS - mean * mean;
  double wants = 1 / (4 * (2 * alphas[_i].alpha + 1));
  ck_assert_double_eq_tol(mean, 0.5, 5 * sqrt(wants / KEYS));
  ck_assert_double_eq_tol(variance, wants, 0.06 * wants);
}
END_TEST

/* Targets are mixed as the pixels are. */
START_TEST(cutmix) {
  double sum = 0;
  TAKE("cutmix", "factor", "[1, 1]", NULL);
  for (uint32_t k = 0; k < KEYS; k++) {
    real x[COUNT], y[2] = { 1, 0 };
    static const real zeros[COUNT];
    const real other[2] = { 0, 1 };
    memcpy(x, image, sizeof(x));
    nacre_mix_field field[2] = {
      { .field = { .name = "x", .shape = square }, .x = x, .other = zeros },
      { .field = { .name = "y", .shape = nacre_shape_1d(2),
                   .flags = NACRE_FIELD_TARGET },
        .x = y, .other = other },
    };
    nacre_mix mix = { .size = sizeof(mix), .n_fields = 2, .cfg = s.cfg,
                      .field = field, .key = key_of(k) };
    s.ops->mix(&mix);
    int kept = 0;
    for (int i = 0; i < COUNT; i++) {
      kept += x[i] == image[i];
      ck_assert(x[i] == image[i] || x[i] == 0);
    }
    ck_assert_double_eq_tol((double)y[0], kept / (double)COUNT, 1e-6);
    sum += kept / (double)COUNT;
  }
  /* A share drawn evenly; more is kept, since a rectangle narrower than a
   * pixel may miss them all. */
  ck_assert(sum / KEYS > 0.5 && sum / KEYS < 0.6);
}
END_TEST

/* A quarter of a turn against the clock takes no sample between pixels. */
START_TEST(turns) {
  const nacre_shape odd = { { 5, 5 }, 2, NACRE_REAL };
  TAKE("random_rotation", "factor", "[0.25, 0.25]", NULL);
  run(&odd, 0, image);
  for (int i = 0; i < 25; i++) {
    ck_assert_double_eq_tol((double)out[i],
                            (double)image[i % 5 * 5 + 4 - i / 5], 1e-4);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("random transforms");
  TCase *tests = tcase_create("random transforms");
  tcase_add_checked_fixture(tests, setup, NULL);
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, flips);
  tcase_add_loop_test(tests, crops, 0, 4);
  tcase_add_test(tests, light);
  tcase_add_test(tests, erases);
  tcase_add_test(tests, masks);
  tcase_add_loop_test(tests, shifts, 0, 3);
  tcase_add_test(tests, noise);
  tcase_add_loop_test(tests, mixup, 0, 4);
  tcase_add_test(tests, cutmix);
  tcase_add_test(tests, turns);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
