// SPDX-License-Identifier: Apache-2.0
// What cosmjs needs to send our messages: a Registry and amino converters made from the one codec. Messages are named by
// their .proto files, so a message added there is known here without another line.
import { type GeneratedType, Registry } from '@cosmjs/proto-signing';
import { type AminoConverters, AminoTypes, createDefaultAminoConverters, defaultRegistryTypes } from '@cosmjs/stargate';
import { decode, encode, services } from '../core/codec.ts';
import type { JsonObject } from '../core/json.ts';
import type { MessageType } from '../proto/message.ts';
import { aminoName, fromAmino, toAmino } from './amino.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Full names of the request and response messages of every `Msg` service whose package begins with `prefix`. */
function messageTypes(prefix: string): readonly string[] {
  const names: string[] = [];
  for (const service of services()) {
    const name = service.fullName.slice(1);
    if (!name.startsWith(prefix) || service.name !== 'Msg') continue;
    for (const method of service.methodsArray) {
      method.resolve();
      for (const type of [method.resolvedRequestType, method.resolvedResponseType]) if (type !== null) names.push(type.fullName.slice(1));
    }
  }
  return names;
}

/** A type as cosmjs expects it (encode, decode, fromPartial), carried by our codec: 64-bit integers are bigint. */
export function generatedType<T>(type: MessageType<T>): GeneratedType {
  const adapter = {
    encode: (value: T) => ({ finish: () => encode(type, value as never) }),
    decode: (bytes: Uint8Array) => decode(type, bytes),
    fromPartial: (value: T) => decode(type, encode(type, value as never)),
  };
  // cosmjs types the writer of one code generator, but calls nothing of it except finish().
  return adapter as unknown as GeneratedType;
}

/** Type URL and cosmjs type of every pogo message and of its response. */
export const pogoTypes: ReadonlyArray<[string, GeneratedType]> = messageTypes('pogo.').map((name) => [
  `/${name}`,
  generatedType<Fields>({ typeName: name }),
]);

/** Messages of standard modules that cosmjs leaves out of its default registry. */
const furtherTypes: ReadonlyArray<[string, GeneratedType]> = ['cosmos.slashing.v1beta1.MsgUnjail'].map((name) => [
  `/${name}`,
  generatedType<Fields>({ typeName: name }),
]);

/** Amino converters of every pogo message, under names like `pogo/MsgFundJob`. */
export function createPogoAminoConverters(): AminoConverters {
  const converters: Record<string, AminoConverters[string]> = {};
  for (const [typeUrl] of [...pogoTypes, ...furtherTypes]) {
    const type: MessageType<Fields> = { typeName: typeUrl.slice(1) };
    const aminoType = aminoName(type.typeName);
    if (aminoType === undefined) continue;
    converters[typeUrl] = {
      aminoType,
      toAmino: (value: Fields) => toAmino(type, value),
      fromAmino: (value: JsonObject) => fromAmino(type, value),
    };
  }
  return converters;
}

/** cosmjs's default messages, slashing's, and ours: for `SigningStargateClient.connectWithSigner(rpc, signer, { registry })`. */
export function createPogoRegistry(): Registry {
  return new Registry([...defaultRegistryTypes, ...furtherTypes, ...pogoTypes]);
}

/** Amino converters for the same messages: for `{ aminoTypes }`. */
export function createPogoAminoTypes(): AminoTypes {
  return new AminoTypes({ ...createDefaultAminoConverters(), ...createPogoAminoConverters() });
}
