// SPDX-License-Identifier: Apache-2.0
// pogod export: the state of a stopped node as a genesis file.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openApplication } from '../../abci/application.ts';
import { readConfig } from '../../abci/config.ts';
import { homePaths } from '../../abci/home.ts';
import { asObject, canonicalJson, type Json, type JsonObject } from '../../core/json.ts';
import { UsageError } from '../errors.ts';
import { type Genesis, readGenesis, validateGenesis, writeGenesis } from '../genesis.ts';
import { contextOf, integerFlag } from './context.ts';
import { note, printLine } from './output.ts';

interface ExportFlags {
  readonly height?: string;
  readonly outputDocument?: string;
}

/** The chain module keeps durations as protobuf JSON ("172800s"), CometBFT's genesis has nanoseconds. */
function consensusParams(chain: JsonObject, fallback: JsonObject): JsonObject {
  const { consensus_params: kept } = chain;
  if (kept === null || kept === undefined) return fallback;
  const params = asObject(kept, 'app_state.chain.consensus_params');
  const evidence = asObject(params['evidence'] as Json, 'app_state.chain.consensus_params.evidence');
  const seconds = /^(\d+)(?:\.(\d{1,9}))?s$/.exec(String(evidence['max_age_duration']));
  if (seconds === null) throw new UsageError('app_state.chain.consensus_params.evidence.max_age_duration: expected a duration');
  const nanoseconds = BigInt(seconds[1] as string) * 1_000_000_000n + BigInt((seconds[2] ?? '').padEnd(9, '0'));
  return { ...params, evidence: { ...evidence, max_age_duration: nanoseconds.toString() } };
}

async function exportState(flags: ExportFlags, command: Command): Promise<void> {
  const { home } = contextOf(command);
  const paths = homePaths(home);
  const genesis = readGenesis(paths.genesis);
  if (!existsSync(paths.store)) throw new UsageError(`there is no state in ${home}: the node has not run`);
  const app = await openApplication(home, readConfig(paths.appToml));
  let appState: JsonObject;
  let height: bigint;
  try {
    const exported = app.exportGenesis();
    height = exported.height;
    if (height === 0n) throw new UsageError(`there is no state in ${home}: no block has been committed`);
    const asked = flags.height === undefined || flags.height === '-1' ? height : integerFlag(flags.height, 'height', 1n);
    if (asked !== height) throw new UsageError(`height: the last height, ${height}, is the one that can be exported`);
    appState = asObject(exported.appState as Json, 'app_state');
  } finally {
    await app.close();
  }
  const document: Genesis = {
    ...genesis,
    initial_height: (height + 1n).toString(),
    consensus_params: consensusParams(asObject(appState['chain'], 'app_state.chain'), genesis.consensus_params),
    app_state: appState,
  };
  validateGenesis(document);
  if (flags.outputDocument === undefined) printLine(canonicalJson(document as unknown as Json));
  else {
    writeGenesis(resolve(flags.outputDocument), document);
    note(`State of height ${height} written to ${resolve(flags.outputDocument)}`);
  }
}

/** Adds `export`. */
export function addExport(program: Command): void {
  program
    .command('export')
    .description('write the state of this home, whose node is stopped, as a genesis file')
    .option('--height <n>', 'height of the state: the last one (-1)')
    .option('--output-document <file>', 'where to write it (default: standard output)')
    .action((flags: ExportFlags, command: Command) => exportState(flags, command));
}
