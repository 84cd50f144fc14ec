// SPDX-License-Identifier: Apache-2.0
// A convolution is a linear layer over patches (im2col). Matrices hold one pixel per row, channels in columns; a
// patch's columns are (channel, ky, kx), PyTorch's order of a convolution's weight.
import type { Geometry } from './tensors.ts';

/** Calls `each` with the element of the image and the element of the patches for every pair inside the image. */
function forEachPair(g: Geometry, ky: number, kx: number, images: number, each: (pixel: number, patch: number) => void): void {
  for (let image = 0; image < images; image++) {
    for (let oy = 0; oy < g.outHeight; oy++) {
      const y = oy * g.stride + ky - g.pad;
      if (y < 0 || y >= g.height) continue;
      for (let ox = 0; ox < g.outWidth; ox++) {
        const x = ox * g.stride + kx - g.pad;
        if (x >= 0 && x < g.width) each((image * g.height + y) * g.width + x, (image * g.outHeight + oy) * g.outWidth + ox);
      }
    }
  }
}

/** out[patch, (channel, ky, kx)] = x[pixel, channel], +0 where the kernel reaches outside the image. */
export function patches(g: Geometry, x: Float32Array, out: Float32Array): void {
  const images = x.length / (g.height * g.width * g.channels);
  const area = g.kernel * g.kernel;
  out.fill(0);
  for (let tap = 0; tap < area; tap++) {
    forEachPair(g, Math.floor(tap / g.kernel), tap % g.kernel, images, (pixel, patch) => {
      for (let c = 0; c < g.channels; c++) out[(patch * g.channels + c) * area + tap] = x[pixel * g.channels + c] as number;
    });
  }
}

/** out[pixel, channel] = sum from +0 over (ky, kx), ascending, of dy[patch, (channel, ky, kx)], one binary32 addition each. */
export function patchesGrad(g: Geometry, dy: Float32Array, out: Float32Array): void {
  const images = out.length / (g.height * g.width * g.channels);
  const area = g.kernel * g.kernel;
  out.fill(0);
  for (let tap = 0; tap < area; tap++) {
    forEachPair(g, Math.floor(tap / g.kernel), tap % g.kernel, images, (pixel, patch) => {
      for (let c = 0; c < g.channels; c++) {
        const at = pixel * g.channels + c;
        out[at] = Math.fround((out[at] as number) + (dy[(patch * g.channels + c) * area + tap] as number));
      }
    });
  }
}
