// SPDX-License-Identifier: Apache-2.0
// pogod status
import type { Command } from 'commander';
import type { Json } from '../../core/json.ts';
import { contextOf } from './context.ts';
import { print } from './output.ts';

/** Adds `status`. */
export function addStatus(program: Command): void {
  program
    .command('status')
    .description('what the node at --node says of itself')
    .action(async (_flags: object, command: Command) => {
      const ctx = contextOf(command);
      // simd prints JSON whatever the output format.
      print((await ctx.rpc().call('status')) as Json, 'json');
    });
}
