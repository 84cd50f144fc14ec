// SPDX-License-Identifier: Apache-2.0
// How the command line signs, shows, confirms and sends a transaction.
import type { Command } from 'commander';
import { type Coin, parseCoinsText } from '../../core/coin.ts';
import { parseDec } from '../../core/dec.ts';
import { formatTime } from '../../core/time.ts';
import type { Any } from '../../proto/gen/google.protobuf.ts';
import { TxFailedError, UsageError } from '../errors.ts';
import { txToJson } from '../gentx.ts';
import type { Signer } from '../signer.ts';
import { parseGasPrice, type SignedTx } from '../signing.ts';
import { createTxSender, type SendOptions } from '../tx.ts';
import { validateMessages } from '../validate.ts';
import { type CliContext, integerFlag } from './context.ts';
import { print } from './output.ts';
import { confirm } from './prompt.ts';
import { pendingResponse, txResponse } from './tx-response.ts';

export interface TxFlags {
  readonly from?: string;
  readonly fees?: string;
  readonly gasPrices?: string;
  readonly gas: string;
  readonly gasAdjustment: string;
  readonly note: string;
  readonly timeoutHeight?: string;
  readonly broadcastMode?: string;
  readonly yes?: boolean;
}

/** Adds the flags that every transaction takes. */
export function withTxFlags(command: Command, fromIsArgument: boolean): Command {
  if (!fromIsArgument) command.option('--from <name-or-address>', 'key that signs');
  return command
    .option('--fees <coins>', 'fee, e.g. 500upogo')
    .option('--gas-prices <price>', 'price of a unit of gas, e.g. 0.025upogo; the fee follows')
    .option('--gas <limit>', 'gas limit, or "auto" to simulate', 'auto')
    .option('--gas-adjustment <factor>', 'multiplies simulated gas', '1.5')
    .option('--note <text>', 'memo', '')
    .option('--timeout-height <n>', 'last height that may include the transaction')
    .option('-b, --broadcast-mode <mode>', 'sync (return when the mempool has it) or block (wait for its block)')
    .option('-y, --yes', 'do not ask before signing');
}

function percent(text: string): bigint {
  try {
    const value = parseDec(text) / 10n ** 16n;
    if (value >= 100n && value <= 10_000n) return value;
  } catch {
    // The one message below says what is wanted.
  }
  throw new UsageError(`gas-adjustment: expected a factor from 1 to 100, got "${text}"`);
}

function fee(flags: TxFlags): readonly Coin[] | undefined {
  if (flags.fees === undefined) return undefined;
  if (flags.gasPrices !== undefined) throw new UsageError('fees: give either --fees or --gas-prices');
  try {
    return parseCoinsText(flags.fees, 'fees').filter((c) => c.amount > 0n);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

interface Sending {
  readonly ctx: CliContext;
  readonly flags: TxFlags;
  readonly signer: Signer;
}

function sendOptions({ flags, ctx }: Sending): SendOptions {
  const onSigned = async (tx: SignedTx): Promise<void> => {
    if (flags.yes === true) return;
    print(txToJson(tx.bytes), ctx.output);
    if (!(await confirm('confirm transaction before signing and broadcasting'))) throw new UsageError('cancelled: nothing was sent');
  };
  const amount = fee(flags);
  return {
    memo: flags.note,
    onSigned,
    ...(flags.gas === 'auto' ? {} : { gas: integerFlag(flags.gas, 'gas', 1n) }),
    ...(amount === undefined ? {} : { fee: amount }),
    ...(flags.timeoutHeight === undefined ? {} : { timeoutHeight: integerFlag(flags.timeoutHeight, 'timeout-height', 1n) }),
  };
}

async function chainIdOf(ctx: CliContext, asked: string): Promise<string> {
  const { chainId } = await ctx.rpc().status();
  if (asked !== '' && asked !== chainId) throw new UsageError(`chain-id: the node at --node is of chain ${chainId}, not ${asked}`);
  return chainId;
}

/** Signs, confirms, sends and prints. Throws after printing the response when the transaction was refused or failed. */
export async function sendFromCli(messages: readonly Any[], sending: Sending): Promise<void> {
  const { ctx, flags, signer } = sending;
  const mode = flags.broadcastMode ?? ctx.config['broadcast-mode'];
  if (mode !== 'sync' && mode !== 'block') throw new UsageError(`broadcast-mode: expected sync or block, got "${mode}"`);
  const options = sendOptions(sending);
  validateMessages(messages, { chainId: ctx.chainId, addressPrefix: ctx.prefix, bondDenom: '' });
  const gasPrice = flags.gasPrices === undefined ? undefined : parseGasPrice(flags.gasPrices);
  const sender = createTxSender({
    rpc: ctx.rpc(),
    signer,
    chainId: await chainIdOf(ctx, ctx.chainId),
    gasAdjustmentPercent: percent(flags.gasAdjustment),
    ...(gasPrice === undefined ? {} : { gasPrice }),
  });
  try {
    const sent = await sender.broadcast(messages, options);
    if (mode === 'sync') {
      print(pendingResponse(sent.hash, { code: 0, codespace: '', log: '' }), ctx.output);
      return;
    }
    const found = await sender.wait(sent);
    print(txResponse(found, formatTime((await ctx.rpc().block(found.height)).header.time)), ctx.output);
  } catch (error) {
    // Scripts read the code from the response, people the line that follows.
    if (error instanceof TxFailedError && ctx.output === 'json') print(pendingResponse(error.hash, error), 'json');
    throw error;
  }
}
