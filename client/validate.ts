// SPDX-License-Identifier: Apache-2.0
// The modules' own stateless rules, run by the client, so that a bad field is named before anything is signed.
import { decodeStrict } from '../core/codec.ts';
import type { ChainConfig } from '../core/context.ts';
import { modules } from '../modules/index.ts';
import type { Any } from '../proto/gen/google.protobuf.ts';
import { UsageError } from './errors.ts';

/** Throws UsageError naming field and rule of the first message that the chain would refuse in any state. */
export function validateMessages(messages: readonly Any[], chain: ChainConfig): void {
  const handlers = modules.flatMap((m) => m.messages);
  for (const any of messages) {
    const handler = handlers.find((h) => h.typeUrl === any.typeUrl);
    if (handler === undefined) throw new UsageError(`${any.typeUrl}: this software has no such message`);
    try {
      handler.validate(decodeStrict(handler.type, any.value), chain);
    } catch (error) {
      throw new UsageError((error as Error).message);
    }
  }
}
