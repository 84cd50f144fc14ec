// SPDX-License-Identifier: Apache-2.0
// Operations in which a row is one computation: a workgroup for each row. Sums are of whole numbers, so
// the order in which threads add them cannot matter; chunks are added in order.
import { EXPONENT_WGSL } from './webgpu-quantise.ts';
import { type Grain, type Kernel, type Parameter, reduceWgsl } from './webgpu-shader.ts';

/** A kernel but for the number of threads, THREADS in its code. */
export interface RowKernel {
  readonly name: string;
  readonly shape: readonly string[];
  readonly buffers: readonly Parameter[];
  readonly code: string;
}

export function rowKernel({ name, shape, buffers, code }: RowKernel, { row }: Grain): Kernel {
  const text = `const THREADS = ${row}u;${reduceWgsl(row)}${code}`;
  return { name: `${name} ${row}`, shape, buffers, threads: row, code: text };
}

/** Table entries of a row as in softmax.ts; `tables` holds the exponential table, then the logarithm table. */
const SOFTMAX_WGSL = /* wgsl */ `
/** Totals of chunks of 256 columns. */
var<workgroup> totals: array<atomic<u32>, 256>;
fn entryOf(most: u32, value: u32) -> u32 {
  let distance = sub(most, value);
  // 1023 / 64
  return tables[select(fixed(distance, 6), 1023, distance >= 0x417fc000u)];
}
fn maximum(at: u32, count: u32, thread: u32) -> u32 {
  var top = 0u;
  for (var c = thread; c < count; c += THREADS) { top = max(top, order(x[at + c])); }
  top = largest(thread, top);
  return select(~top, top ^ SIGN, top >= SIGN);
}
/** The sum of a row's entries, a binary32. */
fn sumOf(at: u32, count: u32, most: u32, thread: u32) -> u32 {
  let chunks = (count + 255u) / 256u;
  for (var chunk = 0u; chunk < chunks; chunk++) {
    var total = 0u;
    for (var c = 256u * chunk + thread; c < min(256u * chunk + 256u, count); c += THREADS) { total += entryOf(most, x[at + c]); }
    atomicAdd(&totals[chunk], total);
  }
  workgroupBarrier();
  var result = 0u;
  for (var chunk = 0u; chunk < chunks; chunk++) { result = add(result, fromInt(i32(atomicLoad(&totals[chunk])))); }
  return result;
}
`;

/** softmax.ts, logOfSum: the table begins at word 1024. */
const LOG_WGSL = /* wgsl */ `
fn logOf(bits: u32) -> i32 {
  let high = 1024u + ((bits >> 13u) & 1023u);
  let step = i32(tables[high + 1u]) - i32(tables[high]);
  return (((i32(bits >> 23u) - 143) * 11629080 + 128) >> 8u) + i32(tables[high]) + ((step * i32(bits & 8191u) + 4096) >> 13u);
}
`;

/** Gradient, loss and class of each row of logits. */
export const CROSS_ENTROPY: RowKernel = {
  name: 'crossEntropy',
  shape: ['columns', 'share'],
  buffers: [
    { name: 'x' },
    { name: 'labels' },
    { name: 'tables' },
    { name: 'out_', out: true },
    { name: 'losses', out: true },
    { name: 'predicted', out: true },
  ],
  code: /* wgsl */ `
${SOFTMAX_WGSL}
${LOG_WGSL}
fn run(group: u32, thread: u32) {
  let at = group * shape.columns;
  let label = labels[group];
  let most = maximum(at, shape.columns, thread);
  var class_ = 0u;
  for (var c = thread; c < shape.columns; c += THREADS) { class_ = max(class_, select(0u, ~c, x[at + c] == most)); }
  class_ = ~largest(thread, class_);
  let total = sumOf(at, shape.columns, most, thread);
  if (thread == 0u) {
    // Distances count up to 2^14 nats.
    losses[group] = u32(fixed(min(sub(most, x[at + label]), 0x46800000u), 16) + logOf(total));
    predicted[group] = class_;
  }
  for (var c = thread; c < shape.columns; c += THREADS) {
    let p = div(fromInt(i32(entryOf(most, x[at + c]))), total);
    out_[at + c] = kept(mul(sub(p, select(0u, ONE, c == label)), shape.share));
  }
}`,
};

/** Row i of a head: columns 0..i; rows are those of the probabilities. */
export const CAUSAL_SOFTMAX: RowKernel = {
  name: 'causalSoftmax',
  shape: ['context'],
  buffers: [{ name: 'x' }, { name: 'tables' }, { name: 'out_', out: true }],
  code: /* wgsl */ `
${SOFTMAX_WGSL}
fn run(group: u32, thread: u32) {
  let at = group * shape.context;
  let count = group % shape.context + 1u;
  let most = maximum(at, count, thread);
  let total = sumOf(at, count, most, thread);
  for (var c = thread; c < shape.context; c += THREADS) {
    var p = 0u;
    if (c < count) { p = kept(div(fromInt(i32(entryOf(most, x[at + c]))), total)); }
    out_[at + c] = p;
  }
}`,
};

/** A dot product of two mantissas' rows: `term(at, c)` is a product of mantissas; value = total * 2^exponent. */
const DOT_WGSL = /* wgsl */ `
${EXPONENT_WGSL}
/** Totals of chunks of 1,024 terms. */
var<workgroup> totals: array<atomic<i32>, 64>;
fn dot_(at: u32, count: u32, a: i32, b: i32, exponent: i32, thread: u32) -> u32 {
  let chunks = (count + 1023u) / 1024u;
  for (var chunk = 0u; chunk < chunks; chunk++) {
    var total = 0i;
    for (var c = 1024u * chunk + thread; c < min(1024u * chunk + 1024u, count); c += THREADS) { total += term(at + c, a, b); }
    atomicAdd(&totals[chunk], total);
  }
  workgroupBarrier();
  var result = fromScaled(atomicLoad(&totals[0]), exponent);
  for (var chunk = 1u; chunk < chunks; chunk++) { result = add(result, fromScaled(atomicLoad(&totals[chunk]), exponent)); }
  return result;
}
`;

/** ds from probabilities and their gradient, as in attention.ts. */
export const CAUSAL_SOFTMAX_GRAD: RowKernel = {
  name: 'causalSoftmaxGrad',
  shape: ['context', 'scale'],
  buffers: [{ name: 'p' }, { name: 'dp' }, { name: 'out_', out: true }],
  code: /* wgsl */ `
fn term(i: u32, a: i32, b: i32) -> i32 { return min(fixed(p[i], 7), 127) * fixed(dp[i], -b); }
${DOT_WGSL}
fn run(group: u32, thread: u32) {
  let at = group * shape.context;
  let count = group % shape.context + 1u;
  var top = 0u;
  for (var c = thread; c < count; c += THREADS) { top = max(top, dp[at + c] & MAGNITUDE); }
  let e = exponentKept(largest(thread, top), 14u);
  let u = dot_(at, count, 0, e, e - 7, thread);
  for (var c = thread; c < shape.context; c += THREADS) {
    var ds = 0u;
    if (c < count) { ds = kept(mul(mul(p[at + c], sub(dp[at + c], u)), shape.scale)); }
    out_[at + c] = ds;
  }
}`,
};

/** RMSNorm, as in norm.ts; `gain` is where the gains begin in theta. */
export const NORM: RowKernel = {
  name: 'norm',
  shape: ['columns', 'share', 'gain'],
  buffers: [{ name: 'x' }, { name: 'theta' }, { name: 'inverse', out: true }, { name: 'out_', out: true }],
  code: /* wgsl */ `
fn term(i: u32, a: i32, b: i32) -> i32 { let q = fixed(x[i], -a); return q * q; }
${DOT_WGSL}
fn run(group: u32, thread: u32) {
  let at = group * shape.columns;
  var top = 0u;
  for (var c = thread; c < shape.columns; c += THREADS) { top = max(top, x[at + c] & MAGNITUDE); }
  let e = exponentKept(largest(thread, top), 8u);
  let mean = mul(dot_(at, shape.columns, e, e, 2 * e, thread), shape.share);
  if (mean >= INFINITE) { refuse(); }
  // The binary32 nearest 1e-5.
  let scale = div(ONE, root(add(mean, 0x3727c5acu)));
  if (thread == 0u) { inverse[group] = scale; }
  for (var c = thread; c < shape.columns; c += THREADS) {
    out_[at + c] = kept(mul(mul(x[at + c], scale), theta[shape.gain + c]));
  }
}`,
};

/** Its gradient by x. A thread reads back only what it wrote itself: t of its columns stands in `out` meanwhile. */
export const NORM_INPUT_GRAD: RowKernel = {
  name: 'normInputGrad',
  shape: ['columns', 'share', 'gain'],
  buffers: [{ name: 'x' }, { name: 'theta' }, { name: 'inverse' }, { name: 'dy' }, { name: 'out_', out: true }],
  code: /* wgsl */ `
fn term(i: u32, a: i32, b: i32) -> i32 { return fixed(x[i], -a) * fixed(out_[i], -b); }
${DOT_WGSL}
fn run(group: u32, thread: u32) {
  let at = group * shape.columns;
  var top = 0u;
  var topT = 0u;
  for (var c = thread; c < shape.columns; c += THREADS) {
    let t = flush(mul(theta[shape.gain + c], dy[at + c]));
    out_[at + c] = t;
    top = max(top, x[at + c] & MAGNITUDE);
    topT = max(topT, t & MAGNITUDE);
  }
  let e = exponentKept(largest(thread, top), 8u);
  let f = exponentKept(largest(thread, topT), 14u);
  let mean = mul(dot_(at, shape.columns, e, f, e + f, thread), shape.share);
  let scale = inverse[group];
  let k = mul(mul(mul(scale, scale), scale), mean);
  for (var c = thread; c < shape.columns; c += THREADS) {
    out_[at + c] = kept(sub(mul(out_[at + c], scale), mul(x[at + c], k)));
  }
}`,
};
