// SPDX-License-Identifier: Apache-2.0
// The host's signature checks, as validators run them.
import { createCrypto, useNativeSha256 } from '../../abci/crypto.ts';
import type { Crypto } from '../../core/crypto.ts';

useNativeSha256();
export const testCrypto: Crypto = createCrypto();
