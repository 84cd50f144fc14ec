// SPDX-License-Identifier: Apache-2.0
// Changes of the protocol, by height. A chain runs old blocks under old rules: what differs between versions asks the
// version in the state, and what has to be rewritten is rewritten here, once, at the height that everybody agreed on.
import type { Context } from '../../core/context.ts';
import { CorruptStateError } from '../../core/errors.ts';

/** Version of a chain that no migration has changed. */
const FIRST_VERSION = 1n;

export interface Migration {
  /** Version that holds from its height on; versions rise by one. */
  readonly toVersion: bigint;
  /** First block under the new rules; absent until the chain has agreed on one. */
  readonly height?: bigint;
  /** Rewrites the state. */
  run(ctx: Context): void;
}

/** All migrations of this software, in order of version. */
export const migrations: readonly Migration[] = [];

/** The newest version that `table` leads to; new chains start with it. */
export function newestVersion(table: readonly Migration[] = migrations): bigint {
  return table.at(-1)?.toVersion ?? FIRST_VERSION;
}

/** The migration due at `height` for a state of version `from`, if any; throws CorruptStateError when one was missed. */
export function dueMigration(table: readonly Migration[], from: bigint, height: bigint): Migration | undefined {
  const next = table.find((m) => m.toVersion === from + 1n);
  if (next?.height === undefined || height < next.height) return undefined;
  if (height > next.height) {
    throw new CorruptStateError(
      `chain: version ${next.toVersion} took effect at height ${next.height}, but the state at ${height} is of version ${from}; replay from before that height with this software`,
    );
  }
  return next;
}
