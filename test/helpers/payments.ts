// SPDX-License-Identifier: Apache-2.0
// Payments through a node's RPC that arrive once each, whatever happens to the node meanwhile.
import assert from 'node:assert/strict';
import { decode, encode } from '../../core/codec.ts';
import { QueryBalanceRequest, QueryBalanceResponse } from '../../proto/gen/cosmos.bank.v1beta1.ts';
import { type Chain, eventually, type Home, heightOf, reach } from './comet.ts';
import { CHAIN, coinsSend, type Signer } from './fixture.ts';

/** What the node's last commit says an address owns of the bond denomination. */
export async function balanceOf(node: Home, address: string): Promise<bigint> {
  const data = encode(QueryBalanceRequest, { address, denom: CHAIN.bondDenom });
  const answer = await node.rpc.abciQuery('/cosmos.bank.v1beta1.Query/Balance', data);
  assert.equal(answer.code, 0, answer.log);
  return BigInt(decode(QueryBalanceResponse, answer.value).balance?.amount ?? '0');
}

/** Payments of one unit from one account to the other. */
export class Payments {
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
