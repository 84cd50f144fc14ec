// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:net';
import type { Network } from './network.ts';

/** Whether nobody listens on that port of the loopback address. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Throws naming the first port that another process holds. */
export async function checkPorts(network: Network): Promise<void> {
  const wanted = [
    ...network.validators.flatMap((v) => [[v.p2pPort, `${v.name}'s peers`] as const, [v.rpcPort, `${v.name}'s RPC`] as const]),
    ...network.members.map((m) => [m.port, `${m.name}'s artifacts`] as const),
  ];
  for (const [port, what] of wanted) {
    if (!(await isFree(port)))
      throw new Error(`port ${port} for ${what} is in use; stop the process that holds it, or make a chain elsewhere with --base-port and --home`);
  }
}
