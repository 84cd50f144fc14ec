// SPDX-License-Identifier: Apache-2.0
// The keyring of backend `test`: one unencrypted file per key under HOME/keyring-test, readable by the owner alone.
// File NAME.json: {"format":1,"name":NAME,"private_key":HEX,"public_key":HEX,"type":"secp256k1"}.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bech32 } from '@scure/base';
import { z } from 'zod';
import { fromHex, toHex } from '../core/bytes.ts';
import { canonicalJson } from '../core/json.ts';
import { UsageError } from './errors.ts';
import { readJson, writeFile } from './files.ts';
import { createSigner, type Signer } from './signer.ts';

export interface Keyring {
  /** Adds a key; throws UsageError when the name is taken (unless `overwrite`), malformed, or the key is in the ring already. */
  add(name: string, privateKey: Uint8Array, options?: { readonly overwrite?: boolean }): KeyInfo;
  /** Key of a name or of its address; throws UsageError when there is none. */
  get(nameOrAddress: string): KeyInfo;
  /** All keys, by name. */
  list(): readonly KeyInfo[];
  delete(name: string): void;
  privateKey(name: string): Uint8Array;
  signer(nameOrAddress: string): Signer;
}

export interface KeyInfo {
  readonly name: string;
  readonly type: 'local';
  readonly address: string;
  readonly publicKey: Uint8Array;
}

const record = z.strictObject({
  format: z.literal(1),
  name: z.string(),
  type: z.literal('secp256k1'),
  private_key: z.string().regex(/^[0-9a-f]{64}$/),
  public_key: z.string().regex(/^[0-9a-f]{66}$/),
});

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

function checkName(name: string): void {
  if (!NAME.test(name)) throw new UsageError(`key name: expected 1 to 64 letters, digits, dots, dashes or underscores, got "${name}"`);
  if (/^[a-z]+1[a-z0-9]{38,}$/.test(name)) throw new UsageError(`key name: "${name}" reads like an address`);
}

function read(path: string): { readonly name: string; readonly privateKey: Uint8Array; readonly publicKey: Uint8Array } {
  const parsed = record.safeParse(readJson(path, 'key file'));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UsageError(`key file ${path}: ${issue?.path.join('.') || 'content'}: ${issue?.message}`);
  }
  const { name, private_key, public_key } = parsed.data;
  return { name, privateKey: fromHex(private_key), publicKey: fromHex(public_key) };
}

function isAddress(text: string): boolean {
  return bech32.decodeUnsafe(text) !== undefined;
}

/** Opens the keyring in `home`; addresses are shown with `prefix`. */
export function openKeyring(home: string, prefix: string): Keyring {
  const folder = join(home, 'keyring-test');
  const pathOf = (name: string): string => join(folder, `${name}.json`);
  const info = (path: string): KeyInfo => {
    const { name, privateKey, publicKey } = read(path);
    const signer = createSigner(privateKey, prefix);
    if (toHex(signer.publicKey) !== toHex(publicKey)) throw new UsageError(`key file ${path}: public_key: is not the key of private_key`);
    return { name, type: 'local', address: signer.address, publicKey };
  };
  const list = (): readonly KeyInfo[] => {
    if (!existsSync(folder)) return [];
    const files = readdirSync(folder).filter((file) => file.endsWith('.json') && !file.startsWith('.'));
    return files.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).map((file) => info(join(folder, file)));
  };
  const get = (nameOrAddress: string): KeyInfo => {
    if (isAddress(nameOrAddress)) {
      const found = list().find((key) => key.address === nameOrAddress);
      if (found === undefined) throw new UsageError(`key ${nameOrAddress}: no key of the keyring has this address (${folder})`);
      return found;
    }
    checkName(nameOrAddress);
    if (!existsSync(pathOf(nameOrAddress))) throw new UsageError(`key ${nameOrAddress}: not in the keyring ${folder}`);
    return info(pathOf(nameOrAddress));
  };
  return {
    get,
    list,
    add(name, privateKey, options = {}) {
      checkName(name);
      const signer = createSigner(privateKey, prefix);
      if (existsSync(pathOf(name)) && options.overwrite !== true) throw new UsageError(`key ${name}: exists already (use --overwrite to replace it)`);
      const twin = list().find((key) => key.address === signer.address && key.name !== name);
      if (twin !== undefined) throw new UsageError(`key ${name}: the keyring has the same key as "${twin.name}"`);
      const file = { format: 1, name, private_key: toHex(privateKey), public_key: toHex(signer.publicKey), type: 'secp256k1' };
      writeFile(pathOf(name), `${canonicalJson(file)}\n`, { mode: 0o600 });
      return { name, type: 'local', address: signer.address, publicKey: signer.publicKey };
    },
    delete(name) {
      get(name);
      rmSync(pathOf(name));
    },
    privateKey: (name) => read(pathOf(get(name).name)).privateKey,
    signer: (nameOrAddress) => createSigner(read(pathOf(get(nameOrAddress).name)).privateKey, prefix),
  };
}
