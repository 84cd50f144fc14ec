// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KINDS } from '../../../abci/dispatch.ts';
import { frame } from '../../../abci/frame.ts';
import { type AbciServer, type SocketOptions, serveSocket } from '../../../abci/socket.ts';
import type { Application } from '../../../core/application.ts';
import { concatBytes, fromHex, utf8 } from '../../../core/bytes.ts';
import { encode, reflect } from '../../../core/codec.ts';
import * as abci from '../../../proto/gen/tendermint.abci.ts';
import type { Input } from '../../../proto/message.ts';
import { AbciClient } from '../../helpers/abciclient.ts';
import { type ToyApp, toyApp } from '../../helpers/toyapp.ts';

interface Bench {
  readonly app: ToyApp;
  readonly path: string;
  readonly server: AbciServer;
  readonly refused: string[];
  readonly fatal: unknown[];
  open(): Promise<AbciClient>;
}

async function bench(t: TestContext, overrides: Partial<Application> = {}, options: Partial<SocketOptions> = {}): Promise<Bench> {
  const path = join(mkdtempSync(join(tmpdir(), 'abci-')), 'private', 'abci.sock');
  const app = toyApp(overrides);
  const refused: string[] = [];
  const fatal: unknown[] = [];
  const hooks = { onRefused: (r: string) => refused.push(r), onFatal: (e: unknown) => fatal.push(e) };
  const server = await serveSocket(app, { address: { kind: 'unix', path }, graceMs: 50, ...hooks, ...options });
  const clients: AbciClient[] = [];
  t.after(async () => {
    for (const c of clients) c.close();
    await server.close();
    rmSync(dirname(dirname(path)), { recursive: true, force: true });
  });
  const open = async (): Promise<AbciClient> => {
    const client = await AbciClient.open(path);
    clients.push(client);
    return client;
  };
  return { app, path, server, refused, fatal, open };
}

const block = (height: bigint, ...txs: string[]): Input<abci.Request> => ({ finalizeBlock: { height, txs: txs.map(utf8) } });

/** Another connection works and the application was not asked to stop. */
async function unharmed(b: Bench): Promise<void> {
  const client = await b.open();
  assert.equal((await client.call({ echo: { message: 'still here' } }))?.echo?.message, 'still here');
  assert.deepEqual(b.fatal, []);
  client.close();
}

test('the table of kinds is that of the descriptor', () => {
  assert.deepEqual([...KINDS].sort(), Object.keys(reflect('tendermint.abci.Request').fields).sort());
});

test('every kind of request gets the answer of its kind', async (t) => {
  const b = await bench(t);
  const client = await b.open();
  for (const kind of KINDS) {
    if (kind === 'flush') continue;
    if (kind === 'commit') await client.call(block(1n, 'a=1'));
    const answer = await client.call({ [kind]: {} });
    assert.deepEqual(answer && Object.keys(answer), [kind]);
  }
  assert.deepEqual(b.fatal, []);
});

test('answers come in the order of the requests, and only at the flush', async (t) => {
  const b = await bench(t);
  const client = await b.open();
  for (let i = 0; i < 300; i++) client.send(i % 3 === 0 ? { checkTx: { tx: utf8(`k=${i}`) } } : { echo: { message: `${i}` } });
  await unharmed(b);
  assert.equal(client.answers.length, 0);
  client.send({ flush: {} });
  for (let i = 0; i < 300; i++) {
    const answer = await client.next();
    if (i % 3 === 0) assert.equal(answer?.checkTx?.code, 0);
    else assert.equal(answer?.echo?.message, `${i}`);
  }
  assert.ok((await client.next())?.flush);
});

test('answers that nobody flushes are sent once they are large, so that they cannot pile up', async (t) => {
  const b = await bench(t);
  const client = await b.open();
  for (let i = 0; i < 4; i++) client.send({ echo: { message: 'x'.repeat(100_000) } });
  assert.equal((await client.next())?.echo?.message.length, 100_000);
});

test('a peer that does not read is held back, and gets everything once it reads', async (t) => {
  const b = await bench(t);
  const client = await b.open();
  client.socket.pause();
  const message = 'y'.repeat(1 << 20);
  for (let i = 0; i < 40; i++) {
    client.send({ echo: { message } });
    client.send({ flush: {} });
  }
  await unharmed(b);
  client.socket.resume();
  for (let i = 0; i < 40; i++) {
    assert.equal((await client.next())?.echo?.message.length, message.length);
    assert.ok((await client.next())?.flush);
  }
});

test('a large block crosses the socket whole', async (t) => {
  const b = await bench(t);
  const client = await b.open();
  const txs = Array.from({ length: 8 }, (_, i) => utf8(`k${i}=${'v'.repeat(1 << 20)}`));
  const answer = await client.call({ finalizeBlock: { height: 1n, txs } });
  assert.deepEqual(
    answer?.finalizeBlock?.txResults.map((r) => r.code),
    Array(8).fill(0),
  );
});

const garbage = (seed: number): Uint8Array => Uint8Array.from({ length: 4000 }, (_, i) => (Math.imul(i + seed, 2654435761) >>> 13) & 255);

for (const [name, bytes, answered] of [
  ['a huge length', fromHex('ffffffffffffffffff01'), /at most/],
  ['an over-long length', fromHex('8080808080808080808000'), /more than 64 bits|shortest/],
  ['an empty request', fromHex('00'), /of no kind/],
  ['an unknown kind', frame(fromHex('ba0600')), /of no kind/],
  ['two kinds at once', frame(concatBytes(encode(abci.Request, { echo: {} }), encode(abci.Request, { info: {} }))), /more than one message/],
  ['a frame that is not protobuf', frame(utf8('GET / HTTP/1.1\r\n\r\n')), /not a message/],
  ['a field longer than its frame', frame(fromHex('0aff01')), /longer than/],
  ['groups nested without end', frame(concatBytes(fromHex('0aa08d06'), new Uint8Array(100_000).fill(0x0b))), /groups/],
] as const) {
  test(`${name} gets an exception, its connection closes, and nobody else is harmed`, async (t) => {
    const b = await bench(t);
    const client = await b.open();
    client.raw(bytes);
    const answer = await client.next();
    assert.match(answer?.exception?.error ?? '', answered);
    await client.untilClosed();
    assert.equal(b.refused.length, 1);
    await unharmed(b);
  });
}

test('more fields than the budget are refused before they are decoded', async (t) => {
  const b = await bench(t, {}, { maxItems: 1000 });
  const client = await b.open();
  const txs = (n: number): readonly Uint8Array[] => Array.from({ length: n }, () => new Uint8Array(0));
  assert.equal((await client.call({ finalizeBlock: { height: 1n, txs: txs(999) } }))?.finalizeBlock?.txResults.length, 999);
  assert.match((await client.call({ finalizeBlock: { txs: txs(1001) } }))?.exception?.error ?? '', /more than 1000 fields/);
});

test('garbage harms nobody', async (t) => {
  const b = await bench(t);
  for (let seed = 0; seed < 20; seed++) {
    const client = await b.open();
    client.raw(garbage(seed));
    client.socket.end();
    await client.untilClosed();
  }
  await unharmed(b);
});

test('half a frame and then silence or an end harms nobody', async (t) => {
  const b = await bench(t);
  const silent = await b.open();
  silent.raw(fromHex('ff7f00'));
  const ended = await b.open();
  ended.raw(fromHex('0a0b'));
  ended.socket.end();
  await ended.untilClosed();
  assert.deepEqual(b.refused, ['the connection ended within a frame']);
  await unharmed(b);
});

test('a fifth connection is refused with an exception and the four go on', async (t) => {
  const b = await bench(t);
  const four = await Promise.all([b.open(), b.open(), b.open(), b.open()]);
  for (const c of four) await c.call({ echo: { message: 'open' } });
  const fifth = await b.open();
  assert.match((await fifth.next())?.exception?.error ?? '', /4 connections are open/);
  await fifth.untilClosed();
  for (const c of four) assert.equal((await c.call({ echo: { message: 'on' } }))?.echo?.message, 'on');
});

test('a connection too many gets the place of one that closes meanwhile', async (t) => {
  const b = await bench(t, {}, { graceMs: 5000 });
  const four = await Promise.all([b.open(), b.open(), b.open(), b.open()]);
  for (const c of four) await c.call({ echo: { message: 'open' } });
  const fifth = await b.open();
  const answer = fifth.call({ echo: { message: 'in' } });
  four[0]?.close();
  assert.equal((await answer)?.echo?.message, 'in');
});

test('an exception of the application is sent and reported as fatal', async (t) => {
  const b = await bench(t, {
    finalizeBlock: () => {
      throw new Error('the books do not balance');
    },
  });
  const client = await b.open();
  assert.equal((await client.call(block(1n)))?.exception?.error, 'the books do not balance');
  await client.untilClosed();
  assert.equal(b.fatal.length, 1);
});

for (const [name, overrides, request, rule] of [
  [
    'a missing result',
    { finalizeBlock: () => ({ events: [], txResults: [], validatorUpdates: [], appHash: new Uint8Array(0) }) },
    block(1n, 'a=1'),
    /0 results for 1/,
  ],
  ['an unset status', { processProposal: () => ({ status: 0 }) }, { processProposal: {} }, /ProcessProposal.*UNKNOWN/],
  ['an amount beyond 64 bits', { commit: async () => ({ retainHeight: 1n << 70n }) }, { commit: {} }, /retainHeight/],
] as const) {
  test(`an answer with ${name} stops the node with its reason`, async (t) => {
    const b = await bench(t, overrides);
    const client = await b.open();
    assert.match((await client.call(request))?.exception?.error ?? '', rule);
    await client.untilClosed();
    assert.equal(b.fatal.length, 1);
  });
}

test('while a commit is written queries are served from the commit before, and all else waits', async (t) => {
  const b = await bench(t);
  const [consensus, query, other] = [await b.open(), await b.open(), await b.open()];
  await consensus.call(block(1n, 'a=old'));
  await consensus.call({ commit: {} });
  let release = (): void => undefined;
  b.app.holdCommit = new Promise((resolve) => {
    release = resolve;
  });
  await consensus.call(block(2n, 'a=new'));
  const committing = consensus.call({ commit: {} });
  const info = other.call({ info: {} });
  const during = await query.call({ query: { data: utf8('a') } });
  assert.deepEqual(during?.query?.value, utf8('old'));
  assert.equal(b.app.calls.includes('info'), false);
  release();
  assert.ok((await committing)?.commit);
  assert.equal((await info)?.info?.lastBlockHeight, 2n);
  assert.deepEqual((await query.call({ query: { data: utf8('a') } }))?.query?.value, utf8('new'));
});

test('a clean stop waits for a commit in progress', async (t) => {
  const b = await bench(t);
  const client = await b.open();
  await client.call(block(1n, 'a=1'));
  let release = (): void => undefined;
  b.app.holdCommit = new Promise((resolve) => {
    release = resolve;
  });
  client.send({ commit: {} });
  client.send({ flush: {} });
  while (!b.app.calls.includes('commit')) await new Promise((resolve) => setTimeout(resolve, 1));
  const closing = b.server.close();
  assert.equal(b.app.height, 0n);
  release();
  await closing;
  assert.equal(b.app.height, 1n);
});

test('the socket is private to its owner', async (t) => {
  const b = await bench(t);
  assert.equal(statSync(dirname(b.path)).mode & 0o777, 0o700);
  assert.equal(statSync(b.path).mode & 0o777, 0o600);
});

test('an address that somebody serves is refused, and the file of a dead process is replaced', async (t) => {
  const b = await bench(t);
  const address = { kind: 'unix', path: b.path } as const;
  await assert.rejects(serveSocket(toyApp(), { address, onFatal: () => undefined }), /in use by another process/);
  await unharmed(b);
  // A listener that goes without removing its file, as after kill -9.
  const stale = `${b.path}2`;
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(stale, resolve));
  const { linkSync } = await import('node:fs');
  linkSync(stale, `${stale}3`);
  await new Promise((resolve) => dead.close(resolve));
  assert.equal(existsSync(`${stale}3`), true);
  const server = await serveSocket(toyApp(), { address: { kind: 'unix', path: `${stale}3` }, onFatal: () => undefined });
  await server.close();
});
