// SPDX-License-Identifier: Apache-2.0
// Rules of a verifier's report, and when reports agree.
import { parseAmount } from '../../core/coin.ts';
import { Fault, type Report, type RoundTerms, Verdict } from '../../proto/gen/pogo.v1.ts';
import { type Differences, isPossible } from './acceptance.ts';
import { errInvalidReport } from './errors.ts';
import { LIMITS } from './types.ts';

const MAX_LOSS = (1n << 31n) - 1n;

/** Stateless rules: lengths, ranges, digests in order of their steps. Throws pogo/18. */
export function checkReportShape(report: Report | undefined): Report {
  if (report === undefined) throw errInvalidReport('report: is required');
  const { verdict, fault, digests } = report;
  if (verdict !== Verdict.VERDICT_POSITIVE && verdict !== Verdict.VERDICT_NEGATIVE)
    throw errInvalidReport('report.verdict: must be positive or negative');
  if (!Object.values(Fault).includes(fault as Fault)) throw errInvalidReport(`report.fault: ${fault} is not known`);
  if (digests.length > LIMITS.assignedSteps) throw errInvalidReport(`report.digests: at most ${LIMITS.assignedSteps} are allowed`);
  digests.forEach((d, i) => {
    if (d.digest.length !== 32) throw errInvalidReport(`report.digests[${i}].digest: must have 32 bytes`);
    if (i > 0 && d.step <= (digests[i - 1]?.step ?? 0)) throw errInvalidReport(`report.digests[${i}].step: steps must rise`);
  });
  parseAmount(report.diffSquareSum, 'report.diff_square_sum');
  return report;
}

/** The paired differences of a report. */
export function differencesOf(r: Pick<Report, 'diffSum' | 'diffSquareSum' | 'samples'>): Differences {
  return { sum: r.diffSum, squareSum: BigInt(r.diffSquareSum), samples: r.samples };
}

/** Rules against the round: a positive report has all numbers and exactly its steps; a negative one names a fault. Throws pogo/18. */
export function checkReport(r: Report, terms: RoundTerms, leafCount: number, steps: readonly number[]): void {
  if (r.verdict === Verdict.VERDICT_NEGATIVE) {
    if (r.fault === Fault.FAULT_UNSPECIFIED) throw errInvalidReport('report.fault: a negative verdict names a fault');
    if (r.faultStep > terms.steps) throw errInvalidReport(`report.fault_step: must be at most ${terms.steps}`);
    if (r.faultLeaf >= leafCount) throw errInvalidReport(`report.fault_leaf: must be below ${leafCount}`);
    if (r.digests.some((d) => !steps.includes(d.step))) throw errInvalidReport('report.digests: a step was not assigned');
    return;
  }
  if (r.fault !== Fault.FAULT_UNSPECIFIED || r.faultStep !== 0 || r.faultLeaf !== 0)
    throw errInvalidReport('report.fault: a positive verdict names none');
  if (r.samples !== terms.evalSamples) throw errInvalidReport(`report.samples: must be ${terms.evalSamples}`);
  const most = BigInt(r.samples) * MAX_LOSS;
  for (const [name, loss] of [
    ['parent_loss', r.parentLoss],
    ['loss', r.loss],
    ['code4_loss', r.code4Loss],
  ] as const) {
    if (loss < 0n || loss > most) throw errInvalidReport(`report.${name}: must be from 0 to ${most}`);
  }
  if (r.diffSum !== r.parentLoss - r.loss) throw errInvalidReport('report.diff_sum: must be parent_loss - loss');
  if (!isPossible(differencesOf(r))) throw errInvalidReport('report.diff_square_sum: no differences have these sums');
  if (r.digests.length !== steps.length || r.digests.some((d, i) => d.step !== steps[i]))
    throw errInvalidReport('report.digests: must be those of the assigned steps');
}

/** Text that two positive reports share exactly when all their numbers agree. */
export function numbersOf(r: Report): string {
  return [r.parentLoss, r.loss, r.code4Loss, r.diffSum, r.diffSquareSum, r.samples].join(' ');
}
