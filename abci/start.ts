// SPDX-License-Identifier: Apache-2.0
// `pogod start`: configuration, store, application, socket, CometBFT as a child; and their end in the opposite order.
import type { Logger } from 'pino';
import type { Application } from '../core/application.ts';
import { CorruptStateError } from '../core/errors.ts';
import { formatAddress, parseAddress } from './address.ts';
import { openApplication, VERSION } from './application.ts';
import { type Comet, explainEnd, findComet, startComet } from './comet.ts';
import { type AppConfig, ConfigError, readConfig } from './config.ts';
import { cryptoNames } from './crypto.ts';
import { serveGrpc } from './grpc.ts';
import { HaltError, haltAbove } from './halt.ts';
import { checkHome, homePaths, socketPath } from './home.ts';
import { createLogger } from './logger.ts';
import { type AbciServer, serveSocket } from './socket.ts';

export interface StartOptions {
  readonly home: string;
  /** False to run the application alone and let an operator's own CometBFT connect. */
  readonly withComet?: boolean;
  /** `unix:///path` or `tcp://host:port`; a socket in the home unless told. */
  readonly address?: string;
  /** Over the keys of app.toml, under its names. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Over the keys of config.toml, as flags of `cometbft start` without dashes: `rpc.laddr`, `p2p.laddr`, `p2p.persistent_peers` … */
  readonly comet?: Readonly<Record<string, string>>;
}

/** Why the node ends: an exit code, and words for the log. */
interface End {
  readonly code: number;
  readonly error?: unknown;
  readonly reason: string;
}

/** Runs a node until a signal, a failure or its halt height; resolves with the process's exit code. */
export async function startNode(options: StartOptions): Promise<number> {
  let config: AppConfig;
  try {
    config = readConfig(homePaths(options.home).appToml, options.config);
  } catch (error) {
    process.stderr.write(`pogod: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
  const log = createLogger(config);
  try {
    return await run(options, config, log);
  } catch (error) {
    report(log, { code: 1, error, reason: 'the node could not start' });
    return error instanceof ConfigError ? 2 : 1;
  }
}

async function run(options: StartOptions, config: AppConfig, log: Logger): Promise<number> {
  const withComet = options.withComet ?? true;
  const program = withComet ? findComet() : undefined;
  if (withComet) checkHome(options.home);
  const app = await openApplication(options.home, config, (error) => log.error({ err: String(error) }, 'an exception that no rule foresaw'));
  const ending = awaitEnd();
  let server: AbciServer | undefined;
  let comet: Comet | undefined;
  try {
    server = await serve(options, config, app, log, ending.end);
    log.info({ version: VERSION, address: formatAddress(server.address), transport: config.abci.transport, ...cryptoNames() }, 'application listens');
    if (program !== undefined) comet = superviseComet(program, options, config, server, log, ending.end);
    const end = await ending.promise;
    report(log, end);
    return end.code;
  } finally {
    ending.dispose();
    // The node first: it must not ask an application that is gone. Then the application, after a commit in progress.
    await comet?.stop();
    await server?.close();
    await app.close();
    log.info('stopped');
  }
}

function serve(options: StartOptions, config: AppConfig, app: Application, log: Logger, end: (end: End) => void): Promise<AbciServer> {
  const address = parseAddress(options.address ?? `unix://${socketPath(options.home)}`);
  const served = haltAbove(app, BigInt(config['halt-height']));
  const onFatal = (error: unknown): void =>
    end(error instanceof HaltError ? { code: 0, reason: error.message } : { code: 1, error, reason: 'the application failed and the node stops' });
  const onRefused = (reason: string): void => log.warn({ reason }, 'connection refused');
  const maxFrameBytes = config.abci['max-frame-mib'] * 1024 * 1024;
  const make = config.abci.transport === 'grpc' ? serveGrpc : serveSocket;
  return make(served, { address, maxFrameBytes, onFatal, onRefused });
}

function superviseComet(program: string, options: StartOptions, config: AppConfig, server: AbciServer, log: Logger, end: (end: End) => void): Comet {
  const flags: Record<string, string> = { proxy_app: formatAddress(server.address), abci: config.abci.transport, ...options.comet };
  const args = ['start', '--home', homePaths(options.home).home, ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)];
  const comet = startComet(program, args, (line) => void process.stdout.write(`${line}\n`));
  log.info({ pid: comet.pid }, 'CometBFT started');
  void comet.ended.then((e) => {
    const how = e.signal === null ? `exit code ${e.code}` : `signal ${e.signal}`;
    const why = explainEnd(e) ?? `the end of its log:\n${e.lastLines.join('\n')}`;
    end({ code: 1, reason: `CometBFT ended (${how}): ${why}` });
  });
  return comet;
}

/** The first reason to end wins: a failing application makes CometBFT fail too, and only the first says why. */
function awaitEnd(): { readonly promise: Promise<End>; readonly end: (end: End) => void; readonly dispose: () => void } {
  const { promise, resolve } = Promise.withResolvers<End>();
  const onSignal = (signal: NodeJS.Signals): void => resolve({ code: 0, reason: `${signal} received` });
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const dispose = (): void => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  return { promise, end: resolve, dispose };
}

function report(log: Logger, end: End): void {
  if (end.code === 0) {
    log.info(end.reason);
    return;
  }
  const { error } = end;
  if (error === undefined) log.fatal(end.reason);
  else if (error instanceof CorruptStateError || error instanceof ConfigError) log.fatal(`${end.reason}: ${error.message}`);
  else
    log.fatal(
      { stack: error instanceof Error ? error.stack : undefined },
      `${end.reason}: ${error instanceof Error ? error.message : String(error)}`,
    );
}
