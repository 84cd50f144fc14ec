// SPDX-License-Identifier: Apache-2.0
// A fixed history of blocks with good and bad transactions; its application hashes must be the same everywhere. Run
// as a program with --print it writes them line by line.
import { toHex } from '../../core/bytes.ts';
import * as bank from '../../proto/gen/cosmos.bank.v1beta1.ts';
import { coinsSend, fixture, message, type Signer, sign, signer } from './fixture.ts';
import type { MockComet } from './mockcomet.ts';

export interface ScenarioOptions {
  readonly restartEveryBlock?: boolean;
  /** Told of the chain at the end. */
  readonly onEnd?: (comet: MockComet) => void;
}

/** A generator of small numbers that needs no library (Lehmer, MINSTD). */
function lehmer(seed: number): (bound: number) => number {
  let x = seed;
  return (bound) => {
    x = (x * 48_271) % 2_147_483_647;
    return x % bound;
  };
}

function transactions(accounts: readonly Signer[], height: number, next: (bound: number) => number): Uint8Array[] {
  const pick = (): Signer => accounts[next(accounts.length)] as Signer;
  const txs: Uint8Array[] = [];
  for (let i = 0; i < 4; i++) {
    const from = pick();
    const kind = next(6);
    if (kind === 0) txs.push(coinsSend(from, signer(`new ${height} ${i}`), BigInt(1 + next(1000))));
    else if (kind === 1) txs.push(coinsSend(from, pick(), 10n ** 15n));
    else if (kind === 2) txs.push(coinsSend({ ...from, sequence: from.sequence + 9n }, pick(), 1n));
    else if (kind === 3) txs.push(Uint8Array.of(next(256), next(256), next(256)));
    else if (kind === 4) {
      const coins = [{ denom: 'upogo', amount: `${1 + next(50)}` }];
      txs.push(
        sign(from, [message(bank.MsgMultiSend, { inputs: [{ address: from.address, coins }], outputs: [{ address: pick().address, coins }] })]),
      );
    } else txs.push(coinsSend(from, pick(), BigInt(1 + next(1000))));
  }
  txs.push(coinsSend(pick(), pick(), 1n));
  return txs;
}

/** Application hashes, in hexadecimal, of the blocks. */
export async function scenario(options: ScenarioOptions): Promise<string[]> {
  const { comet, accounts } = fixture(5, { invariants: options.restartEveryBlock !== true });
  const next = lehmer(20_260_101);
  const hashes: string[] = [];
  for (let height = 1; height <= 20; height++) {
    const txs = transactions(accounts, height, next);
    if (options.restartEveryBlock === true) {
      // The node alone restarts after FinalizeBlock, then the application does, then the block comes again.
      comet.app.finalizeBlock(comet.request(txs.slice(1)));
      comet.app.finalizeBlock(comet.request(txs));
      comet.restart();
      for (const tx of txs) comet.app.checkTx({ tx, type: 0 });
    }
    const block = await comet.deliver(txs);
    hashes.push(toHex(block.appHash));
  }
  options.onEnd?.(comet);
  return hashes;
}

if (process.argv.includes('--print')) process.stdout.write(`${(await scenario({})).join('\n')}\n`);
