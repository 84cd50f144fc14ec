// SPDX-License-Identifier: Apache-2.0
// Serves artifacts over HTTP, GET only:
//   /artifacts/<root>          the bytes, whole or one range of them
//   /artifacts/<root>/hashes   the chunk hashes, 32 bytes each
//   /healthz, /status          for whoever runs the daemon
// An artifact that its owner has not released yet answers like one that is not there, so that nobody learns of work
// in progress before the commit window has closed.
import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { fromHex } from '../../core/bytes.ts';
import type { ArtifactStore, Stored } from './store.ts';

export interface ServerLimits {
  /** Open connections in all. */
  readonly connections: number;
  /** Requests under way for one address. */
  readonly requestsPerAddress: number;
  /** Bytes sent to one address in a minute. */
  readonly bytesPerMinute: number;
  /** Milliseconds without progress until a connection is dropped. */
  readonly idleMs: number;
}

export const DEFAULT_LIMITS: ServerLimits = { connections: 128, requestsPerAddress: 32, bytesPerMinute: 4 * 2 ** 30, idleMs: 15_000 };

export interface ServerOptions {
  readonly store: ArtifactStore;
  /** Whether the artifact of that root (hex) may be given away. */
  isReleased(root: string): boolean;
  /** What /status answers. */
  status(): object;
  readonly limits?: Partial<ServerLimits>;
}

interface Visitor {
  requests: number;
  bytes: number;
}

export class ArtifactServer {
  readonly #server: Server;
  readonly #options: ServerOptions;
  readonly #limits: ServerLimits;
  readonly #visitors: Map<string, Visitor> = new Map();
  readonly #minute: NodeJS.Timeout;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#server = createServer(
      { headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 5000, maxHeaderSize: 8192 },
      (request, response) => {
        this.#serve(request, response).catch(() => response.destroy());
      },
    );
    this.#server.maxConnections = this.#limits.connections;
    this.#server.setTimeout(this.#limits.idleMs, (socket) => socket.destroy());
    this.#server.on('clientError', (_error, socket) => socket.destroy());
    this.#minute = setInterval(() => this.#forget(), 60_000).unref();
  }

  /** Listens; resolves with the port (the one asked for, or a free one for 0). Rejects when the port is taken. */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#minute);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET') return refuse(response, 405, 'only GET is answered', { allow: 'GET' });
    const address = request.socket.remoteAddress ?? '';
    const visitor = this.#visitors.get(address) ?? { requests: 0, bytes: 0 };
    this.#visitors.set(address, visitor);
    if (visitor.requests >= this.#limits.requestsPerAddress || visitor.bytes >= this.#limits.bytesPerMinute) {
      return refuse(response, 429, 'too much at once from one address', { 'retry-after': '10' });
    }
    visitor.requests++;
    try {
      await this.#route(request, response, visitor);
    } finally {
      visitor.requests--;
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, visitor: Visitor): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0] as string;
    if (path === '/healthz') return send(response, 'text/plain', Buffer.from('ok\n'), visitor);
    if (path === '/status') return send(response, 'application/json', Buffer.from(`${JSON.stringify(this.#options.status())}\n`), visitor);
    const match = /^\/artifacts\/([0-9a-f]{64})(\/hashes)?$/.exec(path);
    const root = match?.[1];
    const stored = root !== undefined && this.#options.isReleased(root) ? this.#options.store.get(fromHex(root)) : undefined;
    if (stored === undefined) return refuse(response, 404, 'there is no such artifact here');
    if (match?.[2] !== undefined) return send(response, 'application/octet-stream', stored.hashes, visitor);
    return sendFile(request, response, stored, visitor);
  }

  #forget(): void {
    for (const [address, visitor] of this.#visitors) {
      if (visitor.requests === 0) this.#visitors.delete(address);
      else visitor.bytes = 0;
    }
  }
}

async function sendFile(request: IncomingMessage, response: ServerResponse, stored: Stored, visitor: Visitor): Promise<void> {
  const range = parseRange(request.headers.range, stored.size);
  if (range === undefined) return refuse(response, 416, 'the range does not fit', { 'content-range': `bytes */${stored.size}` });
  const [start, end] = range;
  const partial = request.headers.range !== undefined;
  response.writeHead(partial ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    ...(partial ? { 'content-range': `bytes ${start}-${end}/${stored.size}` } : {}),
  });
  visitor.bytes += end - start + 1;
  await pipeline(createReadStream(stored.file, { start, end, highWaterMark: 1 << 18 }), response);
}

/** First and last byte of one `bytes=` range (RFC 9110 section 14.1.2), the whole without one; undefined if it does not fit. */
export function parseRange(header: string | undefined, size: number): readonly [number, number] | undefined {
  if (header === undefined) return [0, size - 1];
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header);
  const [from, to] = [match?.[1] ?? '', match?.[2] ?? ''];
  if (from === '' && to === '') return undefined;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return start <= end && start < size ? [start, end] : undefined;
}

function send(response: ServerResponse, type: string, body: Uint8Array, visitor: Visitor): void {
  visitor.bytes += body.length;
  response.writeHead(200, { 'content-type': type, 'content-length': body.length });
  response.end(body);
}

function refuse(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { ...headers, 'content-type': 'text/plain' });
  response.end(`${text}\n`);
}
