// SPDX-License-Identifier: Apache-2.0
// How each daemon is started: a configuration file as a person would write it, and the command.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'smol-toml';
import { type Member, type Network, PREFIX } from './network.ts';
import { type LocalnetOptions, PROJECT } from './options.ts';
import type { ChildSpec } from './supervise.ts';

const COMMANDS: Readonly<Record<Member['role'], string>> = { miner: 'mine', attacker: 'mine', verifier: 'verify', watcher: 'watch' };

/** Daemons are spread over the nodes, so that no node answers for all. */
function nodesFor(network: Network, member: Member): readonly string[] {
  const rpcs = network.validators.map((v) => `http://127.0.0.1:${v.rpcPort}`);
  const first = network.members.indexOf(member) % rpcs.length;
  return [...rpcs.slice(first), ...rpcs.slice(0, first)];
}

function writeConfig(network: Network, member: Member): string {
  mkdirSync(member.home, { recursive: true, mode: 0o700 });
  const path = join(member.home, 'miner.toml');
  // A person may have changed it since.
  if (existsSync(path)) return path;
  const config = {
    nodes: nodesFor(network, member),
    chain_id: network.file.chain_id,
    home: join(network.home, 'keys'),
    key: member.name,
    prefix: PREFIX,
    moniker: member.name,
    listen: `127.0.0.1:${member.port}`,
    data: join(member.home, 'data'),
  };
  writeFileSync(path, stringify(config));
  return path;
}

/** The process of a daemon. One that fails is started again, as a service manager would. */
export function daemonSpec(network: Network, member: Member, options: LocalnetOptions): ChildSpec {
  const attack = member.role === 'attacker' && options.attack !== undefined ? ['--attack', options.attack] : [];
  return {
    name: member.name,
    command: join(PROJECT, 'bin', 'pogo-miner'),
    args: [COMMANDS[member.role], '--config', writeConfig(network, member), ...attack],
    logFile: join(network.home, 'logs', `${member.name}.log`),
    restart: true,
  };
}
