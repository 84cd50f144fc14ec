// SPDX-License-Identifier: Apache-2.0
// Our side of the memory benchmark, in a process of its own: reads the task in a folder, trains its batches, prints one JSON
// line. Nothing of the project is imported before the baseline is read.
//   node bench/memory-side.ts FOLDER BACKEND THREADS
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { peakKiB } from './memory-peak.ts';

const baseline = peakKiB();
const [folder = '', backend, threads] = process.argv.slice(2);
const { nativeBackend, wasmBackend } = await import('../train/wasm.ts');
const { openParts } = await import('../miner/artifact/file-parts.ts');
const { validateSpec } = await import('../train/validate.ts');
const { sampleBytes } = await import('../train/spec.ts');

const spec = validateSpec(JSON.parse(readFileSync(join(folder, 'spec.json'), 'utf8')));
const options = { threads: Number(threads) };
const trainer = (backend === 'native' ? nativeBackend(options) : wasmBackend(options)).create(spec);
const state = openParts(join(folder, 'state.bin'));
trainer.load(state);
state.close();
const batches = new Uint8Array(readFileSync(join(folder, 'batches.bin')));
const bytes = spec.batchSize * sampleBytes(spec.model);
const losses: number[] = [];
const started = performance.now();
for (let at = 0; at < batches.length; at += bytes) {
  const { loss } = trainer.step(batches.subarray(at, at + bytes), losses.length + 1);
  losses.push(Number(loss) / 65536 / spec.batchSize);
}
const seconds = (performance.now() - started) / 1000 / losses.length;
const result = { baseline, peak: peakKiB(), parameters: trainer.layout.count, planned: trainer.plan.bytes / 1024, losses, seconds };
await trainer.close();
process.stdout.write(`${JSON.stringify(result)}\n`);
