// SPDX-License-Identifier: Apache-2.0
// What `--json` prints last.
import type { View } from './view.ts';

export interface Result {
  readonly chain_id: string;
  readonly height: number;
  readonly app_hash: string;
  readonly validators: number;
  readonly seconds: number;
  readonly job: {
    readonly id: number;
    readonly kernel: string;
    readonly rounds: readonly {
      readonly round: number;
      readonly miner: string;
      readonly status: string;
      /** As the chain names it: finalized, no_commits, no_quorum, no_improvement or all_slashed. */
      readonly outcome: string;
      readonly parent_loss: number;
      readonly loss: number;
      readonly accuracy: number | null;
      /** What a language model wrote: a prompt and how it went on. */
      readonly text: { readonly prompt: string; readonly written: string } | null;
      /** In the bond denomination. */
      readonly paid: string;
    }[];
  } | null;
  readonly slashed: readonly { readonly account: string; readonly reason: string; readonly amount: string }[];
}

const round6 = (x: number): number => Math.round(x * 1e6) / 1e6;

/** The result of a view at `now` (milliseconds). */
export function resultOf(view: View, now: number): Result {
  return {
    chain_id: view.chainId,
    height: Number(view.height),
    app_hash: view.appHash,
    validators: view.validators.length,
    seconds: Math.round((now - view.startedAt) / 100) / 10,
    job:
      view.job === undefined
        ? null
        : {
            id: Number(view.job.id),
            kernel: view.job.kernel,
            rounds: view.rounds.map((r) => ({
              round: r.round,
              miner: r.miner,
              status: r.status,
              outcome: r.outcome,
              parent_loss: round6(r.parentLoss),
              loss: round6(r.loss),
              accuracy: r.figure?.accuracy === undefined ? null : round6(r.figure.accuracy),
              text: r.figure?.text ?? null,
              paid: r.paid.toString(),
            })),
          },
    slashed: view.slashed.map((s) => ({ account: s.account, reason: s.reason, amount: s.amount.toString() })),
  };
}
