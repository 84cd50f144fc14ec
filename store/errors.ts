// SPDX-License-Identifier: Apache-2.0
// LevelDB's failures in words that say what to do. A damaged folder becomes CorruptStateError, which stops the node.
import { CorruptStateError } from '../core/errors.ts';

const REPAIR =
  'stop the node, keep a copy of the folder, then restore it from a backup or delete it together with the data of CometBFT and sync again ' +
  '(never priv_validator_state.json)';

/** What is corrupt and what to do about it. */
export function corrupt(dir: string, what: string): CorruptStateError {
  return new CorruptStateError(`store ${dir}: ${what}; ${REPAIR}`);
}

/** Codes and messages of an error and its causes. */
function chainOf(error: unknown): { codes: string[]; text: string } {
  const codes: string[] = [];
  const texts: string[] = [];
  let at: unknown = error;
  for (let depth = 0; at instanceof Error && depth < 5; depth++) {
    if ('code' in at && typeof at.code === 'string') codes.push(at.code);
    texts.push(at.message);
    at = at.cause;
  }
  return { codes, text: texts.join(': ') };
}

/** The error to throw when `doing` (such as "commit of height 7") failed with `error`. */
export function storeError(dir: string, doing: string, error: unknown): Error {
  const own = `store ${dir}: `;
  if (error instanceof CorruptStateError) return error.message.startsWith(own) ? error : corrupt(dir, error.message);
  if (error instanceof Error && error.message.startsWith(own)) return error;
  const { codes, text } = chainOf(error);
  if (codes.includes('LEVEL_LOCKED')) return new Error(`store ${dir}: another process has it open; stop that one first`, { cause: error });
  if (/no space left|ENOSPC|quota exceeded|EDQUOT/i.test(`${text} ${codes.join(' ')}`)) {
    const message = `store ${dir}: the disk is full, ${doing} did not happen and the folder is as after the commit before; free some space and start again`;
    return new Error(message, { cause: error });
  }
  if (codes.includes('LEVEL_CORRUPTION') || /no such file/i.test(text)) return corrupt(dir, `${doing} failed: ${text}`);
  return new Error(`store ${dir}: ${doing} failed: ${text || String(error)}`, { cause: error });
}
