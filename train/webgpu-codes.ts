// SPDX-License-Identifier: Apache-2.0
// The gradient codes of codes.ts on a GPU: the one place there that knows them.
import { halfStep } from './codes.ts';
import { codeBlockBytes } from './layout.ts';
import type { CodeBits } from './spec.ts';
import type { Kernel } from './webgpu-shader.ts';

/** Four blocks of 64 values in a workgroup of 64 threads with four neighbours each. */
export function encode(bits: CodeBits): Kernel {
  // The bytes of a block are the words of four.
  const code = /* wgsl */ `
var<workgroup> tops: array<u32, 64>;
var<workgroup> exponents: array<u32, 64>;
/** Four codes of four bits, and from bit 16 on their fifth bits. */
var<workgroup> fours: array<u32, 64>;
fn codeOf(value: u32, e: u32) -> u32 {
  let magnitude = value & MAGNITUDE;
  if ((magnitude >> 23u) + 1u < e) { return 0u; }
  let near = magnitude + ${halfStep(bits)}u;
  let t = i32(near >> 23u) - i32(e) + 1;
  let fifth = select((near >> 22u) & 1u, 1u, t > 7);
  return u32(clamp(t, 1, 7)) | ((value >> 28u) & 8u) | ${bits === 4 ? '0u' : 'select(fifth << 16u, 0u, t < 1)'};
}
/** Byte number b of the four blocks. */
fn byteAt(b: u32) -> u32 {
  let first = 16u * (b / ${codeBlockBytes(bits)}u);
  let at = b % ${codeBlockBytes(bits)}u;
  if (at == 0u) { return exponents[first]; }
  if (at < 33u) { return (fours[first + (at - 1u) / 2u] >> (8u * ((at - 1u) % 2u))) & 255u; }
  return (fours[first + 2u * (at - 33u)] >> 16u) | ((fours[first + 2u * (at - 33u) + 1u] >> 16u) << 4u);
}
fn run(group: u32, thread: u32) {
  let begin = 256u * group + 4u * thread;
  var top = 0u;
  for (var k = 0u; k < 4u; k++) { top = max(top, gradient[begin + k] & MAGNITUDE); }
  tops[thread] = top;
  workgroupBarrier();
  for (var k = 0u; k < 16u; k++) { top = max(top, tops[(thread & 48u) + k]); }
  if (top >= INFINITE) { refuse(); }
  let e = u32(clamp(i32((top + ${halfStep(bits)}u) >> 23u) - 6, 70, 180));
  exponents[thread] = e;
  var four = 0u;
  for (var k = 0u; k < 4u; k++) {
    let c = codeOf(gradient[begin + k], e);
    four |= ((c & 15u) << (4u * k)) | ((c & 0x10000u) << k);
  }
  fours[thread] = four;
  workgroupBarrier();
  if (thread < ${codeBlockBytes(bits)}u) {
    let b = 4u * thread;
    codes[${codeBlockBytes(bits)}u * group + thread] = byteAt(b) | (byteAt(b + 1u) << 8u) | (byteAt(b + 2u) << 16u) | (byteAt(b + 3u) << 24u);
  }
}`;
  return { name: `encode ${bits}`, shape: [], buffers: [{ name: 'gradient' }, { name: 'codes', out: true }], threads: 64, code };
}

/** `decoded(i)`: the decoded gradient of parameter i. */
export function decodeWgsl(bits: CodeBits): string {
  const fifth = bits === 4 ? '0u' : `(((codeByte(first + 33u + i % 64u / 8u) >> (i % 8u)) & 1u) << 22u)`;
  return /* wgsl */ `
fn codeByte(b: u32) -> u32 { return (codes[b / 4u] >> (8u * (b % 4u))) & 255u; }
fn decoded(i: u32) -> u32 {
  let first = ${codeBlockBytes(bits)}u * (i / 64u);
  let code = (codeByte(first + 1u + i % 64u / 2u) >> (4u * (i % 2u))) & 15u;
  let magnitude = ((codeByte(first) + (code & 7u) - 1u) << 23u) | ${fifth};
  return select(((code & 8u) << 28u) | magnitude, 0u, (code & 7u) == 0u);
}
`;
}
