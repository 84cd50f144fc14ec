// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { describe, it } from 'node:test';
import { ConfigError, loadConfig, parseConfig } from '../../../miner/config.ts';

const SMALLEST = 'nodes = ["http://127.0.0.1:26657"]\nkey = "me"\n';

describe('miner.toml', () => {
  it('needs a node and a key, everything else has a default', () => {
    const config = parseConfig(SMALLEST, '/etc/pogo/miner.toml');
    assert.equal(config.endpoint, 'http://127.0.0.1:9601');
    assert.equal(config.data, '/etc/pogo/miner-data');
    assert.equal(config.home, `${homedir()}/.pogo`);
    assert.equal(config.backend, 'auto');
    assert.equal(config.bond, 0n);
    assert.equal(config.limits.connections, 128);
  });

  it('takes paths relative to the file and amounts as text or number', () => {
    const config = parseConfig(`${SMALLEST}data = "../d"\nhome = "/keys"\nbond = "12345678901234567890"\n`, '/etc/pogo/miner.toml');
    assert.deepEqual([config.data, config.home, config.bond], ['/etc/d', '/keys', 12345678901234567890n]);
    assert.equal(parseConfig(`${SMALLEST}bond = 5\n`, 'x').bond, 5n);
  });

  const wrong: readonly (readonly [text: string, expected: RegExp])[] = [
    ['', /f\.toml: nodes: is required\nf\.toml: key: is required/],
    ['nodes = []\nkey = "a"', /f\.toml: nodes: must name at least one node/],
    ['nodes = ["localhost"]\nkey = "a"', /f\.toml: nodes\.0: must be an address that begins with/],
    [`${SMALLEST}nod = 1`, /f\.toml: nod: there is no such key/],
    [`${SMALLEST}listen = "9601"`, /f\.toml: listen: must be HOST:PORT/],
    [`${SMALLEST}endpoint = "ftp://x"`, /f\.toml: endpoint: must be an address that begins with http/],
    [`${SMALLEST}backend = "gpu"`, /f\.toml: backend: /],
    [`${SMALLEST}jobs = [0]`, /f\.toml: jobs\.0: /],
    [`${SMALLEST}bond = "1upogo"`, /f\.toml: bond: must be a whole number/],
    [`${SMALLEST}poll_ms = 1`, /f\.toml: poll_ms: /],
    [`${SMALLEST}[limits]\nconnection = 5`, /f\.toml: limits\.connection: there is no such key/],
    ['nodes = [', /f\.toml: is not TOML: /],
  ];
  for (const [text, expected] of wrong) {
    it(`names file, key and rule of ${JSON.stringify(text.replace(SMALLEST, ''))}`, () => {
      assert.throws(
        () => parseConfig(text, 'f.toml'),
        (error: Error) => {
          assert.ok(error instanceof ConfigError);
          assert.match(error.message, expected);
          return true;
        },
      );
    });
  }

  it('says that there is no file', () => {
    assert.throws(() => loadConfig('/nowhere/miner.toml'), /\/nowhere\/miner\.toml: there is no such file/);
  });
});
