// SPDX-License-Identifier: Apache-2.0
// Element-wise passes: what pass.ts does. Vectors of sixteen, then single values.
#pragma once
#include "native-vector.h"

/* y = BODY for sixteen values and for one, in order; returns the largest magnitude (bits) of `seen` */
#define ELEMENTS(n, BODY16, BODY1, OUT) \
  Ints top = {0}; \
  int i = 0; \
  for (; i + 16 <= (n); i += 16) { Floats seen, y; BODY16; top = larger(top, magnitude(seen)); F((OUT) + i) = y; } \
  int32_t most = largest(top); \
  for (; i < (n); i++) { float seen, y; BODY1; most = magnitude1(seen) > most ? magnitude1(seen) : most; (OUT)[i] = y; } \
  return most;

INLINE Floats positive(Floats on, Floats x) { return (Floats)((Ints)x & (on > 0)); }
INLINE float positive1(float on, float x) { return on > 0 ? x : 0; }

static int32_t add(const float *x, const float *y_, float *out, int n) {
  ELEMENTS(n, { y = seen = flushed(F(x + i) + F(y_ + i)); }, { y = seen = flushed1(x[i] + y_[i]); }, out)
}

static int32_t select_positive(const float *on, const float *x, float *out, int n) {
  ELEMENTS(n, { seen = F(x + i); y = positive(F(on + i), seen); }, { seen = x[i]; y = positive1(on[i], seen); }, out)
}

static int32_t squared_relu(const float *x, float *out, int n) {
  ELEMENTS(n, { const Floats h = positive(F(x + i), F(x + i)); y = seen = flushed(h * h); }, { const float h = positive1(x[i], x[i]); y = seen = flushed1(h * h); }, out)
}

static int32_t squared_relu_grad(const float *x, const float *dy, float *out, int n) {
  ELEMENTS(n, { const Floats v = F(x + i); y = seen = positive(v, flushed((v + v) * F(dy + i))); },
    { const float v = x[i]; y = seen = positive1(v, flushed1((v + v) * dy[i])); }, out)
}

static int32_t add_bias(const float *x, const float *b, float *out, int rows, int cols) {
  int32_t most = 0;
  for (int r = 0; r < rows; r++, x += cols, out += cols) {
    const int32_t m = add(x, b, out, cols);
    most = m > most ? m : most;
  }
  return most;
}

static int32_t largest_of(const float *x, int n) {
  Ints top = {0};
  int i = 0;
  for (; i + 16 <= n; i += 16) top = larger(top, magnitude(F(x + i)));
  int32_t most = largest(top);
  for (; i < n; i++) most = magnitude1(x[i]) > most ? magnitude1(x[i]) : most;
  return most;
}

/* columns come in fours, or as many values lie behind x and out as make it so */
static void sum_cols(const float *x, long ld, int rows, int cols, const float *up, const float *inv, float *out) {
  int c = 0;
  for (; c + 16 <= cols; c += 16) {
    const Floats down = F(inv + c);
    const float *p = x + c;
    Floats sum = {0};
    for (int from = 0; from < rows; from += 1024) {
      Ints total = {0};
      for (int r = from; r < rows && r < from + 1024; r++, p += ld) total += (Ints)(F(p) * down + MAGIC) - MAGIC_BITS;
      const Floats value = __builtin_convertvector(total, Floats) * F(up + c);
      if (from == 0) sum = value;
      else sum += value;
    }
    F(out + c) = flushed(sum);
  }
  for (; c < cols; c++) {
    float sum = 0;
    for (int from = 0; from < rows; from += 1024) {
      int32_t total = 0;
      for (int r = from; r < rows && r < from + 1024; r++) total += bits_of(x[r * ld + c] * inv[c] + MAGIC) - MAGIC_BITS;
      const float value = (float)total * up[c];
      sum = from == 0 ? value : sum + value;
    }
    out[c] = flushed1(sum);
  }
}
