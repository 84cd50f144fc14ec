// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, utimesSync, writeSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { toHex } from '../../../core/bytes.ts';
import { leafHash, merkleRoot } from '../../../core/merkle.ts';
import { CHUNK_BYTES, rootOfChunks } from '../../../miner/artifact/chunks.ts';
import { type FetchRequest, fetchArtifact, UnavailableError } from '../../../miner/artifact/fetch.ts';
import { type Shape, sizeBounds } from '../../../miner/artifact/format.ts';
import { ArtifactReader } from '../../../miner/artifact/reader.ts';
import { ArtifactServer, parseRange } from '../../../miner/artifact/server.ts';
import { ArtifactStore, type Stored } from '../../../miner/artifact/store.ts';
import { ArtifactWriter } from '../../../miner/artifact/writer.ts';
import { wholeOf } from '../../../train/parts.ts';

const SHAPE: Shape = { steps: 7, checkpointEvery: 3, leafCount: 60, stateLeafBytes: 8192, codeLeafBytes: 528 };

function pattern(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length);
  let x = seed * 2654435761 + 1;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    out[i] = x >>> 24;
  }
  return out;
}

const codes = (step: number): Uint8Array => pattern(60 * 528, step);
const state = (step: number): Uint8Array => pattern(60 * 8192, 100 + step);
const records = Array.from({ length: 7 }, (_, i) => pattern(200 + i, 200 + i));

function write(store: ArtifactStore): Stored {
  const writer = new ArtifactWriter(store, SHAPE);
  for (let step = 1; step <= 7; step++) writer.step(codes(step), [3, 6, 7].includes(step) ? state(step) : undefined);
  return writer.finish(codes(50), records);
}

describe('artifacts', () => {
  let folder = '';
  let origin: ArtifactStore;
  let mirror: ArtifactStore;
  let artifact: Stored;
  let bytes: Buffer;
  const servers: (Server | ArtifactServer)[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pogo-artifact-'));
    origin = new ArtifactStore(join(folder, 'origin'));
    mirror = new ArtifactStore(join(folder, 'mirror'));
    artifact = write(origin);
    bytes = readFileSync(artifact.file);
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      if (server instanceof ArtifactServer) await server.close();
      else await new Promise((resolve) => server.close(resolve).closeAllConnections());
    }
    rmSync(folder, { recursive: true, force: true });
  });

  async function serve(options: { released?: boolean; limits?: object; store?: ArtifactStore } = {}): Promise<string> {
    const server = new ArtifactServer({
      store: options.store ?? origin,
      isReleased: () => options.released ?? true,
      status: () => ({ height: 5 }),
      limits: options.limits ?? {},
    });
    servers.push(server);
    return `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
  }

  async function serveFalse(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** A source that has the right hashes, and for each range whatever `body` makes of the right bytes. */
  function source(body: (right: Uint8Array, start: number) => Uint8Array | undefined): Promise<string> {
    return serveFalse((request, response) => {
      if (request.url?.endsWith('/hashes')) return void response.end(artifact.hashes);
      const [start, end] = parseRange(request.headers.range, bytes.length) as readonly [number, number];
      const answer = body(bytes.subarray(start, end + 1), start);
      if (answer === undefined) return void request.socket.destroy();
      response.writeHead(206);
      response.end(answer);
    });
  }

  const request = (...locations: string[]): FetchRequest => ({ root: artifact.root, size: artifact.size, locations, idleMs: 2000 });

  it('holds codes, checkpoint states, 4-bit model and records where the reader finds them', () => {
    const chunks = Array.from({ length: Math.ceil(bytes.length / CHUNK_BYTES) }, (_, i) => bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES));
    assert.equal(toHex(artifact.root), toHex(merkleRoot(chunks)));
    const [least, greatest] = sizeBounds(SHAPE);
    assert.ok(artifact.size >= least && artifact.size <= greatest);
    const reader = ArtifactReader.open(artifact.file, SHAPE);
    for (let step = 1; step <= 7; step++) assert.deepEqual(reader.codes(step), codes(step));
    for (const step of [3, 6, 7]) assert.deepEqual(wholeOf(reader.state(step), SHAPE.stateLeafBytes), state(step));
    assert.deepEqual(wholeOf(reader.finalState(), SHAPE.stateLeafBytes), state(7));
    assert.deepEqual(wholeOf(reader.codesInPlace(4), SHAPE.codeLeafBytes), codes(4));
    assert.deepEqual(reader.model4(), codes(50));
    assert.deepEqual(reader.records(), records);
    assert.throws(() => reader.state(4), /step 4 is no checkpoint/);
    reader.close();
  });

  it('refuses bytes of another shape', () => {
    assert.throws(() => ArtifactReader.open(artifact.file, { ...SHAPE, checkpointEvery: 2 }), /size|header/);
    assert.throws(() => ArtifactReader.open(artifact.file, { ...SHAPE, steps: 8 }), /size/);
    const handle = openSync(artifact.file, 'r+');
    writeSync(handle, Buffer.from([9]), 0, 1, 20);
    assert.throws(() => ArtifactReader.open(artifact.file, SHAPE), /header: steps, checkpoints or sizes differ/);
    writeSync(handle, Buffer.from('P'), 0, 1, 0);
    assert.throws(() => ArtifactReader.open(artifact.file, SHAPE), /header: is not that of an artifact/);
  });

  it('travels over HTTP and is then served by whoever fetched it', async () => {
    const first = await serve();
    const fetched = await fetchArtifact(mirror, request(first));
    assert.deepEqual(readFileSync(fetched.file), bytes);
    const third = new ArtifactStore(join(folder, 'third'));
    const again = await fetchArtifact(third, request('http://127.0.0.1:1', await serve({ store: mirror })));
    assert.deepEqual(readFileSync(again.file), bytes);
    assert.equal(existsSync(`${join(folder, 'third', toHex(artifact.root))}.part`), false);
  });

  it('is not given away before it is released, and nothing but GET is answered', async () => {
    const hidden = await serve({ released: false });
    assert.equal((await fetch(`${hidden}/artifacts/${toHex(artifact.root)}`)).status, 404);
    await assert.rejects(fetchArtifact(mirror, request(hidden)), /answered 404/);
    const open = await serve();
    assert.equal((await fetch(`${open}/artifacts/${toHex(artifact.root)}`, { method: 'POST', body: 'x' })).status, 405);
    assert.equal((await fetch(`${open}/artifacts/..%2f..%2fledger.jsonl`)).status, 404);
    assert.equal((await fetch(`${open}/healthz`)).status, 200);
    assert.deepEqual(await (await fetch(`${open}/status`)).json(), { height: 5 });
    const out = await fetch(`${open}/artifacts/${toHex(artifact.root)}`, { headers: { range: `bytes=${artifact.size}-` } });
    assert.equal(out.status, 416);
  });

  it('turns from a source with false hashes, false chunks, too few or too many bytes to the next, keeping what was right', async () => {
    const falseHashes = await serveFalse((_request, response) => void response.end(new Uint8Array(artifact.hashes.length)));
    const short = await serveFalse((_request, response) => void response.end(artifact.hashes.subarray(32)));
    const flipped = await source((right, start) => {
      const copy = Buffer.from(right);
      if (start > 0) copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1;
      return copy;
    });
    const truncated = await source((right) => right.subarray(0, right.length - 1));
    const longer = await source((right) => Buffer.concat([right, Buffer.from([0])]));
    const cut = await source(() => undefined);
    const asked: number[] = [];
    const honest = await source((right, start) => {
      asked.push(start);
      return right;
    });
    const all = [falseHashes, short, flipped, truncated, longer, cut];
    for (const location of all) {
      const lone = new ArtifactStore(join(folder, `lone-${all.indexOf(location)}`));
      await assert.rejects(fetchArtifact(lone, request(location)), UnavailableError, location);
      assert.equal(lone.get(artifact.root), undefined);
    }
    const fetched = await fetchArtifact(mirror, request(...all, honest));
    assert.deepEqual(readFileSync(fetched.file), bytes);
    assert.ok(asked.length >= 1 && Math.min(...asked) > 0, 'the chunks that arrived from the others are not asked for again');
  });

  it('is forgotten where its download never ended, but for the newest ones', async () => {
    const store = new ArtifactStore(join(folder, 'parts'));
    const part = async (n: number): Promise<string> =>
      await store.inPart(new Uint8Array(32).fill(n), async (path) => {
        utimesSync(path, 1000 + n, 1000 + n);
        return path;
      });
    const folders = [await part(1), await part(2), await part(3)];
    await store.inPart(new Uint8Array(32).fill(1), async () => {
      store.pruneParts(2);
      assert.deepEqual(folders.map(existsSync), [true, true, true], 'one that is under way stays');
    });
    store.pruneParts(2);
    assert.deepEqual(folders.map(existsSync), [false, true, true]);
    store.pruneParts(2);
    assert.deepEqual(folders.map(existsSync), [false, true, true]);
  });

  it('resumes from what is on disk, whatever a crash left there', async () => {
    let served = 0;
    const dying = await source((right) => (served++ === 0 ? right : undefined));
    await assert.rejects(fetchArtifact(mirror, request(dying)), UnavailableError);
    const part = `${join(mirror.folder, toHex(artifact.root))}.part`;
    const data = openSync(join(part, 'data'), 'r+');
    writeSync(data, Buffer.from([1, 2, 3]), 0, 3, CHUNK_BYTES * 2 + 5);
    const asked: (readonly [number, number])[] = [];
    const honest = await source((right, start) => {
      asked.push([start / CHUNK_BYTES, Math.ceil(right.length / CHUNK_BYTES)]);
      return right;
    });
    const fetched = await fetchArtifact(mirror, request(honest));
    assert.deepEqual(readFileSync(fetched.file), bytes);
    const chunks = Math.ceil(bytes.length / CHUNK_BYTES);
    assert.deepEqual(asked, [
      [2, 1],
      [16, chunks - 16],
    ]);
  });

  it('does not take an artifact of another root or size, nor addresses that are not HTTP', async () => {
    const open = await serve();
    const other = { ...request(open), root: new Uint8Array(32).fill(7) };
    await assert.rejects(fetchArtifact(mirror, other), /answered 404/);
    await assert.rejects(fetchArtifact(mirror, { ...request(open), size: artifact.size - CHUNK_BYTES }), /sent more than|do not lead to the root/);
    await assert.rejects(fetchArtifact(mirror, request('file:///etc/passwd', 'x')), /is not an HTTP address/);
    const redirect = await serveFalse((_request, response) => void response.writeHead(302, { location: open }).end());
    await assert.rejects(fetchArtifact(mirror, request(redirect)), UnavailableError);
  });

  it('gives up a silent source and obeys its caller', async () => {
    const silent = await serveFalse(() => undefined);
    await assert.rejects(fetchArtifact(mirror, { ...request(silent), idleMs: 50 }), /silent for 50 ms/);
    await assert.rejects(fetchArtifact(mirror, { ...request(silent), signal: AbortSignal.timeout(30) }), /TimeoutError|timeout/);
  });

  it('limits what one address may take and how many connections there are', async () => {
    const strict = await serve({ limits: { bytesPerMinute: 1000, connections: 2 } });
    assert.equal((await fetch(`${strict}/artifacts/${toHex(artifact.root)}`, { headers: { range: 'bytes=0-999' } })).status, 206);
    assert.equal((await fetch(`${strict}/healthz`)).status, 429);
    const port = Number(new URL(strict).port);
    const sockets = Array.from({ length: 6 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    const dropped = await Promise.race(sockets.slice(-1).map((socket) => new Promise((resolve) => socket.once('close', () => resolve('dropped')))));
    assert.equal(dropped, 'dropped');
    for (const socket of sockets) socket.destroy();
  });

  it('forgets a damaged entry and a draft of a process that died', () => {
    origin.draft();
    origin.sweep();
    assert.deepEqual(origin.list().map(toHex), [toHex(artifact.root)]);
    const handle = openSync(join(folder, 'origin', toHex(artifact.root), 'hashes'), 'r+');
    writeSync(handle, Buffer.from([1, 2, 3, 4]), 0, 4, 0);
    assert.equal(origin.get(artifact.root), undefined);
    assert.deepEqual(origin.list(), []);
  });

  it('that a process left half removed when it died is none, and another takes its place', async () => {
    for (const lost of ['data', 'hashes']) {
      rmSync(join(folder, 'origin', toHex(artifact.root), lost));
      assert.equal(new ArtifactStore(origin.folder).get(artifact.root), undefined);
      assert.deepEqual(readFileSync(write(origin).file), bytes);
      assert.deepEqual(origin.get(artifact.root)?.hashes, artifact.hashes);
    }
    origin.remove(artifact.root);
    origin.remove(artifact.root);
    assert.deepEqual(readdirSync(origin.folder), []);
  });

  it('hashes chunks as RFC 6962 leaves', () => {
    assert.deepEqual(rootOfChunks(leafHash(new Uint8Array(5))), merkleRoot([new Uint8Array(5)]));
  });
});
