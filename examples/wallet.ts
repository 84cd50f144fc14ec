// SPDX-License-Identifier: Apache-2.0
// A wallet by cosmjs: make a key, read balances, send coins, find the transaction again.
//
//   node examples/wallet.ts [RPC] [MNEMONIC]
//
// Without a mnemonic it makes a new wallet, says its address, and sends once somebody has sent it coins.
import { DirectSecp256k1HdWallet } from '@cosmjs/proto-signing';
import { GasPrice, SigningStargateClient } from '@cosmjs/stargate';
import { createPogoAminoTypes, createPogoRegistry } from '../client/index.ts';

const [rpc = 'http://localhost:26657', mnemonic] = process.argv.slice(2);
const say = (text: string): boolean => process.stdout.write(`${text}\n`);
const prefix = 'pogo';
const denom = 'upogo';

const wallet =
  mnemonic === undefined ? await DirectSecp256k1HdWallet.generate(24, { prefix }) : await DirectSecp256k1HdWallet.fromMnemonic(mnemonic, { prefix });
const [account] = await wallet.getAccounts();
if (account === undefined) throw new Error('the wallet has no account');
say(`address ${account.address}`);
if (mnemonic === undefined) say(`mnemonic ${wallet.mnemonic}`);

const client = await SigningStargateClient.connectWithSigner(rpc, wallet, {
  registry: createPogoRegistry(),
  aminoTypes: createPogoAminoTypes(),
  gasPrice: GasPrice.fromString(`0.01${denom}`),
});
say(`chain ${await client.getChainId()} at height ${await client.getHeight()}`);

const balance = await client.getBalance(account.address, denom);
say(`balance ${balance.amount}${balance.denom}`);
if (BigInt(balance.amount) < 10_000n) {
  say('too little to send; ask somebody for coins and start again with the mnemonic');
} else {
  const friend = await DirectSecp256k1HdWallet.generate(12, { prefix });
  const [other] = await friend.getAccounts();
  if (other === undefined) throw new Error('the wallet has no account');
  const sent = await client.sendTokens(account.address, other.address, [{ denom, amount: '1000' }], 'auto', 'hello from cosmjs');
  say(`sent 1000${denom} to ${other.address} in ${sent.transactionHash} (code ${sent.code})`);
  const found = await client.getTx(sent.transactionHash);
  say(`found at height ${found?.height}, gas used ${found?.gasUsed}`);
  say(`balance of the other ${(await client.getBalance(other.address, denom)).amount}${denom}`);
}
client.disconnect();
