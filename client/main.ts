// SPDX-License-Identifier: Apache-2.0
// pogod: node and command line in one binary, with the verbs and flags of simd.
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Halves the time until a command answers. Where the folder cannot be written, everything is compiled as before.
enableCompileCache(fileURLToPath(new URL('../.cache/compile', import.meta.url)));
const { runProgram } = await import('./program.ts');
const { endPrompts } = await import('./cli/prompt.ts');

// A reader that goes away early, such as `head`, is no error of ours.
process.stdout.on('error', () => process.exit(0));
process.exitCode = await runProgram(process.argv.slice(2));
endPrompts();
