// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { KINDS } from '../../../abci/dispatch.ts';
import { serveGrpc } from '../../../abci/grpc.ts';
import { HaltError, haltAbove } from '../../../abci/halt.ts';
import type { Application } from '../../../core/application.ts';
import { utf8 } from '../../../core/bytes.ts';
import { decode, encode } from '../../../core/codec.ts';
import * as abci from '../../../proto/gen/tendermint.abci.ts';
import type { Input, MessageType } from '../../../proto/message.ts';
import { type ToyApp, toyApp } from '../../helpers/toyapp.ts';

interface Bench {
  readonly app: ToyApp;
  readonly fatal: unknown[];
  call<Q, R>(method: string, request: MessageType<Q>, response: MessageType<R>, value: Input<Q>): Promise<R>;
}

async function bench(t: TestContext, overrides: Partial<Application> = {}): Promise<Bench> {
  const dir = mkdtempSync(join(tmpdir(), 'grpc-'));
  const path = join(dir, 'private', 'abci.sock');
  const app = toyApp(overrides);
  const fatal: unknown[] = [];
  const server = await serveGrpc(app, { address: { kind: 'unix', path }, onFatal: (e) => fatal.push(e) });
  const client = new Client(`unix://${path}`, credentials.createInsecure());
  t.after(async () => {
    client.close();
    await server.close();
    rmSync(dir, { recursive: true });
  });
  return {
    app,
    fatal,
    call: (method, request, response, value) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          `/tendermint.abci.ABCI/${method}`,
          (v: typeof value) => Buffer.from(encode(request, v)),
          (bytes) => decode(response, bytes),
          value,
          (error, answer) => (error === null && answer !== undefined ? resolve(answer) : reject(error)),
        );
      }),
  };
}

test('every kind of request is a method of the service', async (t) => {
  const b = await bench(t);
  for (const kind of KINDS) {
    if (kind === 'commit') await b.call('FinalizeBlock', abci.RequestFinalizeBlock, abci.ResponseFinalizeBlock, { height: 1n });
    const name = kind.charAt(0).toUpperCase() + kind.slice(1);
    await b.call(name, { typeName: `tendermint.abci.Request${name}` }, { typeName: `tendermint.abci.Response${name}` }, {} as never);
  }
  assert.deepEqual(b.fatal, []);
});

test('a block is executed, committed and queried', async (t) => {
  const b = await bench(t);
  const block = await b.call('FinalizeBlock', abci.RequestFinalizeBlock, abci.ResponseFinalizeBlock, { height: 1n, txs: [utf8('a=1'), utf8('?')] });
  assert.deepEqual(
    block.txResults.map((r) => r.code),
    [0, 1],
  );
  await b.call('Commit', abci.RequestCommit, abci.ResponseCommit, {});
  const answer = await b.call('Query', abci.RequestQuery, abci.ResponseQuery, { data: utf8('a') });
  assert.deepEqual([answer.value, answer.height], [utf8('1'), 1n]);
});

test('an exception of the application ends the call with its text and is reported as fatal', async (t) => {
  const b = await bench(t, {
    info: () => {
      throw new Error('the books do not balance');
    },
  });
  await assert.rejects(b.call('Info', abci.RequestInfo, abci.ResponseInfo, {}), (e: ServiceError) => e.details === 'the books do not balance');
  assert.equal(b.fatal.length, 1);
});

test('above the halt height no block is executed, up to it every one', async () => {
  const app = haltAbove(toyApp(), 2n);
  const block = (height: bigint): abci.RequestFinalizeBlock => decode(abci.RequestFinalizeBlock, encode(abci.RequestFinalizeBlock, { height }));
  for (const height of [1n, 2n]) {
    app.finalizeBlock(block(height));
    await app.commit();
  }
  assert.throws(() => app.finalizeBlock(block(3n)), HaltError);
  const never = toyApp();
  assert.equal(haltAbove(never, 0n), never);
});
