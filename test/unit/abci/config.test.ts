// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'smol-toml';
import { appToml, ConfigError, checkConfig, keptVersions, minGasPrices, readConfig } from '../../../abci/config.ts';

function file(t: TestContext, text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'config-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'app.toml');
  writeFileSync(path, text);
  return path;
}

const refused = (rule: RegExp) => (error: unknown) => error instanceof ConfigError && rule.test(error.message);

test('the file of a new home says what the defaults say', () => {
  assert.deepEqual(checkConfig(parse(appToml()), 'app.toml'), checkConfig({}, 'nothing'));
  assert.equal(checkConfig(parse(appToml({ minimumGasPrices: '0.5upogo' })), 'app.toml')['minimum-gas-prices'], '0.5upogo');
});

for (const [name, text, rule] of [
  ['an unknown key', 'prunning = "nothing"', /app\.toml: prunning: there is no such key/],
  ['an unknown key of a table', '[store]\ncache = 3', /app\.toml: store\.cache: there is no such key/],
  ['an unknown strategy', 'pruning = "some"', /pruning: expected one of default, nothing, everything, custom/],
  ['too few kept states', 'pruning-keep-recent = 1', /pruning-keep-recent: expected an integer of at least 2/],
  ['a broken number', 'halt-height = 1.5', /halt-height: expected an integer/],
  ['a price without amount', 'minimum-gas-prices = "upogo"', /minimum-gas-prices: expected amounts like 0\.025upogo/],
  ['a price of too many places', 'minimum-gas-prices = "0.1234567890123456789upogo"', /minimum-gas-prices/],
  ['a number where text belongs', 'minimum-gas-prices = 3', /minimum-gas-prices/],
  ['a small frame limit', '[abci]\nmax-frame-mib = 1', /abci\.max-frame-mib: expected an integer of at least 8/],
  ['text that is not TOML', 'pruning = ', /app\.toml: /],
] as const) {
  test(`app.toml with ${name} is refused by key and rule`, (t) => {
    assert.throws(() => readConfig(file(t, text)), refused(rule));
  });
}

test('flags override the file, and their mistakes are said to be theirs', (t) => {
  const path = file(t, 'pruning = "nothing"\n[abci]\nmax-frame-mib = 32\n');
  const config = readConfig(path, { pruning: 'everything', 'halt-height': undefined, abci: { transport: 'grpc' } });
  assert.equal(config.pruning, 'everything');
  assert.deepEqual(config.abci, { transport: 'grpc', 'max-frame-mib': 32 });
  assert.throws(() => readConfig(path, { pruning: 'all' }), refused(/^flags: pruning:/));
});

test('each pruning strategy keeps its number of versions', () => {
  const kept = (pruning: string): number => keptVersions(checkConfig({ pruning, 'pruning-keep-recent': 7 }, 'test'));
  assert.deepEqual(['default', 'nothing', 'everything', 'custom'].map(kept), [362_880, 0, 2, 7]);
});

test('prices are exact decimals by denomination', () => {
  const prices = minGasPrices(checkConfig({ 'minimum-gas-prices': '0.025upogo,3uatom' }, 'test'));
  assert.deepEqual(
    [...prices],
    [
      ['upogo', 25n * 10n ** 15n],
      ['uatom', 3n * 10n ** 18n],
    ],
  );
  assert.equal(minGasPrices(checkConfig({}, 'test')).size, 0);
});
