// SPDX-License-Identifier: Apache-2.0
// A node's two ed25519 keys in CometBFT's JSON form (cometbft p2p/key.go, privval/file.go): config/node_key.json names the
// node to its peers, config/priv_validator_key.json signs blocks. data/priv_validator_state.json keeps what was signed last.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ed25519 } from '@noble/curves/ed25519.js';
import { base64 } from '@scure/base';
import { z } from 'zod';
import { consensusAddress } from '../core/address.ts';
import { equalBytes, toHex, utf8 } from '../core/bytes.ts';
import { sha256 } from '../core/hash.ts';
import { UsageError } from './errors.ts';
import { readJson, writeFile } from './files.ts';

const PRIVATE_TYPE = 'tendermint/PrivKeyEd25519';
const PUBLIC_TYPE = 'tendermint/PubKeyEd25519';
/** Nothing signed yet: what CometBFT writes for a new node. */
const FRESH_STATE = { height: '0', round: 0, step: 0 };

export interface NodeKey {
  /** ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Lower-case hexadecimal of the address: how peers name the node. */
  readonly id: string;
}

export interface ValidatorKey {
  /** ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 20 bytes. */
  readonly address: Uint8Array;
}

const typed = (type: string) => z.object({ type: z.literal(type), value: z.base64() });
const nodeFile = z.object({ priv_key: typed(PRIVATE_TYPE) });
const validatorFile = z.object({ address: z.string(), pub_key: typed(PUBLIC_TYPE), priv_key: typed(PRIVATE_TYPE) });

/** CometBFT keeps seed and public key together, 64 bytes. */
function privateJson(seed: Uint8Array): { readonly type: string; readonly value: string } {
  const both = new Uint8Array(64);
  both.set(seed);
  both.set(ed25519.getPublicKey(seed), 32);
  return { type: PRIVATE_TYPE, value: base64.encode(both) };
}

function parse<T>(shape: z.ZodType<T>, path: string): T {
  const parsed = shape.safeParse(readJson(path, 'key file'));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UsageError(`key file ${path}: ${issue?.path.join('.') || 'content'}: ${issue?.message}`);
}

function publicOf(value: string, path: string): Uint8Array {
  const both = base64.decode(value);
  if (both.length !== 64) throw new UsageError(`key file ${path}: priv_key.value: expected 64 bytes`);
  const publicKey = ed25519.getPublicKey(both.subarray(0, 32));
  if (!equalBytes(publicKey, both.subarray(32))) throw new UsageError(`key file ${path}: priv_key.value: its halves do not belong together`);
  return publicKey;
}

const pathIn = (home: string, folder: string, name: string): string => join(home, folder, name);

/** Reads the node key of a home folder; throws UsageError naming file and field. */
export function readNodeKey(home: string): NodeKey {
  const path = pathIn(home, 'config', 'node_key.json');
  const publicKey = publicOf(parse(nodeFile, path).priv_key.value, path);
  return { publicKey, id: toHex(consensusAddress(publicKey)) };
}

/** Reads the validator key of a home folder; throws UsageError naming file and field. */
export function readValidatorKey(home: string): ValidatorKey {
  const path = pathIn(home, 'config', 'priv_validator_key.json');
  const publicKey = publicOf(parse(validatorFile, path).priv_key.value, path);
  return { publicKey, address: consensusAddress(publicKey) };
}

/** Writes what was signed last as "nothing". Never do this to a key that may still sign for the same chain elsewhere. */
export function resetValidatorState(home: string): void {
  writeFile(pathIn(home, 'data', 'priv_validator_state.json'), `${JSON.stringify(FRESH_STATE, null, 2)}\n`, { mode: 0o600 });
}

/** Creates the keys that a home folder lacks; keys that are there stay. With `mnemonic` the validator key follows from it. */
export function ensureNodeKeys(home: string, mnemonic?: string): void {
  const node = pathIn(home, 'config', 'node_key.json');
  if (!existsSync(node)) {
    writeFile(node, `${JSON.stringify({ priv_key: privateJson(ed25519.utils.randomSecretKey()) }, null, 2)}\n`, { mode: 0o600 });
  }
  const validator = pathIn(home, 'config', 'priv_validator_key.json');
  if (!existsSync(validator)) {
    // As cosmos-sdk: the seed is SHA-256 of the mnemonic.
    const seed = mnemonic === undefined ? ed25519.utils.randomSecretKey() : sha256(utf8(mnemonic));
    const publicKey = ed25519.getPublicKey(seed);
    const file = {
      address: toHex(consensusAddress(publicKey)).toUpperCase(),
      pub_key: { type: PUBLIC_TYPE, value: base64.encode(publicKey) },
      priv_key: privateJson(seed),
    };
    writeFile(validator, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
  }
  if (!existsSync(pathIn(home, 'data', 'priv_validator_state.json'))) resetValidatorState(home);
}
