// SPDX-License-Identifier: Apache-2.0
// Private keys as encrypted text: base64 between two marker lines, after headers that say how. The key of AES-256-GCM
// (NIST SP 800-38D) comes from the passphrase by scrypt (RFC 7914) with N = 2^15, r = 8, p = 1 and a random salt of
// 16 bytes; the nonce is random, 12 bytes, and stands first. The headers are authenticated as additional data.
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { base64 } from '@scure/base';
import { fromHex, toHex, utf8 } from '../core/bytes.ts';
import { UsageError } from './errors.ts';

const BEGIN = '-----BEGIN POGO PRIVATE KEY-----';
const END = '-----END POGO PRIVATE KEY-----';
const LEAST_PASSPHRASE = 8;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;

function keyOf(passphrase: string, salt: Uint8Array): Uint8Array {
  return scryptSync(passphrase.normalize('NFKC'), salt, 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 });
}

function headers(salt: Uint8Array): string {
  return ['cipher: aes-256-gcm', 'kdf: scrypt-32768-8-1', `salt: ${toHex(salt)}`, 'type: secp256k1'].join('\n');
}

/** Throws UsageError for a passphrase under 8 characters. */
export function checkPassphrase(passphrase: string): void {
  if (passphrase.length < LEAST_PASSPHRASE) throw new UsageError(`passphrase: must have at least ${LEAST_PASSPHRASE} characters`);
}

/** Armoured text of a private key. */
export function armor(privateKey: Uint8Array, passphrase: string): string {
  checkPassphrase(passphrase);
  const salt = randomBytes(16);
  const nonce = randomBytes(NONCE_BYTES);
  const head = headers(salt);
  const cipher = createCipheriv('aes-256-gcm', keyOf(passphrase, salt), nonce);
  cipher.setAAD(utf8(head));
  const body = Buffer.concat([nonce, cipher.update(privateKey), cipher.final(), cipher.getAuthTag()]);
  return `${BEGIN}\n${head}\n\n${base64.encode(body).replace(/(.{64})(?=.)/g, '$1\n')}\n${END}\n`;
}

/** Private key of armoured text. Throws UsageError for another form or a wrong passphrase. */
export function unarmor(text: string, passphrase: string): Uint8Array {
  const m = /^-----BEGIN POGO PRIVATE KEY-----\r?\n([\s\S]*?)\r?\n\r?\n([A-Za-z0-9+/=\r\n]+?)\r?\n-----END POGO PRIVATE KEY-----\s*$/.exec(
    text.trimStart(),
  );
  const salt = /^salt: ([0-9a-f]{32})$/m.exec(m?.[1] ?? '');
  if (m === null || salt === null) throw new UsageError('armour: expected the text that `keys export` writes');
  const head = headers(fromHex(salt[1] as string));
  if ((m[1] as string).replaceAll('\r', '') !== head) throw new UsageError('armour: the headers name another cipher, key derivation or key type');
  const body = Buffer.from((m[2] as string).replace(/\s/g, ''), 'base64');
  if (body.length !== NONCE_BYTES + 32 + TAG_BYTES) throw new UsageError('armour: expected 60 bytes of content');
  const decipher = createDecipheriv('aes-256-gcm', keyOf(passphrase, fromHex(salt[1] as string)), body.subarray(0, NONCE_BYTES));
  decipher.setAAD(utf8(head));
  decipher.setAuthTag(body.subarray(-TAG_BYTES));
  try {
    return new Uint8Array(Buffer.concat([decipher.update(body.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]));
  } catch {
    throw new UsageError('passphrase: wrong, or the text was changed');
  }
}
