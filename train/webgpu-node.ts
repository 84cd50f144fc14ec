// SPDX-License-Identifier: Apache-2.0
// WebGPU in Node: the package `webgpu` (Dawn, with its binaries), where it is installed and a driver is.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { BackendUnavailableError } from './errors.ts';
import type { Gpu } from './webgpu-host.ts';

/** Where the Vulkan loader looks for drivers on Linux. */
const DRIVER_FOLDERS: readonly string[] = [
  join(homedir(), '.config/vulkan/icd.d'),
  join(homedir(), '.local/share/vulkan/icd.d'),
  '/etc/xdg/vulkan/icd.d',
  '/usr/local/etc/vulkan/icd.d',
  '/etc/vulkan/icd.d',
  '/usr/local/share/vulkan/icd.d',
  '/usr/share/vulkan/icd.d',
];

/** WebGPU of this process. BackendUnavailableError names what is missing: the package, or a Vulkan driver. */
export async function loadGpu(): Promise<Gpu> {
  const name: string = 'webgpu';
  try {
    createRequire(import.meta.url).resolve(name);
  } catch {
    throw new BackendUnavailableError('webgpu: the package webgpu is not installed');
  }
  if (process.platform === 'linux' && !hasVulkanDriver()) {
    throw new BackendUnavailableError('webgpu: there is no Vulkan driver (install the one of the graphics card, or name one by VK_DRIVER_FILES)');
  }
  try {
    const { create } = (await import(name)) as { create(flags: readonly string[]): Gpu };
    return create([]);
  } catch (error) {
    throw new BackendUnavailableError(`webgpu: the package webgpu does not load: ${(error as Error).message.split('\n', 1)[0]}`);
  }
}

/** Whether the Vulkan loader would find a driver's description. */
function hasVulkanDriver(): boolean {
  const named = process.env['VK_DRIVER_FILES'] ?? process.env['VK_ICD_FILENAMES'];
  if (named !== undefined) return named.split(delimiter).some((file) => existsSync(file));
  if (process.env['VK_ADD_DRIVER_FILES'] !== undefined) return true;
  return DRIVER_FOLDERS.some((folder) => existsSync(folder) && readdirSync(folder).some((file) => file.endsWith('.json')));
}
