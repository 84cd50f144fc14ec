// SPDX-License-Identifier: Apache-2.0
// The life of a node on the real CometBFT: start, blocks, stop, and what it says when it cannot.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { homePaths, socketPath } from '../../abci/home.ts';
import { AbciClient } from '../helpers/abciclient.ts';
import { alive, appHashAfter, type Chain, cometPid, type Home, heightOf, makeChain, reach, startNode } from '../helpers/comet.ts';
import { Payments } from '../helpers/payments.ts';

const first = (chain: Chain): Home => chain.homes[0] as Home;

for (const transport of ['socket', 'grpc']) {
  test(`one validator over ${transport} makes blocks, executes payments, and stops cleanly on a signal`, async (t) => {
    const chain = await makeChain(t);
    const node = startNode(t, chain, first(chain), ['--transport', transport]);
    const payments = await Payments.on(chain);
    for (let i = 0; i < 5; i++) await payments.send();
    await payments.settled();
    const comet = cometPid(node);
    assert.equal(await node.end('SIGTERM'), 0, node.output());
    assert.equal(alive(comet), false);
  });
}

test('four validators agree on every application hash, also when one was killed and came back', async (t) => {
  const chain = await makeChain(t, { validators: 4, timeoutCommitMs: 300 });
  const nodes = chain.homes.map((home) => startNode(t, chain, home));
  const payments = await Payments.on(chain);
  await payments.send();
  const lost = chain.homes[3] as Home;
  await nodes[3]?.end('SIGKILL');
  await payments.send();
  await payments.settled();
  startNode(t, chain, lost);
  const height = (await heightOf(first(chain))) + 2n;
  const hashes = await Promise.all(chain.homes.map((home) => appHashAfter(home, height)));
  assert.deepEqual(hashes, Array(4).fill(hashes[0]));
  for (const node of nodes.slice(0, 3)) assert.equal(await node.end(), 0, node.output());
});

test('a second node of the same home says who has it, and the first goes on', async (t) => {
  const chain = await makeChain(t);
  const node = startNode(t, chain, first(chain));
  await reach(first(chain), 2n);
  const second = startNode(t, chain, first(chain));
  assert.equal(await second.ended, 1);
  assert.match(second.output(), /another process has it open/);
  await reach(first(chain), (await heightOf(first(chain))) + 2n);
  assert.equal(await node.end(), 0);
});

test('a node stops by itself above its halt height, and the next program goes on from there', async (t) => {
  const chain = await makeChain(t);
  const node = startNode(t, chain, first(chain), ['--halt-height', '4']);
  assert.equal(await node.ended, 0, node.output());
  assert.match(node.output(), /halt-height 4 is committed/);
  startNode(t, chain, first(chain));
  await reach(first(chain), 6n);
});

test('whoever else reaches the socket of a running node is turned away, and the node goes on', async (t) => {
  const chain = await makeChain(t);
  const node = startNode(t, chain, first(chain));
  await reach(first(chain), 2n);
  const stranger = await AbciClient.open(socketPath(first(chain).home));
  stranger.send({ commit: {} });
  stranger.raw(new Uint8Array(1000).fill(255));
  assert.match((await stranger.next())?.exception?.error ?? '', /serves one node, and 4 connections are open/);
  await stranger.untilClosed();
  await reach(first(chain), (await heightOf(first(chain))) + 3n);
  assert.equal(await node.end(), 0);
});

test('a port in use is named', async (t) => {
  const chain = await makeChain(t);
  const other = createServer();
  await new Promise<void>((done) => other.listen(first(chain).rpcPort, '127.0.0.1', done));
  t.after(() => other.close());
  const node = startNode(t, chain, first(chain));
  assert.equal(await node.ended, 1);
  assert.match(node.output(), new RegExp(`port in use: 127\\.0\\.0\\.1:${first(chain).rpcPort} is taken by another process`));
});

test('a corrupt store stops the node before CometBFT starts, with what to do', async (t) => {
  const chain = await makeChain(t);
  const node = startNode(t, chain, first(chain));
  await reach(first(chain), 3n);
  await node.end();
  rmSync(join(homePaths(first(chain).home).store, 'CURRENT'));
  const again = startNode(t, chain, first(chain));
  assert.equal(await again.ended, 1);
  assert.match(again.output(), /CURRENT is missing; stop the node, keep a copy of the folder/);
  assert.doesNotMatch(again.output(), /CometBFT started/);
});

test('data of two times is explained: state of the application without the blocks of CometBFT', async (t) => {
  const chain = await makeChain(t);
  const node = startNode(t, chain, first(chain));
  await reach(first(chain), 3n);
  await node.end();
  const { data } = homePaths(first(chain).home);
  for (const name of ['state.db', 'blockstore.db', 'cs.wal', 'evidence.db', 'tx_index.db'])
    rmSync(join(data, name), { recursive: true, force: true });
  const again = startNode(t, chain, first(chain));
  assert.equal(await again.ended, 1);
  assert.match(again.output(), /CometBFT lacks the blocks of the application's state: the home mixes data of two times/);
});

for (const [name, break_, says] of [
  [
    'a mistake in app.toml',
    (home: string) => writeFileSync(homePaths(home).appToml, 'prunning = "all"'),
    /app\.toml: prunning: there is no such key/,
  ],
  ['a missing genesis', (home: string) => rmSync(homePaths(home).genesis), /genesis\.json is missing; "pogod init/],
  ['a missing key', (home: string) => rmSync(homePaths(home).validatorKey), /priv_validator_key\.json is missing/],
] as const) {
  test(`${name} is named, with exit code 2`, async (t) => {
    const chain = await makeChain(t);
    break_(first(chain).home);
    const node = startNode(t, chain, first(chain));
    assert.equal(await node.ended, 2);
    assert.match(node.output(), says);
  });
}
