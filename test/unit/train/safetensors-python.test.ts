// SPDX-License-Identifier: Apache-2.0
// Others read our models: Python opens a file by its format alone, lists what is in it and runs the network.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { initialState } from '../../../train/init.ts';
import { layoutOf } from '../../../train/layout.ts';
import { reference } from '../../../train/reference.ts';
import { toSafetensors } from '../../../train/safetensors.ts';
import type { TrainSpec } from '../../../train/spec.ts';
import { thetaOf } from '../../../train/state.ts';
import { validateSpec } from '../../../train/validate.ts';
import { ADAMW, mlpSpec } from '../../vectors/train/specs.ts';

const hasPython = spawnSync('python3', ['-c', 'import json, struct']).status === 0;
const skip = hasPython ? false : 'python3 is not here';

/** Prints every tensor: name, shape, values as bits; then what an mlp says to the inputs in argv[2]. */
const READER = `
import json, struct, sys
raw = open(sys.argv[1], 'rb').read()
size = struct.unpack('<Q', raw[:8])[0]
header = json.loads(raw[8:8 + size])
meta = header.pop('__metadata__')
tensors, values = {}, {}
for name, entry in header.items():
    start, end = entry['data_offsets']
    assert entry['dtype'] == 'F32'
    data = raw[8 + size + start:8 + size + end]
    count = 1
    for n in entry['shape']: count *= n
    assert len(data) == 4 * count
    tensors[name] = [entry['shape'], list(struct.unpack('<%dI' % count, data))]
    values[name] = struct.unpack('<%df' % count, data)
out = {'meta': meta, 'tensors': tensors}
if len(sys.argv) > 2:
    x = json.loads(sys.argv[2])
    layers = len(header) // 2
    for l in range(layers):
        w, b = values['layers.%d.weight' % l], values['layers.%d.bias' % l]
        y = [b[o] + sum(w[o * len(x) + i] * x[i] for i in range(len(x))) for o in range(len(b))]
        x = y if l == layers - 1 else [max(0.0, v) for v in y]
    out['logits'] = x
print(json.dumps(out))
`;

interface Read {
  readonly meta: Readonly<Record<string, string>>;
  readonly tensors: Readonly<Record<string, readonly [shape: readonly number[], bits: readonly number[]]>>;
  readonly logits?: readonly number[];
}

function readInPython(spec: TrainSpec, state: Uint8Array, inputs?: readonly number[]): Read {
  const folder = mkdtempSync(join(tmpdir(), 'pogo-python-'));
  try {
    const file = join(folder, 'model.safetensors');
    writeFileSync(file, toSafetensors(spec, state, { job: '3' }));
    const args = ['-c', READER, file, ...(inputs === undefined ? [] : [JSON.stringify(inputs)])];
    const { status, stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout) as Read;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function specOf(model: object): TrainSpec {
  const schedule = { baseRate: 0x3f000000, warmupSteps: 0, totalSteps: 10, floorRatio: 0 };
  return validateSpec({ arithmetic: 'exact8', model, optimizer: ADAMW, schedule, batchSize: 2 });
}

const CONVOLUTIONS = [{ filters: 3, kernel: 3, stride: 2 }];
const SPECS: readonly TrainSpec[] = [
  mlpSpec([6, 5, 3]),
  specOf({ kind: 'gpt', vocab: 20, context: 4, width: 6, layers: 2, heads: 2, tied: true }),
  specOf({ kind: 'cnn', height: 8, width: 8, channels: 2, convolutions: CONVOLUTIONS, hidden: [4], classes: 3, inputExponent: 0 }),
];

for (const spec of SPECS) {
  test(`Python reads every tensor of a ${spec.model.kind}, bit for bit`, { skip }, () => {
    const state = initialState(spec, new Uint8Array(32).fill(6));
    const theta = thetaOf(layoutOf(spec), state);
    const { tensors, meta } = readInPython(spec, state);
    assert.deepEqual(meta, { job: '3' });
    const layout = layoutOf(spec);
    assert.deepEqual(
      Object.keys(tensors),
      layout.tensors.map((t) => t.name),
    );
    for (const { name, shape, offset, count } of layout.tensors) {
      const bits = [...new Uint32Array(theta.buffer, theta.byteOffset + 4 * offset, count)];
      assert.deepEqual(tensors[name], [[...shape], bits]);
    }
  });
}

test('the network that Python runs from the file says what ours says', { skip }, () => {
  const spec = mlpSpec([6, 5, 3], 1);
  const state = initialState(spec, new Uint8Array(32).fill(6));
  const trainer = reference.create(spec);
  trainer.load(state);
  for (const sample of [
    [9, 200, 31, 4, 0, 255],
    [255, 0, 0, 120, 64, 3],
  ]) {
    const { logits = [] } = readInPython(
      spec,
      state,
      sample.map((byte) => byte / 256),
    );
    const { activations } = trainer.gradient(Uint8Array.from([...sample, 0]));
    const ours = new Float32Array(activations.buffer.slice(0, 12));
    // Ours are products of operands rounded to 8 bits of their slice's largest: a few hundredths, with so few terms.
    const largest = Math.max(...logits.map(Math.abs));
    logits.forEach((logit, i) => {
      assert.ok(Math.abs(logit - (ours[i] as number)) < 0.1 * largest, `logit ${i}: ${logit} and ${ours[i]}`);
    });
  }
});
