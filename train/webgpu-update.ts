// SPDX-License-Identifier: Apache-2.0
// What happens to the gradient in the padded layout: clipping, the update from the codes, and the 4-bit form of the
// parameters. The rules are those of clip.ts, update.ts and model4.ts.
import type { CodeBits } from './spec.ts';
import { decodeWgsl } from './webgpu-codes.ts';
import { EXPONENT_WGSL } from './webgpu-quantise.ts';
import type { RowKernel } from './webgpu-rows.ts';
import { elementwise, type Kernel } from './webgpu-shader.ts';

/** dot(Q14(leaf), Q8(leaf)); one workgroup for each leaf. */
export const LEAF_NORMS: RowKernel = {
  name: 'leafNorms',
  shape: [],
  buffers: [{ name: 'gradient' }, { name: 'norms', out: true }],
  code: /* wgsl */ `
${EXPONENT_WGSL}
fn run(group: u32, thread: u32) {
  var top = 0u;
  for (var i = 1024u * group + thread; i < 1024u * group + 1024u; i += THREADS) { top = max(top, gradient[i] & MAGNITUDE); }
  top = largest(thread, top);
  let e = exponentKept(top, 14u);
  let f = exponentKept(top, 8u);
  var total = 0i;
  for (var i = 1024u * group + thread; i < 1024u * group + 1024u; i += THREADS) { total += fixed(gradient[i], -e) * fixed(gradient[i], -f); }
  total = bitcast<i32>(sum(thread, bitcast<u32>(total)));
  if (thread == 0u) { norms[group] = fromScaled(total, e + f); }
}`,
};

/** The factor that clips, or 1; one workgroup, in which one thread adds, since the order of additions is fixed. */
export const CLIP_FACTOR: RowKernel = {
  name: 'clipFactor',
  shape: ['leaves', 'limit'],
  buffers: [{ name: 'norms' }, { name: 'factor', out: true }],
  code: /* wgsl */ `
var<workgroup> ahead: array<u32, THREADS>;
fn run(group: u32, thread: u32) {
  var value = 0u;
  for (var first = 0u; first < shape.leaves; first += THREADS) {
    workgroupBarrier();
    if (first + thread < shape.leaves) { ahead[thread] = norms[first + thread]; }
    workgroupBarrier();
    if (thread == 0u) {
      for (var i = 0u; i < min(THREADS, shape.leaves - first); i++) { value = add(value, ahead[i]); }
    }
  }
  if (thread == 0u) {
    let norm = root(value);
    factor[0] = ONE;
    if (norm > shape.limit) { factor[0] = div(shape.limit, norm); }
  }
}`,
};

export const CLIP: Kernel = elementwise(
  'clip',
  [],
  [{ name: 'factor' }, { name: 'gradient', out: true }],
  '  gradient[i] = kept(mul(gradient[i], factor[0]));',
);

/** Order of the numbers in `coefficients` (update.ts, Coefficients). */
export const COEFFICIENTS = ['rate', 'momentum', 'beta1', 'gain1', 'beta2', 'gain2', 'epsilon', 'keep', 'stepSize', 'rootScale'] as const;

/** coefficients named as in update.ts. */
function named(text: string): string {
  return text.replace(/\bc\.(\w+)/g, (_, name: string) => `coefficients[${COEFFICIENTS.indexOf(name as 'rate')}]`);
}

function updateKernel(name: string, moments: readonly string[], code: string, bits: CodeBits): Kernel {
  const state = ['theta', ...moments].map((array) => ({ name: array, out: true }));
  const kernel = elementwise(`${name} ${bits}`, [], [{ name: 'coefficients' }, { name: 'codes' }, ...state], named(code));
  return { ...kernel, code: decodeWgsl(bits) + kernel.code };
}

const SGD = `  let moment = kept(add(mul(c.momentum, m[i]), decoded(i)));
  m[i] = moment;
  theta[i] = kept(sub(theta[i], mul(c.rate, moment)));`;

const ADAMW = `  let g = decoded(i);
  let first = kept(add(mul(c.beta1, m[i]), mul(c.gain1, g)));
  var second = add(mul(c.beta2, v[i]), mul(c.gain2, mul(g, g)));
  if (second >= INFINITE) { refuse(); }
  // 2^-100
  second = select(second, 0u, second < 0x0d800000u);
  m[i] = first;
  v[i] = second;
  let direction = flush(div(first, add(mul(root(second), c.rootScale), c.epsilon)));
  theta[i] = kept(sub(mul(c.keep, theta[i]), mul(c.stepSize, direction)));`;

/** theta and the moments from the codes. */
export function update(kind: 'sgd' | 'adamw', bits: CodeBits): Kernel {
  return kind === 'sgd' ? updateKernel(kind, ['m'], SGD, bits) : updateKernel(kind, ['m', 'v'], ADAMW, bits);
}

/** What the 4-bit form of the parameters stands for: four blocks of 64 in a workgroup, four neighbours a thread. */
export const MODEL4: Kernel = {
  name: 'model4',
  shape: [],
  buffers: [{ name: 'theta' }, { name: 'theta4', out: true }],
  threads: 64,
  code: /* wgsl */ `
${EXPONENT_WGSL}
var<workgroup> tops: array<u32, 64>;
fn run(group: u32, thread: u32) {
  let begin = 256u * group + 4u * thread;
  var top = 0u;
  for (var k = 0u; k < 4u; k++) { top = max(top, theta[begin + k] & MAGNITUDE); }
  tops[thread] = top;
  workgroupBarrier();
  for (var k = 0u; k < 16u; k++) { top = max(top, tops[(thread & 48u) + k]); }
  let e = exponentKept(top, 4u);
  for (var k = 0u; k < 4u; k++) { theta4[begin + k] = fromScaled(fixed(theta[begin + k], -e), e); }
}`,
};
