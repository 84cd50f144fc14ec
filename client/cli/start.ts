// SPDX-License-Identifier: Apache-2.0
// pogod start
import type { Command } from 'commander';
import { startCommand } from '../../abci/command.ts';
import { contextOf } from './context.ts';

/** Adds `start`. */
export function addStart(program: Command): void {
  const exit = (code: number): void => {
    process.exitCode = code;
  };
  program.addCommand(startCommand((command) => contextOf(command).home, exit));
}
