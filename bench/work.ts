// SPDX-License-Identifier: Apache-2.0
// One round of a job through the miner's work layer, without a chain: first state, training, another start from the first
// checkpoint, and a verifier's check with one step executed again. Each is a process of its own, whose peak resident memory
// is printed. Linux.
//   npm run -s bench -- work --job FILE --steps N --checkpoint-every N --backend native|wasm [--folder PATH] [--json]
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { serialize } from 'node:v8';
import { jobMessage } from '../localnet/job.ts';
import type { RoundContext } from '../miner/work/context.ts';
import { present } from '../miner/work/context.ts';
import { specFromProto } from '../modules/pogo/spec.ts';
import { layoutOf } from '../train/layout.ts';

const run = promisify(execFile);
const PHASES = ['init', 'train', 'resume', 'verify'] as const;

const { values } = parseArgs({
  options: {
    job: { type: 'string', default: 'examples/kjv-gpt-100m.json' },
    steps: { type: 'string', default: '4' },
    'checkpoint-every': { type: 'string', default: '2' },
    backend: { type: 'string', default: 'native' },
    folder: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
if (values.backend !== 'wasm' && values.backend !== 'native') throw new Error('bench: --backend must be wasm or native');
const [steps, checkpointEvery] = [Number(values.steps), Number(values['checkpoint-every'])];
if (!Number.isInteger(steps) || !(checkpointEvery >= 1 && checkpointEvery < steps))
  throw new Error('bench: --checkpoint-every must be below --steps');

const message = await jobMessage(values.job, 'owner');
const spec = specFromProto(message.spec);
const context: RoundContext = {
  chainId: 'bench-1',
  job: 1n,
  round: 1n,
  spec,
  terms: { ...present(message.terms, 'round'), steps, checkpointEvery },
  seed: new Uint8Array(32).fill(4),
  parentRoot: message.initStateRoot,
  stepsBefore: 0,
  training: present(message.training, 'training'),
  evaluation: present(message.evaluation, 'evaluation'),
};
const folder = await mkdtemp(join(values.folder ?? tmpdir(), 'pogo-work-'));
const phases: Record<string, unknown> = {};
try {
  await writeFile(join(folder, 'round'), serialize({ context, seed: message.initSeed }));
  for (const phase of PHASES) {
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'work-phase.ts'), folder, phase, values.backend], {
      maxBuffer: 2 ** 24,
    });
    phases[phase] = JSON.parse(stdout);
    process.stderr.write(`${phase}: ${stdout}`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
const { count, stateBytes, codeBytes } = layoutOf(spec);
const result = {
  job: message.title,
  backend: values.backend,
  parameters: count,
  state_bytes: stateBytes,
  code_bytes: codeBytes,
  steps,
  checkpointEvery,
  phases,
};
process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : `${JSON.stringify(result, undefined, 2)}\n`);
