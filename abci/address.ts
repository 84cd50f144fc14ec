// SPDX-License-Identifier: Apache-2.0

/** Where the application listens: as in CometBFT's `proxy_app`. */
export type Address = { readonly kind: 'unix'; readonly path: string } | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** sun_path of struct sockaddr_un less its terminating zero: 108 on Linux, 104 on macOS and the BSDs. */
const MAX_UNIX_PATH_BYTES = 103;

/** Reads `unix:///absolute/path`, `tcp://host:port` or `tcp://[v6]:port`; the error names what is wrong. */
export function parseAddress(text: string): Address {
  const unix = /^unix:\/\/(.+)$/.exec(text);
  if (unix?.[1] !== undefined) {
    if (!fitsUnixSocket(unix[1])) throw new Error(`address: ${unix[1]}: a socket path has at most ${MAX_UNIX_PATH_BYTES} bytes`);
    return { kind: 'unix', path: unix[1] };
  }
  const tcp = /^(?:tcp:\/\/)?(?:\[([0-9a-fA-F:]+)\]|([^:/[\]]+)):(\d{1,5})$/.exec(text);
  const host = tcp?.[1] ?? tcp?.[2];
  const port = Number(tcp?.[3]);
  if (host === undefined || port > 65535) throw new Error(`address: ${text}: expected unix:///path or tcp://host:port`);
  return { kind: 'tcp', host, port };
}

/** The address as CometBFT reads it. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  return `tcp://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

/** Whether the system can bind a socket at `path`. */
export function fitsUnixSocket(path: string): boolean {
  return new TextEncoder().encode(path).length <= MAX_UNIX_PATH_BYTES;
}
