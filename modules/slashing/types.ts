// SPDX-License-Identifier: Apache-2.0
// Parameters and signing infos.
import { formatAddress } from '../../core/address.ts';
import { fromUtf8, utf8 } from '../../core/bytes.ts';
import type { ReadContext } from '../../core/context.ts';
import { type Dec, fromInt, mulHalfEven, ONE, roundHalfEven } from '../../core/dec.ts';
import type { Params, ValidatorSigningInfo } from '../../proto/gen/cosmos.slashing.v1beta1.ts';
import { LONGEST_WAIT } from '../staking/index.ts';

/** Longest window: what a validator's bitmap may weigh is bounded by it. */
const MAX_WINDOW = 1_000_000n;
/** Until when a double signer is jailed: the last second of the year 9999 (cosmos-sdk x/evidence, DoubleSignJailEndTime). */
export const FOREVER = { seconds: 253_402_300_799n, nanos: 0 } as const;

/** cosmos-sdk x/slashing/types/params.go, DefaultParams. */
export const DEFAULT_PARAMS: Params = {
  signedBlocksWindow: 100n,
  minSignedPerWindow: utf8((ONE / 2n).toString()),
  downtimeJailDuration: { seconds: 600n, nanos: 0 },
  slashFractionDoubleSign: utf8((ONE / 20n).toString()),
  slashFractionDowntime: utf8((ONE / 100n).toString()),
};

/** Decimal of a bytes field: text of the integer multiple of 10^-18; empty is zero. */
export function decOf(bytes: Uint8Array): Dec {
  return bytes.length === 0 ? 0n : BigInt(fromUtf8(bytes));
}

/** Nanoseconds. */
export function jailDurationOf(p: Params): bigint {
  const d = p.downtimeJailDuration;
  return d === undefined ? 0n : d.seconds * 1_000_000_000n + BigInt(d.nanos);
}

/** Blocks of a window that may be missed without punishment; the signed share rounds to the nearest, halves to even. */
export function maxMissed(p: Params): bigint {
  return p.signedBlocksWindow - roundHalfEven(mulHalfEven(decOf(p.minSignedPerWindow), fromInt(p.signedBlocksWindow)));
}

/** Throws Error naming the field that breaks a rule. */
export function checkParams(p: Params | undefined, path: string): Params {
  if (p === undefined) throw new Error(`${path}: required`);
  if (p.signedBlocksWindow < 1n || p.signedBlocksWindow > MAX_WINDOW) throw new Error(`${path}.signed_blocks_window: must be 1 to ${MAX_WINDOW}`);
  if (jailDurationOf(p) <= 0n) throw new Error(`${path}.downtime_jail_duration: must be positive`);
  if (jailDurationOf(p) > LONGEST_WAIT) throw new Error(`${path}.downtime_jail_duration: must be at most 100 years`);
  const fractions = {
    min_signed_per_window: p.minSignedPerWindow,
    slash_fraction_double_sign: p.slashFractionDoubleSign,
    slash_fraction_downtime: p.slashFractionDowntime,
  };
  for (const [name, bytes] of Object.entries(fractions)) {
    const value = decOf(bytes);
    if (value < 0n || value > ONE) throw new Error(`${path}.${name}: must be 0 to 1`);
  }
  return p;
}

/** Info of a validator that enters the set now. */
export function newInfo(ctx: ReadContext, address: Uint8Array): ValidatorSigningInfo {
  return {
    address: formatAddress(address, ctx.chain.addressPrefix, 'valcons'),
    startHeight: ctx.block.height,
    indexOffset: 0n,
    jailedUntil: { seconds: 0n, nanos: 0 },
    tombstoned: false,
    missedBlocksCounter: 0n,
  };
}
