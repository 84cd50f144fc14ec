// SPDX-License-Identifier: Apache-2.0
// Parameters of the module: defaults and rules.
import { checkDenom, parseAmount } from '../../core/coin.ts';
import type { Params } from '../../proto/gen/pogo.v1.ts';
import { LIMITS } from './types.ts';

/** Parameters of a new chain. Amounts are in the bond denomination, of which a million make one coin. */
export function defaultParams(bondDenom: string): Params {
  return {
    bondDenom,
    minMinerBond: '10000000',
    minVerifierBond: '10000000',
    unbondingBlocks: 10_000,
    verificationFee: '10000',
    slashFaultBps: 10_000,
    slashUnansweredBps: 10_000,
    slashUnrevealedBps: 500,
    slashAbsentBps: 100,
    absentOutBlocks: 50,
    bountyBps: 500,
    committeeSize: 16,
    maxStrikes: 3,
    maxOpenRounds: 64,
    maxSteps: 10_000,
    maxParamCount: 134_217_728n,
    gasPerUpdate: 1n,
    gasPerRecord: 1000n,
    gasPerByte: 1n,
    gasPerBls: 50_000n,
    arithmetics: ['exact8'],
    roundPause: 2,
    verifierPool: 200,
    gasPerSample: 10n,
    refundPerMillionGas: '25000',
    claimBlocks: 1000,
    keepRounds: 100,
    maxUnbondings: 7,
    maxClaims: 16,
    maxDuePerBlock: 100,
    minWindow: 3,
    maxWindow: 100_000,
  };
}

type NumberField = { [K in keyof Params]: Params[K] extends number ? K : never }[keyof Params];

/** Inclusive ranges. */
const RANGES: readonly (readonly [field: NumberField, name: string, least: number, most: number])[] = [
  ['unbondingBlocks', 'unbonding_blocks', 1, 100_000_000],
  ['slashFaultBps', 'slash_fault_bps', 0, 10_000],
  ['slashUnansweredBps', 'slash_unanswered_bps', 0, 10_000],
  ['slashUnrevealedBps', 'slash_unrevealed_bps', 0, 10_000],
  ['slashAbsentBps', 'slash_absent_bps', 0, 10_000],
  ['absentOutBlocks', 'absent_out_blocks', 0, 100_000_000],
  ['bountyBps', 'bounty_bps', 0, 10_000],
  ['committeeSize', 'committee_size', 1, 100],
  ['maxStrikes', 'max_strikes', 1, 1000],
  ['maxOpenRounds', 'max_open_rounds', 1, 10_000],
  ['maxSteps', 'max_steps', 1, 1_000_000],
  ['roundPause', 'round_pause', 1, 1_000_000],
  ['verifierPool', 'verifier_pool', 1, 1000],
  ['claimBlocks', 'claim_blocks', 2, 1_000_000],
  ['keepRounds', 'keep_rounds', 1, 1_000_000],
  ['maxUnbondings', 'max_unbondings', 1, 100],
  ['maxClaims', 'max_claims', 1, 1000],
  ['maxDuePerBlock', 'max_due_per_block', 1, 10_000],
  ['minWindow', 'min_window', 1, LIMITS.window],
  ['maxWindow', 'max_window', 1, LIMITS.window],
];

/** Throws Error or TxError naming the parameter that breaks a rule. */
export function checkParams(p: Params | undefined, path = 'params'): Params {
  if (p === undefined) throw new Error(`${path}: required`);
  checkDenom(p.bondDenom, `${path}.bond_denom`);
  const minMiner = parseAmount(p.minMinerBond, `${path}.min_miner_bond`);
  const minVerifier = parseAmount(p.minVerifierBond, `${path}.min_verifier_bond`);
  const fee = parseAmount(p.verificationFee, `${path}.verification_fee`);
  parseAmount(p.refundPerMillionGas, `${path}.refund_per_million_gas`);
  if (minMiner < 1n) throw new Error(`${path}.min_miner_bond: must be positive`);
  if (minVerifier < 1n) throw new Error(`${path}.min_verifier_bond: must be positive`);
  if (fee > minMiner) throw new Error(`${path}.verification_fee: must not exceed min_miner_bond`);
  for (const [field, name, least, most] of RANGES) {
    const value = p[field];
    if (value < least || value > most) throw new Error(`${path}.${name}: must be from ${least} to ${most}, got ${value}`);
  }
  if (p.minWindow > p.maxWindow) throw new Error(`${path}.min_window: must not exceed max_window`);
  // Silence must never be cheaper than a wrong answer.
  if (p.slashUnansweredBps < p.slashFaultBps) throw new Error(`${path}.slash_unanswered_bps: must not be below slash_fault_bps`);
  if (p.maxParamCount < 1n || p.maxParamCount > 268_435_456n) throw new Error(`${path}.max_param_count: must be from 1 to 268435456`);
  const gas = [p.gasPerUpdate, p.gasPerRecord, p.gasPerByte, p.gasPerBls, p.gasPerSample];
  if (gas.some((g) => g > 1_000_000_000n)) throw new Error(`${path}.gas: a cost must not exceed 10^9`);
  if (p.arithmetics.length === 0 || p.arithmetics.some((a) => a !== 'exact8')) throw new Error(`${path}.arithmetics: expected ["exact8"]`);
  return p;
}
