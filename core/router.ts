// SPDX-License-Identifier: Apache-2.0
// Type URL to message handler, path to query handler. Duplicates are refused at start.
import type { AnyMessageHandler, AnyQueryHandler, Module } from './module.ts';

export interface Router {
  message(typeUrl: string): AnyMessageHandler | undefined;
  /** By ABCI path, e.g. `/cosmos.bank.v1beta1.Query/Balance`. */
  query(path: string): AnyQueryHandler | undefined;
  readonly messages: readonly AnyMessageHandler[];
  readonly queries: readonly AnyQueryHandler[];
}

function index<T>(items: readonly T[], keyOf: (item: T) => string, what: string): ReadonlyMap<string, T> {
  const map = new Map<string, T>();
  for (const item of items) {
    const key = keyOf(item);
    if (map.has(key)) throw new Error(`router: two modules declare ${what} ${key}`);
    map.set(key, item);
  }
  return map;
}

/** Router over the modules in their order. */
export function createRouter(modules: readonly Pick<Module, 'messages' | 'queries'>[]): Router {
  const messages = modules.flatMap((m) => m.messages);
  const queries = modules.flatMap((m) => m.queries);
  const byUrl = index(messages, (h) => h.typeUrl, 'message');
  const byPath = index(queries, (h) => `/${h.service}/${h.method}`, 'query');
  return { messages, queries, message: (typeUrl) => byUrl.get(typeUrl), query: (path) => byPath.get(path) };
}
