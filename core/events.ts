// SPDX-License-Identifier: Apache-2.0
// Typed events to ABCI attributes. Events are outside every hash: what must be provable belongs in the state.

export interface EventAttribute {
  readonly key: string;
  readonly value: string;
  readonly index: boolean;
}

/** A `tendermint.abci.Event`. */
export interface Event {
  readonly type: string;
  readonly attributes: readonly EventAttribute[];
}

/** An event of that type with indexed attributes in the order given; values are text. */
export function event(type: string, attributes: Readonly<Record<string, string | bigint | number>>): Event {
  return { type, attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: String(value), index: true })) };
}
