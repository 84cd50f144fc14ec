// SPDX-License-Identifier: Apache-2.0
import type { Application } from '../core/application.ts';

/** The height at which the operator wants this program to stop has been committed. Not a failure. */
export class HaltError extends Error {
  override readonly name = 'HaltError';
}

/**
 * The application that refuses to execute blocks above `height`: everything up to it is committed, the next program
 * executes what follows. CometBFT has stored the refused block by then and replays it to that program.
 */
export function haltAbove(app: Application, height: bigint): Application {
  if (height === 0n) return app;
  return {
    ...app,
    finalizeBlock: (request) => {
      if (request.height > height) throw new HaltError(`halt-height ${height} is committed; the next program executes height ${request.height}`);
      return app.finalizeBlock(request);
    },
  };
}
