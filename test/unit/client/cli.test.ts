// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'smol-toml';
import { canonicalJson, type Json } from '../../../core/json.ts';

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const POGOD = fileURLToPath(new URL('../../../bin/pogod', import.meta.url));
// A space in every path: scripts and socket names must bear it.
const root = mkdtempSync(join(tmpdir(), 'pogo cli '));
after(() => rmSync(root, { recursive: true }));

function pogod(args: readonly string[], input = ''): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(POGOD, args, { env: { ...process.env, HOME: root } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (part) => (stdout += part));
    child.stderr.on('data', (part) => (stderr += part));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.end(input);
  });
}

async function ok(args: readonly string[], input = ''): Promise<string> {
  const result = await pogod(args, input);
  assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

/** One line on standard error, exit code 1, nothing on standard output, no stack. */
async function refused(args: readonly string[], message: RegExp, input = ''): Promise<void> {
  const { code, stdout, stderr } = await pogod(args, input);
  assert.equal(code, 1, `${args.join(' ')}: ${stdout}${stderr}`);
  assert.match(stderr, message);
  assert.equal(stdout, '');
  assert.equal(
    stderr
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith('>')).length,
    1,
    stderr,
  );
}

const homes = [0, 1, 2, 3].map((i) => join(root, `node${i}`));
const [first = ''] = homes;
const CHAIN = 'cli-test-1';
const genesisPath = (home: string): string => join(home, 'config', 'genesis.json');
const readGenesis = (home: string): Record<string, never> => JSON.parse(readFileSync(genesisPath(home), 'utf8')) as Record<string, never>;

before(async () => {
  await Promise.all(
    homes.map(async (home, i) => {
      await ok(['init', `node${i}`, '--chain-id', CHAIN, '--home', home]);
      await ok(['keys', 'add', 'val', '--keyring-backend', 'test', '--home', home, '-o', 'json']);
    }),
  );
});

test('init makes the files of an SDK node, secrets readable by the owner alone', () => {
  const names = readdirSync(join(first, 'config'));
  assert.deepEqual(names.sort(), ['app.toml', 'client.toml', 'config.toml', 'genesis.json', 'node_key.json', 'priv_validator_key.json']);
  for (const name of ['config/node_key.json', 'config/priv_validator_key.json', 'data/priv_validator_state.json', 'keyring-test/val.json'])
    assert.equal(statSync(join(first, name)).mode & 0o777, 0o600, name);
  const config = parse(readFileSync(join(first, 'config', 'config.toml'), 'utf8'));
  assert.equal(config['moniker'], 'node0');
});

test('the genesis is canonical JSON of CometBFT, with the chain, its prefix and its denomination', () => {
  const text = readFileSync(genesisPath(first), 'utf8');
  const genesis = JSON.parse(text) as { chain_id: string; app_state: { chain: { address_prefix: string; bond_denom: string } } };
  assert.equal(text, `${canonicalJson(genesis as unknown as Json)}\n`);
  assert.equal(genesis.chain_id, CHAIN);
  assert.deepEqual([genesis.app_state.chain.address_prefix, genesis.app_state.chain.bond_denom], ['pogo', 'upogo']);
});

test('init records another prefix and denomination, and refuses to overwrite unless told', async () => {
  const home = join(root, 'other');
  await ok(['init', 'x', '--chain-id', 'other-1', '--home', home, '--prefix', 'sun', '--default-denom', 'uray']);
  const { chain } = readGenesis(home)['app_state'] as unknown as { chain: Record<string, string> };
  assert.deepEqual([chain['address_prefix'], chain['bond_denom']], ['sun', 'uray']);
  assert.match(await ok(['keys', 'add', 'k', '--home', home]), /address: sun1/);
  assert.match(await ok(['comet', 'show-address', '--home', home]), /^sunvalcons1/);
  await refused(['init', 'x', '--chain-id', 'other-2', '--home', home], /^Error: genesis\.json exists already: .*use --overwrite/);
  const key = readFileSync(join(home, 'config', 'node_key.json'), 'utf8');
  await ok(['init', 'x', '--chain-id', 'other-2', '--home', home, '--overwrite']);
  assert.equal(readGenesis(home)['chain_id'], 'other-2');
  assert.equal(readFileSync(join(home, 'config', 'node_key.json'), 'utf8'), key);
});

test('four validators are set up by the verbs that users of simd know', async () => {
  for (const home of homes) {
    const address = (await ok(['keys', 'show', 'val', '-a', '--home', home])).trim();
    await ok(['genesis', 'add-genesis-account', address, '2000000000upogo', '--home', first]);
  }
  for (const [i, home] of homes.entries()) {
    if (home !== first) cpSync(genesisPath(first), genesisPath(home));
    await ok(['genesis', 'gentx', 'val', '1000000000upogo', '--chain-id', CHAIN, '--home', home, '--ip', '127.0.0.1', '--p2p-port', `${27_000 + i}`]);
  }
  mkdirSync(join(root, 'gentxs'));
  for (const home of homes) cpSync(join(home, 'config', 'gentx'), join(root, 'gentxs'), { recursive: true });
  const genesis = new Set<string>();
  for (const home of homes) {
    const said = JSON.parse(await ok(['genesis', 'collect-gentxs', '--gentx-dir', join(root, 'gentxs'), '--home', home, '-o', 'json'])) as {
      gen_txs: number;
    };
    assert.equal(said.gen_txs, 4);
    genesis.add(readFileSync(genesisPath(home), 'utf8'));
    await ok(['genesis', 'validate', '--home', home]);
    const { p2p } = parse(readFileSync(join(home, 'config', 'config.toml'), 'utf8')) as { p2p: { persistent_peers: string } };
    const own = (await ok(['comet', 'show-node-id', '--home', home])).trim();
    assert.equal(p2p.persistent_peers.split(',').length, 3);
    assert.ok(!p2p.persistent_peers.includes(own));
  }
  assert.equal(genesis.size, 1, 'every home has the same genesis');
  const { bank } = readGenesis(first)['app_state'] as unknown as { bank: { supply: unknown } };
  assert.deepEqual(bank.supply, [{ amount: '8000000000', denom: 'upogo' }]);
});

test('gentx and collect-gentxs refuse what would not make a chain', async () => {
  const at = ['--home', first];
  await refused(['genesis', 'gentx', 'nobody', '1upogo', ...at], /^Error: key nobody: not in the keyring/);
  await refused(['genesis', 'gentx', 'val', '1stake', ...at], /^Error: amount: the bond denomination is upogo, got stake/);
  await refused(
    ['genesis', 'gentx', 'val', '9000000000upogo', ...at],
    /^Error: amount: pogo1\w+ has 2000000000upogo in the genesis, less than 9000000000upogo/,
  );
  await refused(
    ['genesis', 'gentx', 'val', '1upogo', '--chain-id', 'x-1', ...at],
    /^Error: chain-id: x-1 is not the chain of the genesis, cli-test-1/,
  );
  await refused(
    ['genesis', 'gentx', 'val', '1upogo', '--commission-rate', '2', ...at],
    /^Error: commission-rate: expected a decimal from 0 to 1, got "2"/,
  );
  await refused(['genesis', 'gentx', 'val', '1000000upogo', '--commission-rate', '0.5', ...at], /^Error: .*commission/);
  await refused(['genesis', 'collect-gentxs', '--gentx-dir', join(root, 'none'), ...at], /^Error: gentx-dir: no such folder/);
  const bad = join(root, 'bad');
  mkdirSync(bad);
  const [name = ''] = readdirSync(join(root, 'gentxs'));
  const good = readFileSync(join(root, 'gentxs', name), 'utf8');
  const path = join(bad, 'gentx.json');
  writeFileSync(path, good.replace('"1000000000"', '"1000000001"'));
  await refused(['genesis', 'collect-gentxs', '--gentx-dir', bad, ...at], /gentx\.json: signature: does not fit the content/);
  writeFileSync(path, good.replace('"memo"', '"meno"'));
  await refused(['genesis', 'collect-gentxs', '--gentx-dir', bad, ...at], /gentx\.json: gentx\.body\.meno: TxBody has no such field/);
  writeFileSync(path, '{');
  await refused(['genesis', 'collect-gentxs', '--gentx-dir', bad, ...at], /gentx: .*gentx\.json is no JSON/);
});

test('genesis validate names field and rule', async () => {
  const path = join(root, 'genesis.json');
  const broken = async (
    change: (g: { chain_id: string; initial_height: unknown; app_state: Record<string, Record<string, unknown>> }) => void,
    message: RegExp,
  ): Promise<void> => {
    const genesis = readGenesis(first) as never;
    change(genesis);
    writeFileSync(path, JSON.stringify(genesis));
    await refused(['genesis', 'validate', path, '--home', first], message);
  };
  await broken((g) => (g.chain_id = ''), /^Error: genesis: chain_id: expected 1 to 50/);
  await broken((g) => (g.initial_height = 1), /^Error: genesis: initial_height: /);
  await broken((g) => delete g.app_state['bank'], /^Error: genesis: app_state\.bank: expected an object/);
  await broken((g) => (g.app_state['bnak'] = {}), /^Error: genesis: app_state\.bnak: no module has this name/);
  await broken(
    (g) => Object.assign(g.app_state['bank'] as object, { supply: [{ denom: 'upogo', amount: '1' }] }),
    /^Error: genesis: app_state\.bank\.supply: /,
  );
  await broken((g) => Object.assign(g.app_state['auth'] as object, { acounts: [] }), /^Error: genesis: app_state\.auth\.acounts: /);
});

test('keys are recovered, shown, exported, imported and deleted', async () => {
  const home = ['--home', join(root, 'keys')];
  const mnemonic = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about';
  await ok(['keys', 'add', 'a', '--recover', ...home], `${mnemonic}\n`);
  const address = (await ok(['keys', 'show', 'a', '-a', ...home])).trim();
  assert.equal(address, 'pogo19rl4cm2hmr8afy4kldpxz3fka4jguq0accncck');
  assert.match(await ok(['keys', 'show', 'a', '-a', '--bech', 'val', ...home]), /^pogovaloper1/);
  const armoured = await ok(['keys', 'export', 'a', ...home], 'correct horse\n');
  writeFileSync(join(root, 'a.key'), armoured);
  const hex = (await ok(['keys', 'export', 'a', '--unarmored-hex', '--unsafe', '-y', ...home])).trim();
  assert.equal(hex, 'c4a48e2fce1481cd3294b4490f6678090ea98d3d0e5cd984558ab0968741b104');
  await refused(['keys', 'export', 'a', '--unarmored-hex', ...home], /^Error: unarmored-hex: /);
  await ok(['keys', 'delete', 'a', '-y', ...home]);
  await ok(['keys', 'import', 'b', join(root, 'a.key'), ...home], 'correct horse\n');
  assert.equal((await ok(['keys', 'show', 'b', '-a', ...home])).trim(), address);
  await ok(['keys', 'delete', 'b', ...home], 'y\n');
  await ok(['keys', 'import-hex', 'c', hex, ...home]);
  const listed = JSON.parse(await ok(['keys', 'list', '-o', 'json', ...home])) as { name: string; address: string }[];
  assert.deepEqual(
    listed.map((k) => [k.name, k.address]),
    [['c', address]],
  );
  const added = JSON.parse(await ok(['keys', 'add', 'd', '-o', 'json', ...home])) as { mnemonic: string };
  assert.equal(added.mnemonic.split(' ').length, 24);
});

test('a mistake is one line that names the flag, and exit code 1', async () => {
  const home = ['--home', join(root, 'mistakes')];
  await Promise.all([
    refused(['nonsense'], /^Error: unknown command 'nonsense'/),
    refused(['keys', 'show'], /^Error: missing required argument/),
    refused(['keys', 'add', 'x', '--index', '-1', ...home], /^Error: /),
    refused(['keys', 'add', 'x', '--keyring-backend', 'os', ...home], /^Error: keyring-backend: only "test" is supported, got "os"/),
    refused(['keys', 'add', 'x', '--recover', ...home], /mnemonic|nothing was given/, 'one two three\n'),
    refused(['init', 'x', '--chain-id', 'a b', ...home], /^Error: chain-id: expected 1 to 50 letters/),
    refused(['init', 'x', '--chain-id', 'a', '--default-denom', '1x', ...home], /^Error: default-denom: invalid denom/),
    refused(['init', 'x', '--chain-id', 'a', '--prefix', 'P', ...home], /^Error: prefix: expected 2 to 30 lower-case/),
    refused(['status', '--node', 'tcp://127.0.0.1:9', ...home], /^Error: http:\/\/127\.0\.0\.1:9\/: status: /),
    refused(['status', '--node', 'ftp://x', ...home], /^Error: node: expected an address like/),
    refused(['query', 'pogo', 'job', 'seven', ...home], /^Error: job_id: expected an integer/),
    refused(['query', 'tx', 'zz', ...home], /^Error: hash: expected 64 hexadecimal digits/),
    refused(['tx', 'pogo', 'close-job', '1', ...home], /^Error: from: name the key/),
    refused(['export', ...home], /^Error: genesis: no such file/),
    refused(['comet', 'show-node-id', ...home], /^Error: key file: no such file/),
  ]);
  assert.ok(!existsSync(join(root, 'mistakes', 'config', 'genesis.json')));
});

test('a group without its verb shows its help and fails; help succeeds and names the genesis subcommands', async () => {
  assert.equal((await pogod(['keys'])).code, 1);
  assert.match(await ok(['genesis', '--help']), /genesis-related subcommands/);
  assert.match(await ok(['--help']), /start/);
  assert.match(await ok(['version']), /^\d+\.\d+\.\d+\n$/);
  const long = JSON.parse(await ok(['version', '--long', '--output', 'json'])) as { cosmos_sdk_version: string };
  assert.match(long.cosmos_sdk_version, /^v0\.53\./);
});

test('settings of the command line are kept in client.toml and checked', async () => {
  const home = ['--home', join(root, 'settings')];
  await ok(['config', 'set', 'client', 'chain-id', 'x-1', ...home]);
  assert.equal(await ok(['config', 'get', 'client', 'chain-id', ...home]), 'x-1\n');
  await refused(['config', 'set', 'client', 'output', 'xml', ...home], /client\.toml: output: /);
  await refused(['config', 'set', 'client', 'nonsense', 'x', ...home], /^Error: key: expected one of chain-id/);
});

test('unsafe-reset-all forgets data and what was signed, and keeps the keys', async () => {
  const home = join(root, 'reset');
  await ok(['init', 'x', '--chain-id', 'reset-1', '--home', home]);
  mkdirSync(join(home, 'data', 'state.db'));
  writeFileSync(join(home, 'data', 'priv_validator_state.json'), '{"height":"9","round":0,"step":3}');
  const key = readFileSync(join(home, 'config', 'priv_validator_key.json'), 'utf8');
  await ok(['tendermint', 'unsafe-reset-all', '--home', home]);
  assert.deepEqual(readdirSync(join(home, 'data')), ['priv_validator_state.json']);
  assert.deepEqual(JSON.parse(readFileSync(join(home, 'data', 'priv_validator_state.json'), 'utf8')), { height: '0', round: 0, step: 0 });
  assert.equal(readFileSync(join(home, 'config', 'priv_validator_key.json'), 'utf8'), key);
});
