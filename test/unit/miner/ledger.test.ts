// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Ledger, type LedgerEntry, LedgerError } from '../../../miner/ledger.ts';
import { lock } from '../../../miner/lock.ts';

const entry = (key: string, content: number, kind = 'commit'): LedgerEntry => ({
  kind,
  key,
  content: new Uint8Array(40).fill(content),
  secret: new Uint8Array(32).fill(content + 1),
});

describe('ledger', () => {
  let folder = '';
  let file = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pogo-ledger-'));
    file = join(folder, 'ledger.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('gives back what was written, salts included, after a restart', () => {
    const first = new Ledger(file);
    first.record(entry('1/1', 5));
    first.record(entry('1/2', 6));
    first.record(entry('1/2/pogo1x', 7, 'attestation'));
    first.close();
    const second = new Ledger(file);
    assert.deepEqual(second.get('commit', '1/2'), entry('1/2', 6));
    assert.deepEqual(second.get('attestation', '1/2/pogo1x'), entry('1/2/pogo1x', 7, 'attestation'));
    assert.deepEqual(
      second.all('commit').map((e) => e.key),
      ['1/1', '1/2'],
    );
    assert.equal(statSync(file).mode & 0o777, 0o600);
    second.close();
  });

  it('never holds two contents for one key', () => {
    const ledger = new Ledger(file);
    ledger.record(entry('1/1', 5));
    ledger.record(entry('1/1', 5));
    assert.throws(() => ledger.record(entry('1/1', 6)), /commit 1\/1: something else was signed already/);
    ledger.close();
    const again = new Ledger(file);
    assert.throws(() => again.record(entry('1/1', 6)), LedgerError);
    assert.equal(readFileSync(file, 'utf8').split('\n').length, 2, 'the same entry is not written twice');
    again.close();
  });

  it('cuts off a last line that was torn, at every length', () => {
    const ledger = new Ledger(file);
    ledger.record(entry('1/1', 5));
    const whole = statSync(file).size;
    ledger.record(entry('1/2', 6));
    ledger.close();
    const bytes = readFileSync(file);
    for (let length = whole; length < bytes.length; length++) {
      writeFileSync(file, bytes.subarray(0, length));
      const torn = new Ledger(file);
      assert.equal(torn.get('commit', '1/2'), undefined);
      assert.deepEqual(torn.get('commit', '1/1'), entry('1/1', 5));
      torn.record(entry('1/2', 9));
      torn.close();
      const healed = new Ledger(file);
      assert.deepEqual(healed.get('commit', '1/2'), entry('1/2', 9));
      healed.close();
    }
  });

  it('refuses any other damage, naming the line', () => {
    const ledger = new Ledger(file);
    for (let i = 1; i <= 3; i++) ledger.record(entry(`1/${i}`, i));
    ledger.close();
    const bytes = readFileSync(file);
    for (const at of [0, 17, 30, 120, bytes.length - 3]) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 1;
      writeFileSync(file, damaged);
      assert.throws(() => new Ledger(file), /line [123] is damaged; restore the file/);
    }
    const lines = bytes.toString().split('\n');
    writeFileSync(file, `${lines[0]}\n${lines[2]}\n`);
    assert.throws(() => new Ledger(file), /line 2 is damaged/, 'a line that is missing');
    writeFileSync(file, `${lines[1]}\n${lines[0]}\n${lines[2]}\n`);
    assert.throws(() => new Ledger(file), /line 1 is damaged/, 'lines in another order');
    writeFileSync(file, bytes);
    appendFileSync(file, 'garbage\n');
    assert.throws(() => new Ledger(file), /line 4 is damaged/);
  });

  it('forgets on demand what has done its duty, and nothing else', () => {
    const ledger = new Ledger(file);
    for (let i = 1; i <= 5; i++) ledger.record(entry(`1/${i}`, i));
    const before = ledger.size;
    ledger.compact((e) => Number(e.key.split('/')[1]) >= 4);
    assert.ok(ledger.size < before);
    ledger.record(entry('1/6', 6));
    assert.throws(() => ledger.record(entry('1/5', 9)), LedgerError);
    ledger.close();
    const again = new Ledger(file);
    assert.deepEqual(
      again.all('commit').map((e) => e.key),
      ['1/4', '1/5', '1/6'],
    );
    assert.deepEqual(again.get('commit', '1/4'), entry('1/4', 4));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    again.close();
  });

  it('refuses a journal that others can read', () => {
    new Ledger(file).close();
    chmodSync(file, 0o644);
    assert.throws(() => new Ledger(file), /must not be readable by others/);
  });

  it('has every entry that was acknowledged before a kill -9, and never another one', async () => {
    const script = `
      import { Ledger } from ${JSON.stringify(new URL('../../../miner/ledger.ts', import.meta.url).href)};
      import { writeSync } from 'node:fs';
      const ledger = new Ledger(process.argv[1]);
      for (let i = 0; ; i++) {
        const key = '1/' + process.pid + '/' + i;
        ledger.record({ kind: 'commit', key, content: new Uint8Array(300).fill(i), secret: new Uint8Array(32).fill(i) });
        writeSync(1, key + '\\n');
      }`;
    const acknowledged: string[] = [];
    for (const least of [1, 7, 20]) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      const exited = new Promise((resolve) => child.once('close', resolve));
      for await (const part of child.stdout) {
        text += String(part);
        if (text.split('\n').length > least) child.kill('SIGKILL');
      }
      await exited;
      acknowledged.push(...text.split('\n').slice(0, -1));
      const ledger = new Ledger(file);
      const keys = ledger.all('commit').map((e) => e.key);
      for (const key of acknowledged) assert.ok(keys.includes(key), `${key} was acknowledged`);
      ledger.close();
    }
    assert.ok(acknowledged.length >= 28);
  });

  it('is locked against a second process, and not by a dead one', () => {
    const path = join(folder, 'lock');
    const release = lock(path);
    assert.throws(() => lock(path), /the data folder is in use by process \d+/);
    release();
    writeFileSync(path, `${process.pid} 1\n`);
    const again = lock(path);
    again();
    writeFileSync(path, 'torn');
    truncateSync(path, 0);
    lock(path)();
  });
});
