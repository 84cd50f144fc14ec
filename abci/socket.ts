// SPDX-License-Identifier: Apache-2.0
// The listening socket and its connections. CometBFT opens four (query, snapshot, mempool, consensus); whoever else
// reached this socket could feed blocks to the application, so the directory is private and a fifth is turned away.
import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Application } from '../core/application.ts';
import { type Address, formatAddress } from './address.ts';
import { Connection, exceptionFrame, sendAndEnd } from './connection.ts';
import type { Driver } from './dispatch.ts';
import { CommitGate } from './gate.ts';

export interface SocketOptions {
  readonly address: Address;
  readonly maxConnections?: number;
  readonly maxFrameBytes?: number;
  readonly maxItems?: number;
  /** How long a connection too many may wait for a place: a node that restarts comes before its old sockets are seen closed. */
  readonly graceMs?: number;
  readonly onRefused?: (reason: string) => void;
  readonly onFatal: (error: unknown) => void;
}

export interface AbciServer {
  /** With the port that was bound when 0 was asked for. */
  readonly address: Address;
  readonly connections: number;
  /** Stops listening, ends connections and waits for a commit in progress. */
  close(): Promise<void>;
}

export const DEFAULT_MAX_FRAME_BYTES: number = 64 * 1024 * 1024;

/** Serves `app` by the ABCI 0.38 socket protocol. Rejects when the address is taken or cannot be bound. */
export async function serveSocket(app: Application, options: SocketOptions): Promise<AbciServer> {
  const { address } = options;
  const peers = new Peers({ app, gate: new CommitGate() }, options);
  const server = createServer({ noDelay: true }, (socket) => void peers.admit(socket));
  if (address.kind === 'unix') await prepareUnixSocket(address.path);
  await listen(server, address);
  if (address.kind === 'unix') chmodSync(address.path, 0o600);
  const bound = server.address();
  const actual: Address = address.kind === 'tcp' && bound !== null && typeof bound === 'object' ? { ...address, port: bound.port } : address;
  return {
    address: actual,
    get connections() {
      return peers.size;
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await peers.close();
      await closed;
    },
  };
}

class Peers {
  readonly #driver: Driver;
  readonly #options: SocketOptions;
  readonly #open = new Set<Socket>();
  readonly #waiting = new Set<Socket>();
  #closing = false;

  constructor(driver: Driver, options: SocketOptions) {
    this.#driver = driver;
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  async admit(socket: Socket): Promise<void> {
    const most = this.#options.maxConnections ?? 4;
    if (this.#open.size >= most && !(await this.#placeFor(socket, most))) {
      this.#refused(`connection: ${most} are open already`);
      await sendAndEnd(socket, exceptionFrame(`connection: the application serves one node, and ${most} connections are open already`));
      socket.destroy();
      return;
    }
    if (socket.destroyed || this.#closing) return;
    this.#open.add(socket);
    // Freed when the socket is closed, not when its last request is answered: a dead peer must not keep a place.
    socket.once('close', () => this.#open.delete(socket));
    const limits = { maxFrameBytes: this.#options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES, maxItems: this.#options.maxItems ?? 1 << 22 };
    const hooks = { onRefused: (reason: string) => this.#refused(reason), onFatal: this.#options.onFatal };
    await new Connection(socket, this.#driver, limits, hooks).serve();
  }

  #refused(reason: string): void {
    this.#options.onRefused?.(reason);
  }

  async #placeFor(socket: Socket, most: number): Promise<boolean> {
    socket.on('error', () => undefined);
    if (this.#waiting.size >= most) return false;
    this.#waiting.add(socket);
    const until = performance.now() + (this.#options.graceMs ?? 1000);
    while (this.#open.size >= most && performance.now() < until && !socket.destroyed && !this.#closing) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.#waiting.delete(socket);
    return this.#open.size < most;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#driver.gate.idle();
    for (const socket of [...this.#open, ...this.#waiting]) socket.destroy();
  }
}

function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = formatAddress(address);
      if (error.code === 'EADDRINUSE') reject(new Error(`address: ${where} is in use by another process; stop it or choose another address`));
      else reject(new Error(`address: cannot listen on ${where}: ${error.message}`));
    });
    server.listen(address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }, resolve);
  });
}

/** Makes the private directory and removes the socket file of a process that is gone; refuses when somebody still listens. */
export async function prepareUnixSocket(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (!existsSync(path)) return;
  if (await somebodyListens(path)) throw new Error(`address: unix://${path} is in use by another process; stop it or choose another address`);
  rmSync(path, { force: true });
}

function somebodyListens(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(new Error(`address: unix://${path} is not a usable socket: ${error.message}`));
    });
  });
}
