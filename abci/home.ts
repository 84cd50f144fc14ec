// SPDX-License-Identifier: Apache-2.0
// The home folder of a node, laid out as cosmos-sdk and CometBFT lay theirs out, and its config.toml.

import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fitsUnixSocket } from './address.ts';
import { type CometOptions, cometToml } from './cometconfig.ts';
import { appToml, ConfigError } from './config.ts';

export interface HomePaths {
  readonly home: string;
  readonly configToml: string;
  readonly appToml: string;
  readonly genesis: string;
  readonly nodeKey: string;
  readonly validatorKey: string;
  readonly validatorState: string;
  /** The application's store; CometBFT's databases lie beside it. */
  readonly store: string;
  readonly data: string;
}

/** Paths of a home folder, absolute. */
export function homePaths(home: string): HomePaths {
  const root = resolve(home);
  const config = join(root, 'config');
  const data = join(root, 'data');
  return {
    home: root,
    configToml: join(config, 'config.toml'),
    appToml: join(config, 'app.toml'),
    genesis: join(config, 'genesis.json'),
    nodeKey: join(config, 'node_key.json'),
    validatorKey: join(config, 'priv_validator_key.json'),
    validatorState: join(data, 'priv_validator_state.json'),
    store: join(data, 'application.db'),
    data,
  };
}

export interface NodeConfigOptions extends CometOptions {
  readonly minimumGasPrices?: string;
}

/** Writes config.toml and app.toml of a new home; files that are there stay unless `overwrite`. */
export function writeNodeConfig(home: string, options: NodeConfigOptions, overwrite = false): void {
  const paths = homePaths(home);
  mkdirSync(dirname(paths.configToml), { recursive: true });
  mkdirSync(paths.data, { recursive: true, mode: 0o700 });
  const { minimumGasPrices } = options;
  if (overwrite || !existsSync(paths.configToml)) replaceFile(paths.configToml, cometToml(options));
  if (overwrite || !existsSync(paths.appToml)) replaceFile(paths.appToml, appToml(minimumGasPrices === undefined ? {} : { minimumGasPrices }));
}

/** Sets `[section] key` in config.toml, keeping everything else, comments too. Throws ConfigError when the file has no such key. */
export function setCometValue(home: string, section: string, key: string, value: string | number | boolean): void {
  const path = homePaths(home).configToml;
  const lines = readText(path).split('\n');
  let current = '';
  for (const [i, line] of lines.entries()) {
    current = /^\[([^\]]+)\]/.exec(line)?.[1] ?? current;
    if (current !== section || !line.startsWith(`${key} =`)) continue;
    lines[i] = `${key} = ${JSON.stringify(value)}`;
    replaceFile(path, lines.join('\n'));
    return;
  }
  throw new ConfigError(`${path}: ${section === '' ? key : `${section}.${key}`}: there is no such key`);
}

/** Peers `id@host:port` that the node keeps connections to. */
export function setPersistentPeers(home: string, peers: readonly string[]): void {
  setCometValue(home, 'p2p', 'persistent_peers', peers.join(','));
}

/** What `start` needs; throws ConfigError naming the file that is missing and what makes it. */
export function checkHome(home: string): HomePaths {
  const paths = homePaths(home);
  for (const path of [paths.configToml, paths.genesis, paths.nodeKey, paths.validatorKey, paths.validatorState]) {
    if (!existsSync(path)) throw new ConfigError(`${path} is missing; "pogod init MONIKER --home ${home}" makes a new home folder`);
  }
  return paths;
}

/**
 * Path of the application's socket: within the home, or, where that path is longer than a socket's may be, in a
 * private folder of the system's folder for temporary files, whose name follows from the home.
 */
export function socketPath(home: string): string {
  const inside = join(homePaths(home).data, 'abci', 'abci.sock');
  if (fitsUnixSocket(inside)) return inside;
  const name = createHash('sha256').update(resolve(home)).digest('hex').slice(0, 16);
  const dir = join(tmpdir(), `pogo-${name}`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const stat = lstatSync(dir);
  // Another user may have made it first, to be our application's neighbour.
  if (!stat.isDirectory() || stat.uid !== process.getuid?.())
    throw new ConfigError(`${dir} belongs to somebody else; remove it or choose a shorter home`);
  chmodSync(dir, 0o700);
  return join(dir, 'abci.sock');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`${path}: ${(error as Error).message}`);
  }
}

/** Whole or not at all. */
function replaceFile(path: string, text: string): void {
  const beside = `${path}.${process.pid}.new`;
  writeFileSync(beside, text, { mode: 0o644 });
  renameSync(beside, path);
}
