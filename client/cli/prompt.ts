// SPDX-License-Identifier: Apache-2.0
// Answers from standard input: typed by a person or piped by a script.
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { UsageError } from '../errors.ts';

// One reader for the whole process: a second one would lose the lines that the first has buffered.
let lines: AsyncIterator<string> | undefined;
let close: () => void = () => undefined;

function reader(hidden: boolean): AsyncIterator<string> {
  if (lines === undefined) {
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
    const terminal = process.stdin.isTTY === true;
    const io = createInterface({ input: process.stdin, ...(hidden && terminal ? { output: silent, terminal } : {}) });
    lines = io[Symbol.asyncIterator]();
    close = () => io.close();
  }
  return lines;
}

/** Next line of standard input after showing `question` on standard error. Throws UsageError at its end. */
export async function ask(question: string, options: { readonly hidden?: boolean } = {}): Promise<string> {
  process.stderr.write(`${question}${process.stdin.isTTY === true ? ' ' : '\n'}`);
  const { value, done } = await reader(options.hidden === true).next();
  if (done === true) throw new UsageError(`${question} nothing was given on standard input`);
  if (options.hidden === true && process.stdin.isTTY === true) process.stderr.write('\n');
  return value;
}

/** Whether the answer to a question is yes. */
export async function confirm(question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(`${question} [y/N]:`)).trim());
}

/** Lets the process end although standard input is open. */
export function endPrompts(): void {
  close();
}
