// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAddress, moduleAddress, parseAddress } from '../../../core/address.ts';
import { compareBytes, fromHex, prefixEnd, readU64be, toHex, u64be, utf8 } from '../../../core/bytes.ts';
import { basisPoints, parseAmount, parseCoins, parseCoinsText } from '../../../core/coin.ts';
import { bytesKey, pairKey, stringKey, tripleKey, u64Key } from '../../../core/collections.ts';
import { divDown, formatDec, mulDown, ONE, parseDec } from '../../../core/dec.ts';
import { limitedMeter } from '../../../core/gas.ts';
import { sha256, useSha256 } from '../../../core/hash.ts';
import { canonicalJson, type Json } from '../../../core/json.ts';
import { leafHash, merklePath, merkleRoot, pathLength, rootFromPath, verifyPath } from '../../../core/merkle.ts';
import { formatTime, parseTime } from '../../../core/time.ts';

test('time text agrees with the ECMAScript calendar and keeps nanoseconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), fc.integer({ min: 0, max: 999_999_999 }), (seconds, nanos) => {
      const ns = BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
      const text = formatTime(ns);
      assert.equal(parseTime(text), ns);
      assert.equal(text.slice(0, 19), new Date(seconds * 1000).toISOString().slice(0, 19));
    }),
  );
  assert.equal(formatTime(1_500_000_000n), '1970-01-01T00:00:01.5Z');
  assert.throws(() => parseTime('2026-01-01 00:00:00'), /expected RFC 3339/);
});

test('canonical JSON has one text per value whatever the order of keys', () => {
  assert.equal(canonicalJson({ b: 1, a: [true, null, 'x"\n\u0001é'] }), '{"a":[true,null,"x\\"\\n\\u0001é"],"b":1}');
  assert.throws(() => canonicalJson(1.5), /safe integer/);
  assert.throws(() => canonicalJson('\ud800'), /well-formed/);
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
      let text: string;
      try {
        text = canonicalJson(value as Json);
      } catch {
        return;
      }
      assert.equal(canonicalJson(JSON.parse(text) as Json), text);
    }),
  );
});

test('an address of another prefix, length, case or checksum is refused with the field', () => {
  const address = formatAddress(moduleAddress('pogo'), 'pogo');
  assert.deepEqual(parseAddress(address, 'pogo'), moduleAddress('pogo'));
  assert.throws(() => parseAddress('', 'pogo', 'sender'), /sender: empty address/);
  assert.throws(() => parseAddress(address, 'cosmos', 'sender'), /sender: invalid Bech32 prefix; expected cosmos, got pogo/);
  assert.throws(() => parseAddress(address.toUpperCase(), 'pogo'), /upper-case|prefix/);
  assert.throws(() => parseAddress(`${address.slice(0, -1)}q`, 'pogo'), /decoding bech32 failed/);
  assert.throws(() => parseAddress(formatAddress(new Uint8Array(19), 'pogo'), 'pogo'), /19 bytes/);
});

test('amounts and coins refuse signs, leading zeros, fractions, overflow, disorder and repeats', () => {
  for (const bad of ['-1', '+1', '01', '1.0', '', ' 1', '1e3', (1n << 255n).toString()]) assert.throws(() => parseAmount(bad), { code: 10 }, bad);
  assert.equal(parseAmount('0'), 0n);
  assert.throws(
    () =>
      parseCoins(
        [
          { denom: 'bbb', amount: '1' },
          { denom: 'aaa', amount: '1' },
        ],
        'amount',
      ),
    /sorted and unique/,
  );
  assert.throws(() => parseCoins([{ denom: 'aaa', amount: '0' }], 'amount'), /amount\[0\]\.amount: must be positive/);
  assert.throws(() => parseCoins([{ denom: '1x', amount: '1' }], 'amount'), /invalid denom/);
  assert.deepEqual(parseCoinsText('7bbb,5aaa'), [
    { denom: 'aaa', amount: 5n },
    { denom: 'bbb', amount: 7n },
  ]);
  assert.equal(basisPoints(999n, 500), 49n);
});

test('decimals round towards zero where they say so', () => {
  assert.equal(parseDec('0.5'), ONE / 2n);
  assert.equal(formatDec(mulDown(parseDec('0.333333333333333333'), parseDec('3'))), '0.999999999999999999');
  assert.equal(formatDec(divDown(ONE, 3n * ONE)), '0.333333333333333333');
  assert.equal(formatDec(-parseDec('1.25')), '-1.250000000000000000');
  assert.throws(() => divDown(1n, 0n), /division by zero/);
});

test('key codecs keep the order of keys and are prefix-free', () => {
  const codec = tripleKey(u64Key, stringKey, bytesKey);
  const part = fc.tuple(
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    fc.string({ maxLength: 5, unit: 'grapheme' }),
    fc.uint8Array({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(part, part, (x, y) => {
      const a = codec.encode(x);
      const b = codec.encode(y);
      assert.deepEqual(codec.decode(a, 0), [x, a.length]);
      if (x[0] !== y[0]) assert.equal(compareBytes(a, b) < 0, x[0] < y[0]);
      if (compareBytes(a, b) !== 0) assert.notDeepEqual(a.slice(0, b.length), b);
    }),
  );
  assert.throws(() => bytesKey.encode(new Uint8Array(256)), { name: 'CorruptStateError' });
  assert.throws(() => pairKey(u64Key, bytesKey).decode(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 5, 1), 0), { name: 'CorruptStateError' });
});

test('byte helpers: hexadecimal, 64-bit integers, the end of a prefix', () => {
  assert.equal(toHex(fromHex('00fFa5')), '00ffa5');
  assert.throws(() => fromHex('0'), /pairs/);
  assert.equal(readU64be(u64be(2n ** 64n - 1n)), 2n ** 64n - 1n);
  assert.throws(() => u64be(-1n), /outside/);
  assert.deepEqual(prefixEnd(Uint8Array.of(1, 255)), Uint8Array.of(2));
  assert.equal(prefixEnd(Uint8Array.of(255)), undefined);
});

test('a gas meter keeps what was used when its limit is passed', () => {
  const meter = limitedMeter(10n);
  meter.consume(8n, 'a');
  assert.throws(() => meter.consume(5n, 'b'), { code: 11 });
  assert.equal(meter.used, 13n);
});

test('a foreign SHA-256 is taken only when it agrees', () => {
  assert.throws(() => useSha256(() => new Uint8Array(32)), /differs/);
  useSha256((data) => new Uint8Array(createHash('sha256').update(data).digest()));
  assert.equal(toHex(sha256(utf8('abc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('Merkle roots are those of RFC 6962 (Certificate Transparency test vectors)', () => {
  const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(fromHex);
  assert.equal(toHex(merkleRoot([])), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  assert.equal(toHex(merkleRoot(leaves.slice(0, 1))), '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
  assert.equal(toHex(merkleRoot(leaves.slice(0, 3))), 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77');
  assert.equal(toHex(merkleRoot(leaves)), '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
});

test('a path proves its own leaf at its own index in its own tree only', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), fc.nat(), (count, i, j) => {
      const leaves = Array.from({ length: count }, (_, n) => Uint8Array.of(n));
      const hashes = leaves.map(leafHash);
      const index = i % count;
      const other = j % count;
      const path = merklePath(hashes, index);
      const root = merkleRoot(leaves);
      assert.equal(path.length, pathLength(index, count));
      assert.ok(verifyPath(root, leaves[index] as Uint8Array, index, count, path));
      if (other !== index) assert.ok(!verifyPath(root, leaves[index] as Uint8Array, other, count, path));
      assert.equal(rootFromPath(hashes[index] as Uint8Array, index, count, [...path, new Uint8Array(32)]), undefined);
      assert.equal(rootFromPath(hashes[index] as Uint8Array, count, count, path), undefined);
      assert.equal(rootFromPath(hashes[index] as Uint8Array, -1, count, path), undefined);
      assert.equal(rootFromPath(hashes[index] as Uint8Array, 0.5, count, path), undefined);
    }),
  );
});
