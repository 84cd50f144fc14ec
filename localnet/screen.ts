// SPDX-License-Identifier: Apache-2.0
// The live screen of a terminal, and plain lines where there is none.
import { figureText, money, type RoundView, rejectedText, roundLines, type View, wrapped } from './view.ts';

export interface Screen {
  update(view: View): void;
  /** Restores the terminal; the last frame stays. */
  close(view: View): void;
}

const ESC = '\u001b[';
const paint = (code: string) => (text: string) => `${ESC}${code}m${text}${ESC}0m`;
const bold = paint('1');
const dim = paint('2');
const green = paint('32');
const red = paint('31');
const yellow = paint('33');
const cyan = paint('36');

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal escape sequences begin with one
const SEQUENCE = /\u001b\[[0-9;]*m/g;

/** Cuts a line with colours to `width` visible characters. */
export function fit(line: string, width: number): string {
  if (line.replace(SEQUENCE, '').length <= width) return line;
  let visible = 0;
  let out = '';
  for (let i = 0; i < line.length; ) {
    SEQUENCE.lastIndex = i;
    const m = SEQUENCE.exec(line);
    if (m !== null && m.index === i) {
      out += m[0];
      i += m[0].length;
    } else {
      if (visible >= width - 1) break;
      out += line[i];
      visible++;
      i++;
    }
  }
  return `${out}${ESC}0m…`;
}

function bar(ratio: number, width: number): string {
  const full = Math.round(Math.max(0, Math.min(1, ratio)) * width);
  return `${green('█'.repeat(full))}${dim('░'.repeat(width - full))}`;
}

function clock(ms: number): string {
  const s = Math.floor(ms / 1000);
  return `${Math.floor(s / 60)}m${String(s % 60).padStart(2, '0')}s`;
}

/** Rounds that are shown where there is room. */
const ROUNDS = 12;

const PHASES = ['COMMIT', 'BEACON', 'ANSWER', 'ATTEST', 'REVEAL', 'DISPUTE'];

function phaseLines(view: View): string[] {
  const p = view.phase;
  if (p === undefined) return [dim('no round is open')];
  const steps = PHASES.map((name) => (name === p.name ? bold(cyan(name.toLowerCase())) : dim(name.toLowerCase()))).join(dim(' > '));
  const until = p.end > 0n ? `until block ${p.end}` : '';
  const commits = p.commits.length === 0 ? 'no commits yet' : `commits: ${p.commits.join(', ')}`;
  return [
    `Round ${bold(String(p.round))}   ${steps}   ${dim(until)}`,
    `          ${commits}   ${dim(`attestations revealed ${p.revealed} of ${p.expected}`)}`,
  ];
}

function roundRow(r: RoundView, denom: string, width: number): string {
  if (r.status === 'rejected') return `${String(r.round).padStart(5)}  ${dim(rejectedText(r))}`;
  const figure = r.figure === undefined ? dim('...'.padEnd(23)) : bold(figureText(r).padEnd(23));
  const accuracy = r.figure?.accuracy === undefined ? '' : `${bar(r.figure.accuracy, 20)}  `;
  return `${String(r.round).padStart(5)}  ${r.miner.padEnd(width)}  ${r.parentLoss.toFixed(4)} > ${r.loss.toFixed(4)}  ${figure} ${accuracy}${green(`+${money(r.paid, denom)}`)}`;
}

/** What the newest model wrote, wrapped. */
function textLines(view: View): string[] {
  const r = view.rounds.findLast((row) => row.figure?.text !== undefined);
  const text = r?.figure?.text;
  if (r === undefined || text === undefined) return [];
  return ['', `${dim(`round ${r.round} writes on after "|"`)}`, ...wrapped(text).map((row) => `  ${row}`)];
}

/** The frame as lines, with that many rounds at most. */
export function frame(view: View, now: number, rounds: number = ROUNDS): string[] {
  const width = Math.max(10, ...view.daemons.map((d) => d.name.length));
  const lines = [
    `${bold(cyan('pogo'))} localnet   chain ${bold(view.chainId)}   height ${bold(String(view.height))}   app hash ${dim(view.appHash.slice(0, 16))}   up ${clock(now - view.startedAt)}`,
    '',
    `Validators  ${view.validators.map((v) => `${v.height === undefined ? red('x') : green('●')} ${v.name} ${dim(String(v.height ?? 'down'))}`).join('   ')}`,
    ...view.daemons.map((d) => {
      const mark = d.role === 'attacker' ? red('●') : d.role === 'miner' ? yellow('●') : cyan('●');
      const bond = d.bond === undefined ? dim('not bonded yet') : `bond ${money(d.bond, view.denom)}`;
      const won = d.role === 'miner' || d.role === 'attacker' ? `   rounds won ${d.won}` : '';
      return d.role === 'watcher'
        ? `${mark} ${d.name.padEnd(width)}  ${dim('watches')}`
        : `${mark} ${d.name.padEnd(width)}  ${bond}   earned ${green(money(d.earned, view.denom))}${won}`;
    }),
    '',
  ];
  if (view.job !== undefined) {
    lines.push(
      `Job ${view.job.id}  ${bold(view.job.title)}   ${view.job.status.toLowerCase()}   kernel ${dim(view.job.kernel.slice(0, 16))}   escrow ${money(view.job.escrow, view.denom)}`,
    );
    lines.push(...phaseLines(view), '', dim(`round  ${'miner'.padEnd(width)}  parent > new loss  what the model can do`));
    lines.push(...view.rounds.slice(-rounds).map((r) => roundRow(r, view.denom, width)), ...textLines(view));
  }
  if (view.slashed.length > 0) {
    lines.push('', bold(red('Slashed')));
    lines.push(
      ...view.slashed
        .slice(-6)
        .map((s) => `  round ${s.round}  ${s.account.padEnd(width)}  ${red(s.reason)}  ${red(`-${money(s.amount, view.denom)}`)}`),
    );
  }
  if (view.use !== undefined) lines.push('', `${dim('try the model, from another terminal:')} ${view.use}`);
  lines.push('', ...view.notices.slice(-3).map(dim), dim(`Ctrl-C stops every process; ${view.again} continues this chain and this model.`));
  return lines;
}

/** Draws on a terminal, over the last frame. */
export function terminalScreen(out: NodeJS.WriteStream): Screen {
  let opened = false;
  const draw = (view: View): void => {
    const whole = frame(view, Date.now());
    const over = whole.length - (out.rows - 1);
    const lines = (over > 0 ? frame(view, Date.now(), Math.max(1, ROUNDS - over)) : whole).slice(0, out.rows - 1);
    if (!opened) out.write(`${ESC}?25l${ESC}2J`);
    opened = true;
    out.write(`${ESC}H${lines.map((l) => `${fit(l, out.columns)}${ESC}K`).join('\n')}\n${ESC}J`);
  };
  return {
    update: draw,
    close(view) {
      draw(view);
      out.write(`${ESC}?25h`);
    },
  };
}

/** What is to be told of a view, each line with a key; a key is told once. */
function* told(view: View): Generator<readonly [key: string, line: string]> {
  const { job, phase: p } = view;
  for (const n of view.notices) yield [`n${n}`, n];
  if (view.height > 0n) yield ['up', `chain ${view.chainId} makes blocks, ${view.validators.length} validators`];
  if (job !== undefined)
    yield [
      `j${job.status}`,
      `job ${job.id} ${job.title}: ${job.status.toLowerCase()}, kernel ${job.kernel}, escrow ${money(job.escrow, view.denom)}`,
    ];
  if (p !== undefined) {
    const commits = p.commits.length > 0 ? `  commits: ${p.commits.join(', ')}` : '';
    yield [
      `p${p.round}${p.name}`,
      `height ${String(view.height).padStart(5)}  round ${String(p.round).padStart(3)}  ${p.name.toLowerCase()}${commits}`,
    ];
  }
  for (const s of view.slashed)
    yield [`s${s.round}${s.account}${s.reason}`, `slashed: ${s.account} in round ${s.round}: ${s.reason}, ${money(s.amount, view.denom)}`];
  for (const r of view.rounds) if (r.status === 'rejected' || r.figure !== undefined) yield [`r${r.round}`, roundLines(r, view.denom).join('\n')];
  if (view.use !== undefined) yield ['use', `try the model while this runs: ${view.use}`];
}

/** Prints what changed, a line each. */
export function plainScreen(print: (line: string) => void): Screen {
  const said = new Set<string>();
  const update = (view: View): void => {
    for (const [key, line] of told(view)) {
      if (said.has(key)) continue;
      said.add(key);
      print(line);
    }
  };
  return { update, close: update };
}
