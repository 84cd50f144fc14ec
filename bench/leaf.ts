// SPDX-License-Identifier: Apache-2.0
// What the chain does for one answered challenge of the default job: paths, bindings, batch digests, ten updates of 1,024
// parameters and the 4-bit form; and the size of the answer. Options: --json, --checks N.
import { parseArgs } from 'node:util';
import { useNativeSha256 } from '../abci/crypto.ts';
import { encode } from '../core/codec.ts';
import { openDataset } from '../miner/data/dataset.ts';
import { checkOpening } from '../modules/pogo/opening.ts';
import { LeafOpening } from '../proto/gen/pogo.v1.ts';
import { mnistSpec } from '../test/vectors/train/mnist.ts';
import { initialState } from '../train/init.ts';
import { layoutOf } from '../train/layout.ts';
import { pathOf, treeOf } from '../train/merkle.ts';
import { wholeOf } from '../train/parts.ts';
import { codeTree, type RoundInput, runRound, type StepProgress, stateTree } from '../train/round.ts';
import { wasmBackend } from '../train/wasm.ts';

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, checks: { type: 'string', default: '200' } } });
useNativeSha256();
const spec = mnistSpec();
const layout = layoutOf(spec);
const dataset = await openDataset('mnist/train');
const parentState = initialState(spec, new Uint8Array(32).fill(7));
const binding = { chainId: 'bench-1', job: 1n, round: 1n, miner: new Uint8Array(20).fill(1) };
const input: RoundInput = { binding, roundSeed: new Uint8Array(32).fill(3), parentState, stepsBefore: 0, steps: 100, checkpointEvery: 10, dataset };

const steps: StepProgress[] = [];
const run = runRound(wasmBackend().create(spec), input);
let next = await run.next();
for (; !next.done; next = await run.next()) steps.push(next.value);
const result = next.value;
const finalState = wholeOf(result.finalState, layout.stateLeafBytes);
const trace = treeOf(result.records);

function leafOf(
  bytes: Uint8Array,
  size: number,
  leaf: number,
  tree = size === layout.codeLeafBytes ? codeTree(spec, bytes) : stateTree(spec, bytes),
) {
  return { leaf: bytes.slice(leaf * size, (leaf + 1) * size), path: pathOf(tree, leaf) };
}

function record(step: number) {
  return { record: result.records[step - 1] as Uint8Array, path: pathOf(trace, step - 1) };
}

/** The last segment: it also opens the 4-bit leaf. */
function opening(leaf: number): LeafOpening {
  const before = steps[89]?.state as Uint8Array;
  return {
    segment: 9,
    leaf,
    before: record(90),
    records: Array.from({ length: 10 }, (_, i) => record(91 + i)),
    oldLeaf: leafOf(before, layout.stateLeafBytes, leaf),
    codes: steps.slice(90).map((s) => leafOf(s.codes, layout.codeLeafBytes, leaf)),
    newLeaf: leafOf(finalState, layout.stateLeafBytes, leaf),
    code4Leaf: leafOf(result.model4, layout.codeLeafBytes, leaf),
  };
}

const ctx = {
  binding,
  spec,
  terms: { steps: 100, checkpointEvery: 10 },
  roundSeed: input.roundSeed,
  samples: dataset.size,
  parentRoot: stateTree(spec, parentState).root,
  stepsBefore: 0,
  traceRoot: result.traceRoot,
  stateRoot: result.finalRoot,
  code4Root: result.model4Root,
};
const openings = [0, 17, 42, 101].map(opening);
const times: number[] = [];
for (let i = 0; i < Number(values.checks) + 20; i++) {
  const started = performance.now();
  const outcome = checkOpening(ctx, openings[i % openings.length] as LeafOpening);
  const ms = performance.now() - started;
  if (outcome.kind !== 'ok') throw new Error(`an honest opening was found ${JSON.stringify(outcome)}`);
  // The first calls are compiled.
  if (i >= 20) times.push(ms);
}
times.sort((a, b) => a - b);
const figures = {
  milliseconds_median: Number((times[times.length >> 1] ?? 0).toFixed(3)),
  milliseconds_p95: Number((times[Math.floor(times.length * 0.95)] ?? 0).toFixed(3)),
  bytes: encode(LeafOpening, openings[1] as LeafOpening).length,
  checks: times.length,
};
process.stdout.write(
  values.json
    ? `${JSON.stringify(figures)}\n`
    : `leaf check: median ${figures.milliseconds_median} ms, 95 % under ${figures.milliseconds_p95} ms; an answer has ${figures.bytes} bytes\n`,
);
