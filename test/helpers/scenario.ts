// SPDX-License-Identifier: Apache-2.0
// A fixed history of blocks with good and bad transactions, absent validators and evidence; its application hashes must
// be the same everywhere. Run as a program with --print it writes them line by line.
import { fromHex, toHex } from '../../core/bytes.ts';
import type { JsonObject } from '../../core/json.ts';
import { toTimestamp } from '../../core/time.ts';
import * as bank from '../../proto/gen/cosmos.bank.v1beta1.ts';
import { MsgUnjail } from '../../proto/gen/cosmos.slashing.v1beta1.ts';
import * as staking from '../../proto/gen/cosmos.staking.v1beta1.ts';
import { coinsSend, consensusKey, message, type Signer, sign, signer } from './fixture.ts';
import { type BlockOptions, GENESIS_TIME, type MockComet, SECOND } from './mockcomet.ts';
import { createValidator, type Validator, validatorFixture } from './validators.ts';

export interface ScenarioOptions {
  readonly restartEveryBlock?: boolean;
  /** Told of the chain at the end. */
  readonly onEnd?: (comet: MockComet) => void;
}

type Random = (bound: number) => number;

const BLOCKS = 40;

/** A generator of small numbers that needs no library (Lehmer, MINSTD). */
function lehmer(seed: number): Random {
  let x = seed;
  return (bound) => {
    x = (x * 48_271) % 2_147_483_647;
    return x % bound;
  };
}

interface Cast {
  readonly validators: readonly Validator[];
  readonly accounts: readonly Signer[];
}

function transaction({ validators, accounts }: Cast, label: string, next: Random): Uint8Array {
  const pick = (): Signer => accounts[next(accounts.length)] as Signer;
  const validator = (): Validator => validators[next(validators.length)] as Validator;
  const from = pick();
  const coin = (units: number): { denom: string; amount: string } => ({ denom: 'upogo', amount: `${units}` });
  const amount = coin(1_000_000 + next(9_000_000));
  const delegatorAddress = from.address;
  const validatorAddress = validator().operator.operator;
  switch (next(11)) {
    case 0:
      return coinsSend(from, signer(label), BigInt(1 + next(1000)));
    case 1:
      return coinsSend(from, pick(), 10n ** 15n);
    case 2:
      return coinsSend({ ...from, sequence: from.sequence + 9n }, pick(), 1n);
    case 3:
      return Uint8Array.of(next(256), next(256), next(256));
    case 4:
      return sign(from, [
        message(bank.MsgMultiSend, { inputs: [{ address: from.address, coins: [amount] }], outputs: [{ address: pick().address, coins: [amount] }] }),
      ]);
    case 5:
      return sign(from, [message(staking.MsgUndelegate, { delegatorAddress, validatorAddress, amount: coin(1 + next(3_000_000)) })]);
    case 6: {
      const validatorSrcAddress = validatorAddress;
      const validatorDstAddress = validator().operator.operator;
      return sign(from, [
        message(staking.MsgBeginRedelegate, { delegatorAddress, validatorSrcAddress, validatorDstAddress, amount: coin(1 + next(3_000_000)) }),
      ]);
    }
    case 7:
      return sign(from, [createValidator({ operator: from, key: consensusKey(label) }, BigInt(amount.amount))]);
    case 8: {
      const v = validator();
      return sign(v.operator, [message(MsgUnjail, { validatorAddr: v.operator.operator })]);
    }
    default:
      return sign(from, [message(staking.MsgDelegate, { delegatorAddress, validatorAddress, amount })]);
  }
}

/** Short times, so that unbondings end, jails open and windows close within the history. */
function quick(state: JsonObject): JsonObject {
  const change = (name: string, params: JsonObject): JsonObject => {
    const part = state[name] as JsonObject;
    return { ...part, params: { ...(part['params'] as JsonObject), ...params } };
  };
  return {
    ...state,
    staking: change('staking', { unbonding_time: '8s', max_validators: 4, historical_entries: 5 }),
    slashing: change('slashing', { signed_blocks_window: '6', downtime_jail_duration: '3s' }),
  };
}

function circumstances({ validators }: Cast, height: number, next: Random): BlockOptions {
  const absent = next(3) === 0 || height > BLOCKS / 2 ? [(validators[height > BLOCKS / 2 ? 0 : next(3)] as Validator).key.address] : [];
  const guilty = validators[1] as Validator;
  const at = BigInt(height - 1);
  const proof = {
    type: 1,
    validator: { address: fromHex(guilty.key.address), power: 100n },
    height: at,
    time: toTimestamp(GENESIS_TIME + at * SECOND),
    totalVotingPower: 400n,
  };
  return { seconds: 1 + next(2), absent, misbehavior: height === 15 ? [proof, proof] : [] };
}

/** Application hashes, in hexadecimal, of the blocks. */
export async function scenario(options: ScenarioOptions): Promise<string[]> {
  const all = validatorFixture({ validators: 4, accounts: 5, adjust: quick, invariants: options.restartEveryBlock !== true });
  const { comet } = all;
  const next = lehmer(20_260_101);
  const hashes: string[] = [];
  for (let height = 1; height <= BLOCKS; height++) {
    const txs = Array.from({ length: 6 }, (_, i) => transaction(all, `${height} ${i}`, next));
    const around = circumstances(all, height, next);
    if (options.restartEveryBlock === true) {
      // The node alone restarts after FinalizeBlock, then the application does, then the block comes again.
      comet.app.finalizeBlock(comet.request(txs.slice(1), around));
      comet.app.finalizeBlock(comet.request(txs, around));
      comet.restart();
      for (const tx of txs) comet.app.checkTx({ tx, type: 0 });
    }
    const block = await comet.deliver(txs, around);
    hashes.push(toHex(block.appHash));
  }
  options.onEnd?.(comet);
  return hashes;
}

if (process.argv.includes('--print')) process.stdout.write(`${(await scenario({})).join('\n')}\n`);
