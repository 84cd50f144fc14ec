// SPDX-License-Identifier: Apache-2.0
// What others use to talk to a chain, against a live one: cosmjs with our registry, the command line, the examples.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DirectSecp256k1HdWallet } from '@cosmjs/proto-signing';
import { BroadcastTxError, type DeliverTxResponse, GasPrice, SigningStargateClient } from '@cosmjs/stargate';
import { createPogoRegistry, createSigner, pogoTypes, privateKeyOf } from '../../client/index.ts';
import { createJobMessage, loadJob } from '../../client/job-file.ts';
import { openKeyring } from '../../client/keyring.ts';
import { decode } from '../../core/codec.ts';
import { specFromProto } from '../../modules/pogo/spec.ts';
import { MsgCreateJobResponse } from '../../proto/gen/pogo.v1.ts';
import { fromSafetensors } from '../../train/safetensors.ts';
import { type Chain, eventually, freePorts, type Home, makeChain, reach, startNode, startProcess } from '../helpers/comet.ts';
import { CHAIN } from '../helpers/fixture.ts';
import { Payments } from '../helpers/payments.ts';

const PROJECT = resolve(import.meta.dirname, '..', '..');
const MNEMONIC = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about';
const ADDRESS = createSigner(privateKeyOf(MNEMONIC), CHAIN.addressPrefix).address;
const GAS_PRICE = '0.01upogo';
const coin = (amount: number): { denom: string; amount: string } => ({ denom: 'upogo', amount: String(amount) });

interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[], input = ''): Promise<Output> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { cwd: PROJECT });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (part) => {
      stdout += part;
    });
    child.stderr.on('data', (part) => {
      stderr += part;
    });
    child.on('error', fail);
    child.on('close', (code) => done({ code, stdout, stderr }));
    child.stdin.end(input);
  });
}

const pogod = (node: Home, ...args: string[]): Promise<Output> =>
  run(join(PROJECT, 'bin', 'pogod'), ['--home', node.home, '--node', node.rpc.url, '-o', 'json', ...args]);

async function pogodJson(node: Home, ...args: string[]): Promise<Record<string, never>> {
  const { code, stdout, stderr } = await pogod(node, ...args);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, never>;
}

interface World {
  readonly chain: Chain;
  readonly node: Home;
  /** Key `rich` of the node's keyring has everything that is given away. */
  fund(address: string, upogo: number): Promise<void>;
}

/** A running validator whose home has the funded key `rich`, and `wallet` with the test mnemonic. */
async function startWorld(t: TestContext, timeoutCommitMs = 100): Promise<World> {
  const chain = await makeChain(t, { accounts: 1, timeoutCommitMs });
  const [node] = chain.homes;
  const [rich] = chain.accounts;
  assert.ok(node !== undefined && rich !== undefined);
  const keyring = openKeyring(node.home, CHAIN.addressPrefix);
  keyring.add('rich', rich.privateKey);
  keyring.add('wallet', privateKeyOf(MNEMONIC));
  startNode(t, chain, node);
  await reach(node, 2n);
  const fund = async (address: string, upogo: number): Promise<void> => {
    const sent = await pogodJson(node, 'tx', 'bank', 'send', 'rich', address, `${upogo}upogo`, '-y', '-b', 'block');
    assert.equal(sent['code'], 0);
  };
  return { chain, node, fund };
}

async function connect(node: Home): Promise<SigningStargateClient> {
  const wallet = await DirectSecp256k1HdWallet.fromMnemonic(MNEMONIC, { prefix: CHAIN.addressPrefix });
  const options = {
    registry: createPogoRegistry(),
    gasPrice: GasPrice.fromString(GAS_PRICE),
    broadcastPollIntervalMs: 50,
    broadcastTimeoutMs: 10_000,
  };
  return await SigningStargateClient.connectWithSigner(node.rpc.url, wallet, options);
}

/** Code and codespace of a message that cosmjs signs and sends: refused on arrival, or from the block. */
async function outcome(
  node: Home,
  client: SigningStargateClient,
  typeUrl: string,
  value: object,
): Promise<{ readonly codespace: string; readonly code: number; readonly sent?: DeliverTxResponse }> {
  const fee = { amount: [coin(20_000)], gas: '2000000' };
  try {
    const sent = await client.signAndBroadcast(ADDRESS, [{ typeUrl, value }], fee);
    // cosmjs drops the codespace.
    const found = await node.rpc.tx(sent.transactionHash);
    return { codespace: found?.outcome.codespace ?? '', code: sent.code, sent };
  } catch (error) {
    if (error instanceof BroadcastTxError) return { codespace: error.codespace, code: error.code };
    throw error;
  }
}

const ROUND_OF = { jobId: 1n, round: 1n };
const BYTES32 = new Uint8Array(32).fill(1);
const ARTIFACT = { root: BYTES32, size: 100n, locations: ['http://127.0.0.1:1'] };

/** Every pogo message; `ok` are those that a stranger may send with success, in this order. */
function everyMessage(): readonly (readonly [name: string, value: object, ok: boolean])[] {
  const job = createJobMessage({ ...(loadJob('mnist-mlp') as object), seed: '05'.repeat(32) }, ADDRESS);
  const salt = BYTES32;
  return [
    ['MsgCreateJob', job, true],
    ['MsgFundJob', { sender: ADDRESS, jobId: 1n, amount: coin(7) }, true],
    ['MsgUpdateJob', { owner: ADDRESS, jobId: 1n, terms: { ...job.terms, evalSamples: 512 } }, true],
    ['MsgBondMiner', { miner: ADDRESS, amount: coin(10_000_000), endpoint: 'http://127.0.0.1:1', moniker: 'm' }, true],
    ['MsgUnbondMiner', { miner: ADDRESS, amount: coin(1) }, true],
    ['MsgCommitFraudClaim', { accuser: ADDRESS, hash: BYTES32 }, true],
    [
      'MsgCommitUpdate',
      {
        miner: ADDRESS,
        ...ROUND_OF,
        parentRoot: BYTES32,
        traceRoot: BYTES32,
        stateRoot: BYTES32,
        code4Root: BYTES32,
        claimedParentLoss: 2n,
        claimedLoss: 1n,
        steps: 100,
        artifact: ARTIFACT,
      },
      false,
    ],
    [
      'MsgAnswerChallenges',
      {
        miner: ADDRESS,
        ...ROUND_OF,
        openings: [
          {
            records: [{ record: BYTES32, path: [] }],
            oldLeaf: { leaf: BYTES32, path: [] },
            newLeaf: { leaf: BYTES32, path: [] },
            codes: [{ leaf: BYTES32, path: [] }],
          },
        ],
      },
      false,
    ],
    [
      'MsgBondVerifier',
      { verifier: ADDRESS, amount: coin(10_000_000), endpoint: '', moniker: 'v', blsKey: new Uint8Array(48), blsProof: new Uint8Array(96) },
      false,
    ],
    ['MsgUnbondVerifier', { verifier: ADDRESS, amount: coin(1) }, false],
    ['MsgCommitAttestation', { verifier: ADDRESS, ...ROUND_OF, miner: ADDRESS, hash: BYTES32 }, false],
    [
      'MsgRevealAttestation',
      { verifier: ADDRESS, ...ROUND_OF, miner: ADDRESS, salt, report: { verdict: 1, diffSquareSum: '0' }, drawSignature: new Uint8Array(96) },
      false,
    ],
    ['MsgProveLeafFraud', { accuser: ADDRESS, ...ROUND_OF, miner: ADDRESS, salt, opening: { records: [], codes: [] } }, false],
    ['MsgCloseJob', { owner: ADDRESS, jobId: 1n }, true],
  ];
}

test('cosmjs connects, reads balances, sends coins, and sends every pogo message', async (t) => {
  const { node, fund } = await startWorld(t);
  await fund(ADDRESS, 20_000_000_000);
  const client = await connect(node);
  t.after(() => client.disconnect());

  await t.test('balances, a MsgSend with simulated gas, and the transaction by its hash', async () => {
    assert.equal(await client.getChainId(), CHAIN.chainId);
    assert.deepEqual(await client.getBalance(ADDRESS, 'upogo'), coin(20_000_000_000));
    const friend = createSigner(new Uint8Array(32).fill(9), CHAIN.addressPrefix).address;
    const sent = await client.sendTokens(ADDRESS, friend, [coin(1234)], 'auto', 'hello');
    assert.equal(sent.code, 0, sent.rawLog);
    assert.equal(sent.msgResponses[0]?.typeUrl, '/cosmos.bank.v1beta1.MsgSendResponse');
    const found = await client.getTx(sent.transactionHash);
    assert.equal(found?.height, sent.height);
    assert.ok(found?.events.some((e) => e.type === 'transfer'));
    assert.equal((await client.getBalance(friend, 'upogo')).amount, '1234');
    assert.equal((await client.searchTx(`transfer.recipient='${friend}'`)).length, 1);
    assert.equal(await client.getAccount(createSigner(new Uint8Array(32).fill(8), CHAIN.addressPrefix).address), null);
  });

  await t.test('a MsgSend of more than the balance fails in its block with code 5, and is paid for', async () => {
    const before = BigInt((await client.getBalance(ADDRESS, 'upogo')).amount);
    const sent = await client.sendTokens(ADDRESS, ADDRESS, [coin(90_000_000_000)], { amount: [coin(1000)], gas: '100000' });
    assert.equal(sent.code, 5);
    assert.equal(before - BigInt((await client.getBalance(ADDRESS, 'upogo')).amount), 1000n);
  });

  await t.test('each message of pogo is understood: it works, or the rule that refuses it is one of pogo', async () => {
    const messages = everyMessage();
    const sendable = pogoTypes.map(([url]) => url).filter((url) => !url.endsWith('Response'));
    assert.deepEqual(messages.map(([name]) => `/pogo.v1.${name}`).sort(), [...sendable].sort());
    for (const [name, value, ok] of messages) {
      const { codespace, code, sent } = await outcome(node, client, `/pogo.v1.${name}`, value);
      if (ok) assert.equal(code, 0, `${name}: ${sent?.rawLog ?? `${codespace}/${code}`}`);
      else assert.equal(codespace, 'pogo', `${name}: ${codespace}/${code}`);
      const [response] = sent?.msgResponses ?? [];
      if (name === 'MsgCreateJob') assert.equal(decode(MsgCreateJobResponse, response?.value ?? new Uint8Array(0)).jobId, 1n);
    }
  });

  await t.test('the command line shows the same chain', async () => {
    const { job } = (await pogodJson(node, 'q', 'pogo', 'job', '1')) as unknown as { job: Record<string, unknown> };
    assert.deepEqual([job['owner'], job['title']], [ADDRESS, 'MNIST digits, MLP 784-128-10']);
    const { miners } = (await pogodJson(node, 'query', 'pogo', 'miners')) as unknown as { miners: { address: string }[] };
    assert.deepEqual(
      miners.map((m) => m.address),
      [ADDRESS],
    );
    const missing = await pogod(node, 'q', 'pogo', 'job', '99');
    assert.deepEqual([missing.code, missing.stdout], [1, '']);
    assert.match(missing.stderr, /^Error: .*NotFound.*job 99/);
  });
});

test('the command line sends, waits, finds and refuses', async (t) => {
  const { node } = await startWorld(t);
  const sync = await pogodJson(node, 'tx', 'bank', 'send', 'rich', ADDRESS, '5000000upogo', '-y', '--gas-prices', GAS_PRICE);
  assert.deepEqual([sync['code'], sync['height']], [0, '0']);
  const hash: string = sync['txhash'] as unknown as string;
  const found = await eventually('the transaction', () => pogodJson(node, 'q', 'tx', hash));
  assert.equal(found['raw_log'], '');
  assert.match(found['timestamp'] as unknown as string, /^\d{4}-\d\d-\d\dT.*Z$/);
  const { balances } = (await pogodJson(node, 'q', 'bank', 'balances', ADDRESS)) as unknown as { balances: unknown };
  assert.deepEqual(balances, [coin(5_000_000)]);

  const { validators } = (await pogodJson(node, 'q', 'staking', 'validators')) as unknown as {
    validators: { operator_address: string; tokens: string }[];
  };
  const operator = validators[0]?.operator_address ?? '';
  const delegated = await pogodJson(
    node,
    'tx',
    'staking',
    'delegate',
    operator,
    '1000000upogo',
    '--from',
    'wallet',
    '-y',
    '-b',
    'block',
    '--gas',
    '200000',
    '--fees',
    '100upogo',
  );
  assert.equal(delegated['code'], 0);
  assert.equal((await pogodJson(node, 'tx', 'staking', 'unbond', operator, '400000upogo', '--from', ADDRESS, '-y', '-b', 'block'))['code'], 0);

  const job = await pogodJson(node, 'tx', 'pogo', 'create-job', join(PROJECT, 'examples', 'mnist-job.json'), '--from', 'rich', '-y', '-b', 'block');
  assert.equal(job['code'], 0, job['raw_log']);
  const refused = await pogod(node, 'tx', 'pogo', 'close-job', '1', '--from', 'wallet', '-y', '-b', 'block', '--gas', '200000');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^Error: transaction [0-9A-F]{64} failed in deliver: .*\(pogo\/\d+\)\n$/);
  assert.equal((JSON.parse(refused.stdout) as { codespace: string }).codespace, 'pogo');
  const wrongChain = await pogod(node, 'tx', 'bank', 'send', 'rich', ADDRESS, '1upogo', '-y', '--chain-id', 'other-1');
  assert.match(wrongChain.stderr, /^Error: chain-id: the node at --node is of chain pogo-test-1, not other-1\n$/);
  const cancelled = await run(
    join(PROJECT, 'bin', 'pogod'),
    ['--home', node.home, '--node', node.rpc.url, 'tx', 'bank', 'send', 'rich', ADDRESS, '1upogo'],
    'n\n',
  );
  assert.match(cancelled.stderr, /Error: cancelled: nothing was sent/);
});

test('the state of a stopped node, exported, starts a chain that goes on', async (t) => {
  const chain = await makeChain(t);
  const [node] = chain.homes;
  assert.ok(node !== undefined);
  const running = startNode(t, chain, node);
  const payments = await Payments.on(chain);
  await payments.send();
  await payments.settled();
  await running.end();
  const path = join(chain.dir, 'exported.json');
  const exported = await pogod(node, 'export', '--output-document', path);
  assert.equal(exported.code, 0, exported.stderr);
  assert.equal((await pogod(node, 'genesis', 'validate', path)).code, 0);
  const again = await pogod(node, 'export');
  assert.equal(again.stdout, readFileSync(path, 'utf8'));
  const { initial_height } = JSON.parse(again.stdout) as { initial_height: string };
  assert.equal((await pogod(node, 'comet', 'unsafe-reset-all')).code, 0);
  writeFileSync(join(node.home, 'config', 'genesis.json'), again.stdout);
  startNode(t, chain, node);
  await reach(node, BigInt(initial_height) + 2n);
});

function minerConfig(dir: string, node: Home, key: string, port: number): string {
  const folder = join(dir, key);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'miner.toml');
  const lines = [
    `nodes = ["${node.rpc.url}"]`,
    `home = ${JSON.stringify(node.home)}`,
    `key = "${key}"`,
    `listen = "127.0.0.1:${port}"`,
    'data = "./data"',
    `moniker = "${key}"`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

test('the examples run: a wallet sends, and a job is posted, followed by events and downloaded', async (t) => {
  const { chain, node, fund } = await startWorld(t, 500);
  await fund(ADDRESS, 20_000_000_000);
  const nodeBinary = join(PROJECT, 'node_modules', '.bin', 'node');
  const wallet = await run(nodeBinary, ['examples/wallet.ts', node.rpc.url, MNEMONIC]);
  assert.equal(wallet.code, 0, wallet.stderr);
  assert.match(wallet.stdout, /sent 1000upogo to pogo1\w+ in [0-9A-F]{64} \(code 0\)\nfound at height \d+/);

  const keyring = openKeyring(node.home, CHAIN.addressPrefix);
  const ports = await freePorts(2);
  for (const [i, role] of ['mine', 'verify'].entries()) {
    const { address } = keyring.add(role, new Uint8Array(32).fill(20 + i));
    await fund(address, 1_000_000_000);
    startProcess(t, chain, join(PROJECT, 'bin', 'pogo-miner'), [role, '--config', minerConfig(chain.dir, node, role, ports[i] ?? 0)]);
  }
  const bonded = async (): Promise<void> => {
    const { verifiers } = (await pogodJson(node, 'q', 'pogo', 'verifiers')) as unknown as { verifiers: unknown[] };
    assert.equal(verifiers.length, 1);
  };
  await eventually('a bonded verifier', bonded, 60_000);
  const model = join(chain.dir, 'model.safetensors');
  const trained = await run(nodeBinary, ['examples/train.ts', node.rpc.url, MNEMONIC, 'examples/mnist-job.json', '1', model]);
  assert.equal(trained.code, 0, trained.stderr);
  assert.match(trained.stdout, /round_closed round=\d+ outcome=finalized winner=pogo1/);
  const accuracy = Number(/([\d.]+) % of the test images/.exec(trained.stdout)?.[1]);
  assert.ok(accuracy > 70, trained.stdout);
  const { spec } = createJobMessage(loadJob('mnist-mlp'), ADDRESS);
  assert.ok(fromSafetensors(specFromProto(spec), new Uint8Array(readFileSync(model))).length > 0);
});
