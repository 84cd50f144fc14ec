// SPDX-License-Identifier: Apache-2.0
// Rules of a job's terms and of what a job trains on.
import { basisPoints, parseCoin } from '../../core/coin.ts';
import type { DataSet, Params, RoundTerms } from '../../proto/gen/pogo.v1.ts';
import type { Layout } from '../../train/layout.ts';
import { sampleBytes, type TrainSpec } from '../../train/spec.ts';
import { errInvalidField, errLimit } from './errors.ts';
import { segmentCount } from './segments.ts';
import { amountOf, LIMITS } from './types.ts';

/** Throws pogo/6 naming field and range. */
export function checkRange(value: number | bigint, least: number | bigint, most: number | bigint, field: string): void {
  if (value < least || value > most) throw errInvalidField(`${field}: must be from ${least} to ${most}, got ${value}`);
}

/** Throws pogo/6 naming field and length. */
export function checkBytes(value: Uint8Array, length: number, field: string): void {
  if (value.length !== length) throw errInvalidField(`${field}: must have ${length} bytes, got ${value.length}`);
}

/** Well-formed text of at most that many characters, without control characters. Throws pogo/6. */
export function checkText(value: string, most: number, field: string): void {
  if (value.length > most) throw errInvalidField(`${field}: must have at most ${most} characters, got ${value.length}`);
  for (const c of value) if (c < ' ' || c === '\u007f') throw errInvalidField(`${field}: must not hold control characters`);
}

/** An HTTP base address. Throws pogo/6. */
export function checkUrl(value: string, field: string): void {
  checkText(value, LIMITS.endpoint, field);
  if (!/^https?:\/\/[!-~]+$/.test(value)) throw errInvalidField(`${field}: must be an http or https address`);
}

/** Stateless rules of terms. */
export function checkTerms(t: RoundTerms | undefined, field: string): RoundTerms {
  if (t === undefined) throw errInvalidField(`${field}: is required`);
  checkRange(t.steps, 1, 1_000_000, `${field}.steps`);
  checkRange(t.checkpointEvery, 1, LIMITS.checkpointEvery, `${field}.checkpoint_every`);
  if (t.checkpointEvery > t.steps) throw errInvalidField(`${field}.checkpoint_every: must not exceed steps`);
  checkRange(t.leafChallenges, 1, LIMITS.leafChallenges, `${field}.leaf_challenges`);
  checkRange(t.assignedSteps, 1, LIMITS.assignedSteps, `${field}.assigned_steps`);
  if (t.assignedSteps > t.steps) throw errInvalidField(`${field}.assigned_steps: must not exceed steps`);
  checkRange(t.evalSamples, 2, LIMITS.evalSamples, `${field}.eval_samples`);
  checkRange(t.maxCommits, 1, LIMITS.maxCommits, `${field}.max_commits`);
  checkRange(t.minImprovement, 0n, 1n << 31n, `${field}.min_improvement`);
  checkRange(t.zMilli, 0, LIMITS.zMilli, `${field}.z_milli`);
  checkRange(t.progressWindow, 1, LIMITS.progressWindow, `${field}.progress_window`);
  if (t.windows === undefined) throw errInvalidField(`${field}.windows: is required`);
  for (const name of ['commit', 'answer', 'attest', 'reveal', 'dispute'] as const)
    checkRange(t.windows[name], 1, LIMITS.window, `${field}.windows.${name}`);
  parseCoin(t.reward, `${field}.reward`);
  checkRange(t.verifierBps, 0, 10_000, `${field}.verifier_bps`);
  checkRange(t.runnerUpBps, 0, 10_000, `${field}.runner_up_bps`);
  return t;
}

/** Rules of terms that depend on parameters and on the model's size. Throws pogo/24. */
export function checkTermsAgainst(t: RoundTerms, params: Params, layout: Layout, field: string): void {
  if (t.steps > params.maxSteps) throw errLimit(`${field}.steps: ${t.steps} exceeds max_steps ${params.maxSteps}`);
  if (t.reward?.denom !== params.bondDenom) throw errLimit(`${field}.reward: must be in ${params.bondDenom}`);
  for (const name of ['attest', 'reveal'] as const)
    if ((t.windows?.[name] ?? 0) < params.minWindow) throw errLimit(`${field}.windows.${name}: must be at least min_window ${params.minWindow}`);
  for (const [name, blocks] of Object.entries(t.windows ?? {}))
    if (blocks > params.maxWindow) throw errLimit(`${field}.windows.${name}: must be at most max_window ${params.maxWindow}`);
  // A job that pays its verifiers nothing would be free load on them, as a commit that does not win would without its fee.
  const share = basisPoints(amountOf(t.reward), t.verifierBps);
  if (share < BigInt(params.verificationFee))
    throw errLimit(`${field}.reward: the verifiers' share of ${share} is below verification_fee ${params.verificationFee}`);
  const digests = t.maxCommits * t.assignedSteps * params.committeeSize;
  if (digests > LIMITS.digests)
    throw errLimit(`${field}.assigned_steps: reports of a round could hold ${digests} digests, at most ${LIMITS.digests}`);
  // Challenges are drawn as 32-bit numbers.
  if (BigInt(segmentCount(t)) * BigInt(layout.leafCount) > 0xffffffffn) throw errLimit(`${field}.steps: segments times leaves exceed 2^32 - 1`);
}

/** Stateless rules of a data set; `size` counts samples, drawn as 32-bit numbers. */
export function checkDataSet(d: DataSet | undefined, field: string): DataSet {
  if (d === undefined) throw errInvalidField(`${field}: is required`);
  checkText(d.name, LIMITS.dataName, `${field}.name`);
  if (d.name === '') throw errInvalidField(`${field}.name: is required`);
  checkBytes(d.root, 32, `${field}.root`);
  checkRange(d.size, 1n, 0xffffffffn, `${field}.size`);
  checkRange(d.sampleBytes, 1, 1 << 20, `${field}.sample_bytes`);
  return d;
}

/** Whether a data set's samples fit the model. Throws pogo/6. */
export function checkSamples(d: DataSet, spec: TrainSpec, field: string): void {
  const expected = sampleBytes(spec.model);
  if (d.sampleBytes !== expected) throw errInvalidField(`${field}.sample_bytes: must be ${expected} for this model, got ${d.sampleBytes}`);
}
