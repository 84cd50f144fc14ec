// SPDX-License-Identifier: Apache-2.0
// One validator on the real CometBFT, killed in every way: what was committed stays, what was not is executed again,
// each transaction has its effect once, and a node that was never disturbed computes the same application hashes.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { decode, encode } from '../../core/codec.ts';
import { QueryBalanceRequest, QueryBalanceResponse } from '../../proto/gen/cosmos.bank.v1beta1.ts';
import {
  appHashAfter,
  type Chain,
  eventually,
  type Home,
  heightOf,
  makeChain,
  type Process,
  reach,
  startApp,
  startCometAlone,
  startNode,
} from '../helpers/comet.ts';
import { CHAIN, coinsSend, type Signer } from '../helpers/fixture.ts';

async function balanceOf(node: Home, address: string): Promise<bigint> {
  const data = encode(QueryBalanceRequest, { address, denom: CHAIN.bondDenom });
  const answer = await node.rpc.abciQuery('/cosmos.bank.v1beta1.Query/Balance', data);
  assert.equal(answer.code, 0, answer.log);
  return BigInt(decode(QueryBalanceResponse, answer.value).balance?.amount ?? '0');
}

/** Payments of one unit from one account to the other. */
class Payments {
  readonly #node: Home;
  readonly #from: Signer;
  readonly #to: Signer;
  readonly #before: bigint;
  readonly #sent: Uint8Array[] = [];

  private constructor(node: Home, from: Signer, to: Signer, before: bigint) {
    this.#node = node;
    this.#from = from;
    this.#to = to;
    this.#before = before;
  }

  static async on(chain: Chain): Promise<Payments> {
    const [node] = chain.homes;
    const [from, to] = chain.accounts;
    assert.ok(node && from && to);
    // The height that the status tells is of blocks saved; the one before is committed.
    await reach(node, 2n);
    return new Payments(node, from, to, await balanceOf(node, to.address));
  }

  /** Offers one more payment to the node's mempool. */
  async send(): Promise<void> {
    this.#sent.push(coinsSend(this.#from, this.#to, 1n));
    await this.#offer();
  }

  /** Offers every payment that no block has yet, once more: a mempool dies with its node. The same bytes, so never twice. */
  async #offer(): Promise<void> {
    const executed = Number((await balanceOf(this.#node, this.#to.address)) - this.#before);
    for (const bytes of this.#sent.slice(executed)) {
      const result = await this.#node.rpc.broadcastTxSync(bytes).catch((error: unknown) => {
        if (/tx already exists in cache/.test(String(error))) return undefined;
        throw error;
      });
      // 32: a block or the mempool has used this sequence meanwhile.
      assert.ok(result === undefined || result.code === 0 || result.code === 32, JSON.stringify(result));
    }
  }

  /** All payments arrived, each once. */
  async settled(): Promise<void> {
    const wanted = this.#before + BigInt(this.#sent.length);
    await eventually('all payments are executed', async () => {
      await this.#offer();
      assert.equal(await balanceOf(this.#node, this.#to.address), wanted);
    });
    await reach(this.#node, (await heightOf(this.#node)) + 2n);
    assert.equal(await balanceOf(this.#node, this.#to.address), wanted);
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function cometPid(node: Process): number {
  const pid = Number(/CometBFT started.*pid=(\d+)/.exec(node.output())?.[1]);
  assert.ok(pid > 0, node.output());
  return pid;
}

const first = (chain: Chain): Home => chain.homes[0] as Home;

/** Hashes up to `height` are those of a node that has just executed the whole chain in one go. */
async function agreesWithUndisturbed(t: TestContext, chain: Chain, height: bigint): Promise<void> {
  const follower = chain.homes[1] as Home;
  const node = startNode(t, chain, follower);
  for (const h of [1n, height / 2n, height]) assert.equal(await appHashAfter(follower, h), await appHashAfter(first(chain), h));
  await node.end();
}

test('one validator makes blocks, executes payments, and stops cleanly on a signal', async (t) => {
  const chain = await makeChain(t);
  const node = startNode(t, chain, first(chain));
  const payments = await Payments.on(chain);
  for (let i = 0; i < 5; i++) await payments.send();
  await payments.settled();
  const comet = cometPid(node);
  assert.equal(await node.end('SIGTERM'), 0, node.output());
  assert.equal(alive(comet), false);
});

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

test('a second node of the same home says who has it, and the first goes on', async (t) => {
  const chain = await makeChain(t);
  const node = startNode(t, chain, first(chain));
  await reach(first(chain), 2n);
  const second = startNode(t, chain, first(chain));
  assert.equal(await second.ended, 1);
  assert.match(second.output(), /another process has it open/);
  await reach(first(chain), (await heightOf(first(chain))) + 2n);
  assert.equal(await node.end(), 0);
});
