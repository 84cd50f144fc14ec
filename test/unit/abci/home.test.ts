// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'smol-toml';
import { fitsUnixSocket, formatAddress, parseAddress } from '../../../abci/address.ts';
import { explainEnd, startComet } from '../../../abci/comet.ts';
import { ConfigError } from '../../../abci/config.ts';
import { checkHome, homePaths, setCometValue, setPersistentPeers, socketPath, writeNodeConfig } from '../../../abci/home.ts';

function folder(t: TestContext, name = 'home'): string {
  const dir = mkdtempSync(join(tmpdir(), 'home '));
  t.after(() => rmSync(dir, { recursive: true }));
  return join(dir, name);
}

type Toml = Record<string, Record<string, unknown>>;
const comet = (home: string): Toml => parse(readFileSync(homePaths(home).configToml, 'utf8')) as Toml;

test('config.toml holds what was asked for, also in awkward names', (t) => {
  const home = folder(t);
  writeNodeConfig(home, { moniker: 'a "quoted" \\ name', rpcLaddr: 'tcp://127.0.0.1:1', timeoutCommitMs: 250, seeds: ['a@b:1', 'c@d:2'] });
  const config = comet(home);
  assert.equal(config['moniker'], 'a "quoted" \\ name');
  assert.equal(config['rpc']?.['laddr'], 'tcp://127.0.0.1:1');
  assert.equal(config['consensus']?.['timeout_commit'], '250ms');
  assert.equal(config['p2p']?.['seeds'], 'a@b:1,c@d:2');
  assert.equal(config['p2p']?.['addr_book_strict'], true);
  assert.equal(config['mempool']?.['type'], 'flood');
});

test('files that are there stay, unless they are to be overwritten', (t) => {
  const home = folder(t);
  writeNodeConfig(home, { moniker: 'first' });
  writeNodeConfig(home, { moniker: 'second' });
  assert.equal(comet(home)['moniker'], 'first');
  writeNodeConfig(home, { moniker: 'third' }, true);
  assert.equal(comet(home)['moniker'], 'third');
});

test('one value is changed in its own section and nothing else', (t) => {
  const home = folder(t);
  writeNodeConfig(home, { moniker: 'm' });
  const before = readFileSync(homePaths(home).configToml, 'utf8');
  setPersistentPeers(home, ['id@127.0.0.1:26656']);
  setCometValue(home, 'rpc', 'laddr', 'tcp://127.0.0.1:7');
  const after = readFileSync(homePaths(home).configToml, 'utf8');
  const changed = after.split('\n').filter((line, i) => line !== before.split('\n')[i]);
  assert.deepEqual(changed, ['laddr = "tcp://127.0.0.1:7"', 'persistent_peers = "id@127.0.0.1:26656"']);
  assert.throws(() => setCometValue(home, 'rpc', 'colour', 'red'), /rpc\.colour: there is no such key/);
});

test('a home that lacks a file says which and how to make it', (t) => {
  const home = folder(t);
  assert.throws(
    () => checkHome(home),
    (e: unknown) => e instanceof ConfigError && /config\.toml is missing; "pogod init/.test(e.message),
  );
  writeNodeConfig(home, { moniker: 'm' });
  assert.throws(() => checkHome(home), /genesis\.json is missing/);
});

test('the socket lies in the home, or in a private folder when the path would be too long', (t) => {
  const short = folder(t);
  assert.equal(socketPath(short), join(short, 'data', 'abci', 'abci.sock'));
  const long = folder(t, 'x'.repeat(120));
  const path = socketPath(long);
  t.after(() => rmSync(dirname(path), { recursive: true, force: true }));
  assert.ok(fitsUnixSocket(path));
  assert.equal(path, socketPath(long));
  assert.notEqual(path, socketPath(`${long}y`));
  rmSync(dirname(socketPath(`${long}y`)), { recursive: true });
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
});

test('a prepared folder of another mode is made private again', (t) => {
  const long = folder(t, 'y'.repeat(120));
  const dir = dirname(socketPath(long));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  rmSync(dir, { recursive: true });
  mkdirSync(dir, { mode: 0o777 });
  socketPath(long);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
});

for (const [text, address] of [
  ['unix:///run/a b.sock', { kind: 'unix', path: '/run/a b.sock' }],
  ['tcp://127.0.0.1:26658', { kind: 'tcp', host: '127.0.0.1', port: 26658 }],
  ['tcp://[::1]:26658', { kind: 'tcp', host: '::1', port: 26658 }],
] as const) {
  test(`the address ${text} is read and written back`, () => {
    assert.deepEqual(parseAddress(text), address);
    assert.equal(formatAddress(address), text);
  });
}

for (const text of ['', 'tcp://', 'tcp://host', 'tcp://host:70000', 'http://host:1', 'unix://', `unix:///${'x'.repeat(104)}`, 'tcp://a:b:1']) {
  test(`the address "${text.slice(0, 30)}" is refused`, () => assert.throws(() => parseAddress(text), /^Error: address: /));
}

for (const [line, says] of [
  ['ERROR: failed to create node: listen tcp 127.0.0.1:26657: bind: address already in use', /port in use: 127\.0\.0\.1:26657/],
  ['panic: write /x/000001.log: no space left on device', /disk is full/],
  ['error during handshake: error on replay: app block height (9) is higher than core (7)', /application is at height 9, CometBFT at 7/],
  ['error during handshake: app block height (1) is too far below block store base (5)', /older than the blocks/],
] as const) {
  test(`"${line.slice(0, 40)}..." is explained`, () => {
    assert.match(explainEnd({ code: 1, signal: null, lastLines: ['something before', line] }) ?? '', says);
  });
}

test('an unknown end is not explained away', () => assert.equal(explainEnd({ code: 2, signal: null, lastLines: ['panic: nil map'] }), undefined));

test('what a panic says is kept, and the stacks after it are not', async () => {
  const script = "echo before; echo 'panic: the books'; echo 'do not balance'; echo 'goroutine 1 [running]:'; seq 1 50; exit 2";
  const seen: string[] = [];
  const end = await startComet('/bin/sh', ['-c', script], (line) => seen.push(line)).ended;
  assert.deepEqual(end, { code: 2, signal: null, lastLines: ['panic: the books', 'do not balance'] });
  assert.equal(seen.length, 54);
});

test('without a panic the last lines are kept', async () => {
  const end = await startComet('/bin/sh', ['-c', 'seq 1 50; printf last'], () => undefined).ended;
  assert.deepEqual(end.lastLines, [...Array.from({ length: 19 }, (_, i) => `${32 + i}`), 'last']);
});

test('a program that does not exist ends with its reason', async () => {
  const end = await startComet('/nonexistent/cometbft', [], () => undefined).ended;
  assert.match(end.lastLines.join(), /ENOENT/);
});

test('a program that ignores the signal is killed after its grace', async () => {
  const ready = Promise.withResolvers<void>();
  const comet = startComet('/bin/sh', ['-c', "trap '' TERM; echo ready; while :; do sleep 0.05; done"], () => ready.resolve());
  await ready.promise;
  assert.equal((await comet.stop(100)).signal, 'SIGKILL');
});
