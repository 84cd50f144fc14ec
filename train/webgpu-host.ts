// SPDX-License-Identifier: Apache-2.0
// The part of WebGPU that is used here, typed: browsers have it as `navigator.gpu`, Node by a package that may be absent.

export interface Gpu {
  readonly wgslLanguageFeatures: { has(feature: string): boolean };
  requestAdapter(options: { readonly powerPreference: 'high-performance' }): Promise<GpuAdapter | null>;
}

export interface GpuAdapter {
  readonly info: { readonly vendor: string; readonly architecture: string; readonly description: string; readonly isFallbackAdapter?: boolean };
  readonly limits: GpuLimits;
  requestDevice(options: { readonly requiredLimits: Partial<GpuLimits> }): Promise<GpuDevice>;
}

export interface GpuLimits {
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
  readonly maxComputeWorkgroupsPerDimension: number;
}

export interface GpuBuffer {
  readonly size: number;
  mapAsync(mode: number, offset: number, size: number): Promise<void>;
  getMappedRange(offset: number, size: number): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

export interface GpuPass {
  setPipeline(pipeline: object): void;
  setBindGroup(index: number, group: object): void;
  dispatchWorkgroups(x: number, y: number): void;
  end(): void;
}

interface GpuEncoder {
  beginComputePass(): GpuPass;
  clearBuffer(buffer: GpuBuffer): void;
  copyBufferToBuffer(from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, size: number): void;
  finish(): object;
}

export interface GpuLayoutEntry {
  readonly binding: number;
  readonly visibility: number;
  readonly buffer: { readonly type: 'uniform' | 'storage' | 'read-only-storage' };
}

export interface GpuBinding {
  readonly binding: number;
  readonly resource: { readonly buffer: GpuBuffer; readonly offset?: number; readonly size?: number };
}

export interface GpuDevice {
  readonly limits: GpuLimits;
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  readonly queue: {
    writeBuffer(buffer: GpuBuffer, offset: number, data: Uint8Array | Uint32Array): void;
    submit(commands: readonly object[]): void;
  };
  createBuffer(options: { readonly size: number; readonly usage: number }): GpuBuffer;
  createShaderModule(options: { readonly code: string }): object;
  createBindGroupLayout(options: { readonly entries: readonly GpuLayoutEntry[] }): object;
  createPipelineLayout(options: { readonly bindGroupLayouts: readonly object[] }): object;
  createComputePipelineAsync(options: { readonly layout: object; readonly compute: { readonly module: object } }): Promise<object>;
  createBindGroup(options: { readonly layout: object; readonly entries: readonly GpuBinding[] }): object;
  createCommandEncoder(): GpuEncoder;
  pushErrorScope(filter: 'validation' | 'out-of-memory'): void;
  popErrorScope(): Promise<{ readonly message: string } | null>;
  destroy(): void;
}

/** Bits of GPUBufferUsage, GPUMapMode and GPUShaderStage, which are globals in a browser only. */
export const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const;
export const MAP_READ = 1;
export const STAGE_COMPUTE = 4;
