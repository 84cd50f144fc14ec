// SPDX-License-Identifier: Apache-2.0
// What a person sees of the localnet: plain values, made by watch.ts and drawn by screen.ts.

export interface ValidatorView {
  readonly name: string;
  readonly height: bigint | undefined;
}

export interface DaemonView {
  readonly name: string;
  readonly role: 'miner' | 'verifier' | 'watcher' | 'attacker';
  /** In the bond denomination's millionths; undefined before the first bond. */
  readonly bond: bigint | undefined;
  readonly earned: bigint;
  readonly won: bigint;
}

export interface RoundView {
  readonly round: number;
  /** Name of the account that won, empty when none did. */
  readonly miner: string;
  readonly status: 'finalised' | 'rejected';
  /** How the chain says that it ended, such as finalized or no_commits. */
  readonly outcome: string;
  /** Mean losses on the beacon's samples, nats. */
  readonly parentLoss: number;
  readonly loss: number;
  /** What the downloaded model can do; undefined while it is being found out. */
  figure: Figure | undefined;
  readonly paid: bigint;
}

/** Found out from the downloaded model itself. */
export interface Figure {
  /** Of a classifier on its test set, 0..1; undefined where there is none. */
  readonly accuracy?: number;
  /** Of a language model: what it was given, and how it went on. */
  readonly text?: { readonly prompt: string; readonly written: string };
}

export interface SlashView {
  readonly round: number;
  readonly account: string;
  readonly reason: string;
  readonly amount: bigint;
}

export interface View {
  chainId: string;
  height: bigint;
  appHash: string;
  startedAt: number;
  validators: ValidatorView[];
  daemons: DaemonView[];
  job: { id: bigint; title: string; kernel: string; status: string; escrow: bigint } | undefined;
  phase: { round: number; name: string; end: bigint; commits: string[]; revealed: number; expected: number } | undefined;
  rounds: RoundView[];
  slashed: SlashView[];
  notices: string[];
  denom: string;
  /** The command that goes on with this chain and job. */
  again: string;
  /** The command that gets more out of the newest model while the chain runs; undefined before there is one. */
  use: string | undefined;
}

/** An empty view. */
export function emptyView(chainId: string, denom: string, again: string): View {
  return {
    chainId,
    height: 0n,
    appHash: '',
    startedAt: Date.now(),
    validators: [],
    daemons: [],
    job: undefined,
    phase: undefined,
    rounds: [],
    slashed: [],
    notices: [],
    denom,
    again,
    use: undefined,
  };
}

/** Millionths as text with the display denomination: 1500000upogo is "1.5 pogo". */
export function money(amount: bigint, denom: string): string {
  const sign = amount < 0n ? '-' : '';
  const abs = amount < 0n ? -amount : amount;
  if (!denom.startsWith('u')) return `${sign}${abs} ${denom}`;
  const fraction = (abs % 1_000_000n).toString().padStart(6, '0').replace(/0+$/, '');
  return `${sign}${(abs / 1_000_000n).toLocaleString('en-US')}${fraction === '' ? '' : `.${fraction}`} ${denom.slice(1)}`;
}

/** A figure in a few letters: accuracy, or the perplexity that belongs to a loss in nats per token. */
export function figureText({ figure, loss }: RoundView): string {
  if (figure === undefined) return 'computing';
  if (figure.accuracy !== undefined) return `test accuracy ${(figure.accuracy * 100).toFixed(2)} %`;
  return figure.text === undefined ? 'no test set' : `perplexity ${Math.exp(loss).toFixed(2)}`;
}

/** Text of a model on one line. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

const REASONS: Readonly<Record<string, string>> = {
  no_commits: 'nobody committed in time',
  no_quorum: 'the verifiers agreed on no commit',
  no_improvement: 'no commit was an improvement',
  all_slashed: 'every commit was slashed',
};

/** Why a round moved nothing. */
export function rejectedText({ outcome }: RoundView): string {
  return `${REASONS[outcome] ?? 'no commit was accepted'}; the head stays`;
}

/** Text of a model in lines that fit a narrow terminal. */
export function wrapped({ prompt, written }: NonNullable<Figure['text']>): string[] {
  return oneLine(`${prompt}|${written}`).match(/.{1,96}(\s|$)|.{96}/g) ?? [];
}

/** The last words: what the newest model can do, and how to go on. */
export function endLines(view: View): string[] {
  const row = view.rounds.findLast((r) => r.figure !== undefined);
  const lines = [`${view.again} goes on with this chain and this model`];
  if (view.use !== undefined) lines.push(`while it runs: ${view.use}`);
  if (row === undefined) return lines;
  const text = row.figure?.text;
  if (text === undefined) return [`the model of round ${row.round}: ${figureText(row)}`, ...lines];
  return [`the model of round ${row.round}, ${figureText(row)}, writes on after "|":`, ...wrapped(text).map((line) => `  ${line}`), ...lines];
}

/** One finished round as lines of text. */
export function roundLines(r: RoundView, denom: string): string[] {
  const number = String(r.round).padStart(3);
  if (r.status === 'rejected') return [`round ${number}  ${'-'.padEnd(12)} ${rejectedText(r)}`];
  const line = `round ${number}  ${r.miner.padEnd(12)} loss ${r.parentLoss.toFixed(4)} -> ${r.loss.toFixed(4)}  ${figureText(r).padEnd(23)}  paid ${money(r.paid, denom)}`;
  const text = r.figure?.text;
  return text === undefined ? [line] : [line, `           "${oneLine(`${text.prompt}|${text.written}`)}"`];
}
