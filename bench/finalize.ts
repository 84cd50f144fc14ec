// SPDX-License-Identifier: Apache-2.0
// FinalizeBlock of 500 payments, signatures included, over the store in memory; ten blocks.
import { coinsSend, fixture } from '../test/helpers/fixture.ts';

const SENDS = 500;
const BLOCKS = 10;
const { comet, accounts } = fixture(SENDS, { invariants: false });
const times: number[] = [];
let code = 0;
for (let block = 0; block < BLOCKS + 2; block++) {
  const txs = accounts.map((from, i) => coinsSend(from, accounts[(i + 1) % SENDS] ?? from, 5n));
  const started = performance.now();
  const request = comet.request(txs);
  const { txResults } = comet.app.finalizeBlock(request);
  const ms = performance.now() - started;
  code += txResults.reduce((sum, r) => sum + r.code, 0);
  // A repeated call for the same height, as after a restart of the node, then the commit.
  await comet.deliver(txs);
  if (block >= 2) times.push(ms);
}
times.sort((a, b) => a - b);
const median = times[BLOCKS >> 1] ?? 0;
process.stdout.write(
  `FinalizeBlock of ${SENDS} bank sends: median ${median.toFixed(0)} ms, best ${(times[0] ?? 0).toFixed(0)} ms (${(median / SENDS).toFixed(3)} ms each), ${code === 0 ? 'all succeeded' : 'FAILURES'}\n`,
);
