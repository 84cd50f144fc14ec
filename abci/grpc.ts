// SPDX-License-Identifier: Apache-2.0
// The same requests over gRPC (`cometbft --abci grpc`): service tendermint.abci.ABCI, made from our own descriptor.
import { type handleUnaryCall, type MethodDefinition, Server, ServerCredentials, type ServiceDefinition, status } from '@grpc/grpc-js';
import type { Application } from '../core/application.ts';
import { decode, encode, services } from '../core/codec.ts';
import type { MessageType } from '../proto/message.ts';
import { formatAddress } from './address.ts';
import { type Driver, handle, KINDS, type Kind } from './dispatch.ts';
import { CommitGate } from './gate.ts';
import { type AbciServer, DEFAULT_MAX_FRAME_BYTES, prepareUnixSocket, type SocketOptions } from './socket.ts';

type Method = MethodDefinition<object, object>;

/** `CheckTx` of the service is the kind `checkTx` of the socket. */
function kindOfMethod(name: string): Kind {
  const kind = KINDS.find((k) => k.toLowerCase() === name.toLowerCase());
  if (kind === undefined) throw new Error(`gRPC: the service has a method ${name} that no request is`);
  return kind;
}

function definition(): { readonly service: ServiceDefinition; readonly kinds: ReadonlyMap<string, Kind> } {
  const abci = services().find((s) => s.fullName === '.tendermint.abci.ABCI');
  if (abci === undefined) throw new Error('gRPC: the descriptor lacks tendermint.abci.ABCI');
  const methods: Record<string, Method> = {};
  const kinds = new Map<string, Kind>();
  for (const m of abci.methodsArray) {
    const request: MessageType<object> = { typeName: `tendermint.abci.${m.requestType}` };
    const response: MessageType<object> = { typeName: `tendermint.abci.${m.responseType}` };
    methods[m.name] = {
      path: `/tendermint.abci.ABCI/${m.name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (value) => Buffer.from(encode(request, value)),
      requestDeserialize: (bytes) => decode(request, bytes),
      responseSerialize: (value) => Buffer.from(encode(response, value)),
      responseDeserialize: (bytes) => decode(response, bytes),
    };
    kinds.set(m.name, kindOfMethod(m.name));
  }
  return { service: methods, kinds };
}

function handler(driver: Driver, kind: Kind, onFatal: (error: unknown) => void): handleUnaryCall<object, object> {
  return (call, callback) => {
    void (async () => {
      try {
        callback(null, (await handle(driver, kind, call.request as never)) as object);
      } catch (error) {
        callback({ code: status.INTERNAL, details: error instanceof Error ? error.message : String(error) });
        onFatal(error);
      }
    })();
  };
}

/** Serves `app` over gRPC without encryption, as CometBFT expects it; the address has to be private. */
export async function serveGrpc(app: Application, options: SocketOptions): Promise<AbciServer> {
  const driver: Driver = { app, gate: new CommitGate() };
  const limit = options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES;
  const server = new Server({ 'grpc.max_receive_message_length': limit, 'grpc.max_send_message_length': limit });
  const { service, kinds } = definition();
  server.addService(service, Object.fromEntries([...kinds].map(([name, kind]) => [name, handler(driver, kind, options.onFatal)])));
  const { address } = options;
  if (address.kind === 'unix') await prepareUnixSocket(address.path);
  const target = address.kind === 'unix' ? `unix://${address.path}` : formatAddress(address).slice('tcp://'.length);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(new Error(`address: cannot listen on ${formatAddress(address)}: ${error.message}`));
    });
  });
  return {
    address: address.kind === 'tcp' ? { ...address, port } : address,
    connections: 0,
    close: async () => {
      await driver.gate.idle();
      server.forceShutdown();
    },
  };
}
