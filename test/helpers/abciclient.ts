// SPDX-License-Identifier: Apache-2.0
// The node's side of one ABCI connection, and raw bytes for those who would abuse it.
import { connect, type Socket } from 'node:net';
import { FrameReader, frame } from '../../abci/frame.ts';
import { decode, encode } from '../../core/codec.ts';
import * as abci from '../../proto/gen/tendermint.abci.ts';
import type { Input } from '../../proto/message.ts';

export class AbciClient {
  readonly socket: Socket;
  /** Everything answered so far and not yet taken. */
  readonly answers: abci.Response[] = [];
  closed = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    const reader = new FrameReader(1 << 27);
    socket.on('data', (chunk: Uint8Array) => {
      for (const bytes of reader.push(chunk)) this.answers.push(decode(abci.Response, bytes));
      this.#wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#wake?.();
    });
  }

  static async open(path: string): Promise<AbciClient> {
    const socket = connect({ path });
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new AbciClient(socket);
  }

  raw(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  send(request: Input<abci.Request>): void {
    this.raw(frame(encode(abci.Request, request)));
  }

  /** The next answer; undefined when the connection closed instead. */
  async next(): Promise<abci.Response | undefined> {
    while (this.answers.length === 0 && !this.closed)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.answers.shift();
  }

  /** Request and Flush, as CometBFT's synchronous calls do. */
  async call(request: Input<abci.Request>): Promise<abci.Response | undefined> {
    this.send(request);
    this.send({ flush: {} });
    const answer = await this.next();
    if (answer !== undefined && answer.exception === undefined) await this.next();
    return answer;
  }

  async untilClosed(): Promise<void> {
    while (!this.closed)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  close(): void {
    this.socket.destroy();
  }
}
