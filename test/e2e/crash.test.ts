// SPDX-License-Identifier: Apache-2.0
// One validator on the real CometBFT, killed in every way: what was committed stays, what was not is executed again,
// each transaction has its effect once, and a node that was never disturbed computes the same application hashes.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  alive,
  appHashAfter,
  type Chain,
  cometPid,
  eventually,
  type Home,
  heightOf,
  makeChain,
  reach,
  startApp,
  startCometAlone,
  startNode,
} from '../helpers/comet.ts';
import { Payments } from '../helpers/payments.ts';

const first = (chain: Chain): Home => chain.homes[0] as Home;

/** Hashes up to `height` are those of a node that has just executed the whole chain in one go. */
async function agreesWithUndisturbed(t: TestContext, chain: Chain, height: bigint): Promise<void> {
  const follower = chain.homes[1] as Home;
  const node = startNode(t, chain, follower);
  for (const h of [1n, height / 2n, height]) assert.equal(await appHashAfter(follower, h), await appHashAfter(first(chain), h));
  await node.end();
}

test('after kill -9 of the application CometBFT ends by itself, and both continue the same chain', async (t) => {
  const chain = await makeChain(t, { followers: 1 });
  let node = startNode(t, chain, first(chain));
  const payments = await Payments.on(chain);
  for (let i = 0; i < 3; i++) {
    await payments.send();
    const comet = cometPid(node);
    const before = await heightOf(first(chain));
    await node.end('SIGKILL');
    await eventually('CometBFT ends', async () => assert.equal(alive(comet), false));
    node = startNode(t, chain, first(chain));
    await reach(first(chain), before + 2n);
  }
  await payments.settled();
  await agreesWithUndisturbed(t, chain, await heightOf(first(chain)));
});

test('after kill -9 of CometBFT the application ends with an error, and both continue the same chain', async (t) => {
  const chain = await makeChain(t);
  let node = startNode(t, chain, first(chain));
  const payments = await Payments.on(chain);
  await payments.send();
  process.kill(cometPid(node), 'SIGKILL');
  assert.equal(await node.ended, 1);
  assert.match(node.output(), /CometBFT ended \(signal SIGKILL\)/);
  node = startNode(t, chain, first(chain));
  await payments.settled();
});

test('an application that outlives CometBFT serves it again from the last commit', async (t) => {
  const chain = await makeChain(t);
  const app = startApp(t, chain, first(chain));
  let comet = startCometAlone(t, chain, first(chain));
  const payments = await Payments.on(chain);
  for (let i = 0; i < 4; i++) {
    await payments.send();
    await comet.end('SIGKILL');
    comet = startCometAlone(t, chain, first(chain));
  }
  await payments.settled();
  assert.equal(alive(app.pid), true);
});

/** CometBFT's crash points in the order of one height; the last index lies in the second height. */
const CRASH_POINTS = 14;

test('CometBFT may die at each of its crash points, with the application or without it', async (t) => {
  const chain = await makeChain(t, { followers: 1 });
  let app = startApp(t, chain, first(chain));
  let comet = startCometAlone(t, chain, first(chain));
  const payments = await Payments.on(chain);
  for (let index = 0; index < CRASH_POINTS; index++) {
    await payments.send();
    await comet.end('SIGTERM');
    const doomed = startCometAlone(t, chain, first(chain), { FAIL_TEST_INDEX: `${index}` });
    assert.equal(await doomed.ended, 1, `index ${index}`);
    assert.match(doomed.output(), new RegExp(`\\*\\*\\* fail-test ${index} \\*\\*\\*`));
    if (index % 2 === 1) {
      await app.end('SIGKILL');
      app = startApp(t, chain, first(chain));
    }
    comet = startCometAlone(t, chain, first(chain));
    // Two heights on: a crash between saving a block and its end in the log leaves the log without that end, and a
    // validator alone that stops within the next height could then not sign there again (cometbft consensus/replay.go).
    const height = await eventually('CometBFT serves again', () => heightOf(first(chain)));
    await reach(first(chain), height + 2n);
  }
  await payments.settled();
  await agreesWithUndisturbed(t, chain, await heightOf(first(chain)));
});
