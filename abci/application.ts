// SPDX-License-Identifier: Apache-2.0
// The chain's application over the store of a home folder: what `start` serves and `export` reads.
import { createApplication } from '../core/app.ts';
import type { Application } from '../core/application.ts';
import { ante } from '../modules/auth/ante.ts';
import { chainState } from '../modules/chain/index.ts';
import { modules, storeNames } from '../modules/index.ts';
import manifest from '../package.json' with { type: 'json' };
import { openDiskStore } from '../store/disk.ts';
import { type AppConfig, keptVersions, minGasPrices } from './config.ts';
import { createCrypto, useNativeSha256 } from './crypto.ts';
import { homePaths } from './home.ts';

/** Version of this software, as Info and the command line tell it. */
export const VERSION: string = manifest.version;

/** Opens the store of `home` and the application over it. Throws when another process has it open or it is corrupt. */
export async function openApplication(home: string, config: AppConfig, onInternalError?: (error: unknown) => void): Promise<Application> {
  useNativeSha256();
  const store = await openDiskStore({
    dir: homePaths(home).store,
    stores: storeNames,
    keep: keptVersions(config),
    cacheBytes: config.store['cache-mib'] * 1024 * 1024,
  });
  try {
    return createApplication({
      modules,
      chainState,
      ante,
      crypto: createCrypto(),
      store,
      version: VERSION,
      minGasPrices: minGasPrices(config),
      ...(onInternalError === undefined ? {} : { onInternalError }),
    });
  } catch (error) {
    await store.close();
    throw error;
  }
}
