// SPDX-License-Identifier: Apache-2.0
// One connection of CometBFT: frames in, answers out in the same order. The next chunk is read only when all
// requests of the one before are answered and written, so a slow peer holds back itself and nobody else.
import type { Socket } from 'node:net';
import { encode } from '../core/codec.ts';
import * as abci from '../proto/gen/tendermint.abci.ts';
import type { Input } from '../proto/message.ts';
import { checkItems } from './budget.ts';
import { type Driver, decodeRequest, handle, kindOf, RequestError } from './dispatch.ts';
import { FrameError, FrameReader, frame } from './frame.ts';

export interface ConnectionLimits {
  /** Longest request. CometBFT sends whole blocks, so at least twice block.max_bytes. */
  readonly maxFrameBytes: number;
  /** Most fields in one request, since a field of two bytes costs far more memory once decoded. */
  readonly maxItems: number;
}

export interface ConnectionHooks {
  /** The peer broke the protocol; its connection ends, the node goes on. */
  readonly onRefused: (reason: string) => void;
  /** The application failed; the exception has been sent and the node has to stop. */
  readonly onFatal: (error: unknown) => void;
}

/** Answers wait for Flush; a peer that never sends one gets them from this size on, so that they cannot pile up. */
const EARLY_FLUSH_BYTES = 256 * 1024;

export class Connection {
  readonly #socket: Socket;
  readonly #driver: Driver;
  readonly #limits: ConnectionLimits;
  readonly #hooks: ConnectionHooks;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(socket: Socket, driver: Driver, limits: ConnectionLimits, hooks: ConnectionHooks) {
    this.#socket = socket;
    this.#driver = driver;
    this.#limits = limits;
    this.#hooks = hooks;
  }

  /** Serves until the peer closes, breaks the protocol or the application fails. Never rejects. */
  async serve(): Promise<void> {
    const reader = new FrameReader(this.#limits.maxFrameBytes);
    try {
      // Listening before reading: a reset connection also raises 'error', and that must not end the process.
      this.#socket.on('error', () => undefined);
      for await (const chunk of this.#socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
        for (const bytes of reader.push(chunk)) {
          const going = await this.#answer(bytes);
          if (!going) return;
        }
      }
      if (!reader.atBoundary) this.#hooks.onRefused('the connection ended within a frame');
    } catch (error) {
      if (error instanceof FrameError) await this.#refuse(error.message);
      else if (!isClosed(error)) this.#hooks.onFatal(error);
    } finally {
      this.#socket.destroy();
    }
  }

  async #answer(bytes: Uint8Array): Promise<boolean> {
    let request: abci.Request;
    let kind: ReturnType<typeof kindOf>;
    try {
      checkItems(bytes, this.#limits.maxItems);
      request = decodeRequest(bytes);
      kind = kindOf(request);
    } catch (error) {
      await this.#refuse(error instanceof RequestError ? error.message : String(error));
      return false;
    }
    try {
      const answer = handle(this.#driver, kind, request[kind] as never);
      this.#put({ [kind]: answer instanceof Promise ? await answer : answer });
    } catch (error) {
      await this.#leave(error instanceof Error ? error.message : String(error));
      this.#hooks.onFatal(error);
      return false;
    }
    if (kind === 'flush' || this.#pendingBytes >= EARLY_FLUSH_BYTES) await this.#flush();
    return !this.#socket.destroyed;
  }

  #put(response: Input<abci.Response>): void {
    const bytes = frame(encode(abci.Response, response));
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#socket.destroyed || this.#socket.write(bytes)) return;
    await drained(this.#socket);
  }

  async #refuse(reason: string): Promise<void> {
    this.#hooks.onRefused(reason);
    await this.#leave(reason);
  }

  async #leave(reason: string): Promise<void> {
    this.#put({ exception: { error: reason } });
    await sendAndEnd(this.#socket, Buffer.concat(this.#pending));
  }
}

/** The peer reset the connection or is gone, so there is nothing left to say to it. */
function isClosed(error: unknown): boolean {
  return error instanceof Error && ('syscall' in error || ('code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'));
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

/** The exception frame that a peer gets before its connection ends. */
export function exceptionFrame(reason: string): Uint8Array {
  return frame(encode(abci.Response, { exception: { error: reason } }));
}

const LINGER_MS = 1000;

/** Writes `bytes`, ends the stream and waits until they are handed over, the peer is gone, or it takes too long. */
export async function sendAndEnd(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, LINGER_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    socket.once('close', done);
    socket.end(bytes, done);
  });
}
