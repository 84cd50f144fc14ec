// SPDX-License-Identifier: Apache-2.0

/** Names a protobuf message and carries its TypeScript shape. `core/codec.ts` encodes and decodes by it. */
export interface MessageType<T> {
  readonly typeName: string;
  /** Never present: binds the shape in the type system only. */
  readonly shape?: T;
}

/** What encoding accepts: every field may be left out and then has its default. */
export type Input<T> = T extends bigint | string | number | boolean | Uint8Array
  ? T
  : T extends readonly (infer U)[]
    ? readonly Input<U>[]
    : { readonly [K in keyof T]?: Input<T[K]> | undefined };
