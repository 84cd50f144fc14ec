// SPDX-License-Identifier: Apache-2.0
// Has a model trained: posts a job, follows its rounds by the events of each block, and downloads the trained model.
//
//   node examples/train.ts RPC MNEMONIC [JOB.json] [ROUNDS] [OUT.safetensors]
//
// The account pays the job's escrow. The events come over the node's websocket; what the model scores is measured here,
// on the state that was downloaded and checked against the head's root.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectSecp256k1HdWallet } from '@cosmjs/proto-signing';
import { GasPrice, SigningStargateClient } from '@cosmjs/stargate';
import { Comet38Client } from '@cosmjs/tendermint-rpc';
import { createPogoRegistry } from '../client/index.ts';
import { createJobMessage, loadJob } from '../client/job-file.ts';
import { decode } from '../core/codec.ts';
import { accuracyOf, createModelReader, exportModel } from '../miner/model.ts';
import { MsgCreateJobResponse } from '../proto/gen/pogo.v1.ts';

const [rpc, mnemonic, file = 'mnist-mlp', rounds = '1', out = 'model.safetensors'] = process.argv.slice(2);
const say = (text: string): boolean => process.stdout.write(`${text}\n`);
if (rpc === undefined || mnemonic === undefined) throw new Error('usage: train.ts RPC MNEMONIC [JOB.json] [ROUNDS] [OUT.safetensors]');

type Event = { readonly type: string; readonly attributes: readonly { readonly key: string; readonly value: string }[] };

/** Posts the job; resolves with its id. */
async function postJob(rpc: string, mnemonic: string, file: string): Promise<bigint> {
  const wallet = await DirectSecp256k1HdWallet.fromMnemonic(mnemonic, { prefix: 'pogo' });
  const [account] = await wallet.getAccounts();
  if (account === undefined) throw new Error('the wallet has no account');
  const client = await SigningStargateClient.connectWithSigner(rpc, wallet, {
    registry: createPogoRegistry(),
    gasPrice: GasPrice.fromString('0.01upogo'),
  });
  const message = { typeUrl: '/pogo.v1.MsgCreateJob', value: createJobMessage(loadJob(file), account.address) };
  const sent = await client.signAndBroadcast(account.address, [message], 'auto');
  client.disconnect();
  const [response] = sent.msgResponses;
  if (sent.code !== 0 || response === undefined) throw new Error(`the job was refused: ${sent.rawLog}`);
  return decode(MsgCreateJobResponse, response.value).jobId;
}

/** Says what happens to the job until `count` of its rounds are finalised or it stops. */
async function follow(rpc: string, job: bigint, count: number): Promise<void> {
  const client = await Comet38Client.connect(rpc.replace(/^http/, 'ws'));
  let finalised = 0;
  const tell = ({ type, attributes }: Event): boolean => {
    const value = (key: string): string => attributes.find((a) => a.key === key)?.value ?? '';
    if (!type.startsWith('pogo_') || value('job') !== job.toString()) return false;
    say(
      `${type.slice('pogo_'.length)} ${attributes
        .filter((a) => a.key !== 'job' && a.key !== 'msg_index' && a.key !== 'mode')
        .map((a) => `${a.key}=${a.value}`)
        .join(' ')}`,
    );
    if (type === 'pogo_round_closed' && value('winner') !== '') finalised += 1;
    return type === 'pogo_job_status_changed' && value('status') !== 'active';
  };
  for await (const block of blocksOf(client)) {
    const { results, finalizeBlockEvents } = await client.blockResults(block);
    const stopped = [...results.flatMap((r) => r.events), ...finalizeBlockEvents].map(tell).some((s) => s);
    if (finalised >= count || stopped) break;
  }
  client.disconnect();
}

/** Heights as their blocks come. */
async function* blocksOf(client: Comet38Client): AsyncGenerator<number> {
  const queue: number[] = [];
  let wake: () => void = () => undefined;
  let failure: unknown;
  client.subscribeNewBlock().addListener({
    next: (event) => {
      queue.push(event.header.height);
      wake();
    },
    error: (error) => {
      failure = error;
      wake();
    },
  });
  for (;;) {
    if (failure !== undefined) throw failure;
    const next = queue.shift();
    if (next !== undefined) yield next;
    else await new Promise<void>((resolve) => (wake = resolve));
  }
}

/** Downloads the head's model, says what it scores on the test images, and writes it. */
async function download(rpc: string, job: bigint, out: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pogo-model-'));
  const reader = await createModelReader({ nodes: [rpc], folder });
  try {
    const model = await reader.head(job);
    const accuracy = accuracyOf(await reader.evaluate(model, 'mnist/test')) / 100;
    const chain = await Comet38Client.connect(rpc);
    const bytes = exportModel(model, (await chain.status()).nodeInfo.network);
    chain.disconnect();
    writeFileSync(out, bytes);
    say(`model of round ${model.head.round} (${model.head.steps} steps): ${accuracy} % of the test images; ${bytes.length} bytes in ${out}`);
  } finally {
    await reader.close();
    rmSync(folder, { recursive: true });
  }
}

const job = await postJob(rpc, mnemonic, file);
say(`job ${job} posted`);
await follow(rpc, job, Number(rounds));
await download(rpc, job, out);
// The node may leave the closed websocket open for long, which would keep this process waiting.
process.exit(0);
