// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { stringToPath } from '@cosmjs/crypto';
import { DirectSecp256k1HdWallet } from '@cosmjs/proto-signing';
import fc from 'fast-check';
import { armor, unarmor } from '../../../client/armor.ts';
import { writeFile } from '../../../client/files.ts';
import { createSigner, newMnemonic, privateKeyOf } from '../../../client/index.ts';
import { openKeyring } from '../../../client/keyring.ts';
import { ensureNodeKeys, readNodeKey, readValidatorKey } from '../../../client/node-keys.ts';

const home = mkdtempSync(join(tmpdir(), 'pogo-keys-'));
after(() => rmSync(home, { recursive: true }));

const PRIVATE_KEY = privateKeyOf('abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about');

test('a mnemonic gives the key of cosmjs at any HD path', async () => {
  const mnemonic = newMnemonic();
  assert.equal(mnemonic.split(' ').length, 24);
  for (const path of ["m/44'/118'/0'/0/0", "m/44'/118'/3'/0/7", "m/44'/60'/0'/0/0"]) {
    const wallet = await DirectSecp256k1HdWallet.fromMnemonic(mnemonic, { prefix: 'pogo', hdPaths: [stringToPath(path)] });
    const [account] = await wallet.getAccounts();
    assert.equal(createSigner(privateKeyOf(mnemonic, path), 'pogo').address, account?.address);
  }
});

test('a mnemonic is taken with stray spaces and capitals, and refused with a wrong checksum or word', () => {
  assert.deepEqual(privateKeyOf('  Abandon abandon abandon abandon abandon abandon abandon abandon abandon  abandon abandon ABOUT\n'), PRIVATE_KEY);
  const eleven = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon';
  for (const bad of ['', eleven, `${eleven} abandon`, `${eleven} aboutt`])
    assert.throws(() => privateKeyOf(bad), /mnemonic: expected 12 to 24 English words/);
  assert.throws(() => privateKeyOf(newMnemonic(), '44/118'), /hd-path: expected a path/);
});

test('signatures are deterministic, 64 bytes, and of low s', () => {
  const half = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const signer = createSigner(PRIVATE_KEY, 'pogo');
      const signature = signer.sign(bytes);
      assert.deepEqual(signer.sign(bytes), signature);
      assert.equal(signature.length, 64);
      assert.ok(BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`) <= half);
    }),
    { numRuns: 20 },
  );
});

test('a number outside the curve is no private key', () => {
  assert.throws(() => createSigner(new Uint8Array(32), 'pogo'), /private key: expected 32 bytes/);
  assert.throws(() => createSigner(new Uint8Array(32).fill(255), 'pogo'), /private key: expected 32 bytes/);
  assert.throws(() => createSigner(new Uint8Array(31).fill(1), 'pogo'), /private key: expected 32 bytes/);
});

test('an armoured key comes back with its passphrase only', () => {
  const text = armor(PRIVATE_KEY, 'correct horse');
  assert.match(text, /^-----BEGIN POGO PRIVATE KEY-----\ncipher: aes-256-gcm\nkdf: scrypt-32768-8-1\nsalt: [0-9a-f]{32}\ntype: secp256k1\n\n/);
  assert.deepEqual(unarmor(text, 'correct horse'), PRIVATE_KEY);
  assert.notEqual(armor(PRIVATE_KEY, 'correct horse'), text);
  assert.throws(() => unarmor(text, 'wrong horse'), /passphrase: wrong, or the text was changed/);
  assert.throws(() => armor(PRIVATE_KEY, 'short'), /passphrase: must have at least 8 characters/);
});

test('a changed armour is refused, wherever it was changed', () => {
  const text = armor(PRIVATE_KEY, 'correct horse');
  const salt = /salt: ([0-9a-f]+)/.exec(text)?.[1] as string;
  const changed = [
    text.replace(
      salt,
      salt.replace(/./, (c) => (c === '0' ? '1' : '0')),
    ),
    text.replace('aes-256-gcm', 'aes-128-gcm'),
    text.replace('END POGO', 'END'),
    '',
  ];
  for (const bad of changed) assert.throws(() => unarmor(bad, 'correct horse'), /armour|passphrase/);
});

test('the keyring keeps keys in files of the owner alone and lists them by name', () => {
  const keyring = openKeyring(home, 'pogo');
  keyring.add('zoe', PRIVATE_KEY);
  keyring.add('adam', privateKeyOf(newMnemonic()));
  assert.deepEqual(
    keyring.list().map((k) => k.name),
    ['adam', 'zoe'],
  );
  assert.equal(statSync(join(home, 'keyring-test', 'zoe.json')).mode & 0o777, 0o600);
  assert.equal(statSync(join(home, 'keyring-test')).mode & 0o077, 0);
  const { address } = keyring.get('zoe');
  assert.equal(keyring.get(address).name, 'zoe');
  assert.equal(keyring.signer(address).address, address);
  assert.deepEqual(readdirSync(join(home, 'keyring-test')), ['adam.json', 'zoe.json']);
});

test('the keyring refuses a taken name, the same key twice, odd names and unknown keys', () => {
  const keyring = openKeyring(home, 'pogo');
  assert.throws(() => keyring.add('zoe', privateKeyOf(newMnemonic())), /key zoe: exists already/);
  assert.throws(() => keyring.add('twin', PRIVATE_KEY), /key twin: the keyring has the same key as "zoe"/);
  for (const name of ['', '../x', 'a/b', '-x', 'x'.repeat(65), 'ä', keyring.get('zoe').address])
    assert.throws(() => keyring.add(name, PRIVATE_KEY), /key name: /);
  assert.throws(() => keyring.get('nobody'), /key nobody: not in the keyring/);
  assert.throws(() => openKeyring(home, 'pogo').get('pogo1kha9gpd2vuycnz66t8lgnupfc30gcycd543p6p'), /no key of the keyring has this address/);
});

test('a damaged key file is refused with its path and field', () => {
  const path = join(home, 'keyring-test', 'broken.json');
  const write = (text: string): void => {
    writeFileSync(path, text);
    chmodSync(path, 0o600);
  };
  const good = JSON.parse(readFileSync(join(home, 'keyring-test', 'zoe.json'), 'utf8')) as Record<string, unknown>;
  write('{');
  assert.throws(() => openKeyring(home, 'pogo').get('broken'), /broken\.json is no JSON/);
  write(JSON.stringify({ ...good, private_key: 'zz' }));
  assert.throws(() => openKeyring(home, 'pogo').get('broken'), /broken\.json: private_key:/);
  write(JSON.stringify({ ...good, public_key: `02${'ab'.repeat(32)}` }));
  assert.throws(() => openKeyring(home, 'pogo').get('broken'), /broken\.json: public_key: is not the key of private_key/);
  rmSync(path);
});

test("node keys have CometBFT's form, are the owner's alone, and stay when they exist", () => {
  const node = join(home, 'node');
  ensureNodeKeys(node);
  const first = { node: readNodeKey(node), validator: readValidatorKey(node) };
  ensureNodeKeys(node);
  assert.deepEqual({ node: readNodeKey(node), validator: readValidatorKey(node) }, first);
  assert.match(first.node.id, /^[0-9a-f]{40}$/);
  for (const name of ['config/node_key.json', 'config/priv_validator_key.json', 'data/priv_validator_state.json'])
    assert.equal(statSync(join(node, name)).mode & 0o777, 0o600, name);
  const file = JSON.parse(readFileSync(join(node, 'config', 'priv_validator_key.json'), 'utf8')) as { address: string; priv_key: { type: string } };
  assert.match(file.address, /^[0-9A-F]{40}$/);
  assert.equal(file.priv_key.type, 'tendermint/PrivKeyEd25519');
});

test('what cannot be written says which file and why, and leaves nothing behind', () => {
  writeFileSync(join(home, 'plain'), '');
  assert.throws(() => ensureNodeKeys(join(home, 'plain')), /plain\/config\/node_key\.json: cannot be written: E(NOTDIR|EXIST)/);
  assert.throws(() => writeFile('/dev/full/x', 'text'), /^UsageError: \/dev\/full\/x: cannot be written: E/);
  assert.deepEqual(
    readdirSync(home).filter((name) => name.endsWith('.new')),
    [],
  );
});

test('a validator key from a mnemonic is always the same', () => {
  const [a, b] = [join(home, 'a'), join(home, 'b')];
  ensureNodeKeys(a, 'the words');
  ensureNodeKeys(b, 'the words');
  assert.deepEqual(readValidatorKey(a), readValidatorKey(b));
  assert.notDeepEqual(readNodeKey(a), readNodeKey(b));
});
