// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeSecp256k1Pubkey } from '@cosmjs/amino';
import { DirectSecp256k1HdWallet, encodePubkey, makeAuthInfoBytes, makeSignBytes, makeSignDoc, Registry } from '@cosmjs/proto-signing';
import { defaultRegistryTypes } from '@cosmjs/stargate';
import {
  addressOf,
  createPogoAminoTypes,
  createPogoRegistry,
  createSigner,
  hashOf,
  pogoTypes,
  privateKeyOf,
  signDocBytes,
  signTx,
  toAny,
} from '../../../client/index.ts';
import { toHex } from '../../../core/bytes.ts';
import { decodeStrict } from '../../../core/codec.ts';
import { sha256 } from '../../../core/hash.ts';
import { MsgSend } from '../../../proto/gen/cosmos.bank.v1beta1.ts';
import { AuthInfo, TxBody, TxRaw } from '../../../proto/gen/cosmos.tx.v1beta1.ts';
import { MsgCommitUpdate, MsgFundJob } from '../../../proto/gen/pogo.v1.ts';

const MNEMONIC = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about';
const signer = createSigner(privateKeyOf(MNEMONIC), 'cosmos');
const send = { fromAddress: signer.address, toAddress: signer.address, amount: [{ denom: 'upogo', amount: '1234567' }] };
const content = {
  messages: [toAny(MsgSend, send)],
  fee: { amount: [{ denom: 'upogo', amount: 5000n }], gas: 200_000n },
  memo: 'hello',
  chainId: 'pogo-test-1',
  accountNumber: 7n,
  sequence: 3n,
};

async function cosmjsSignature(): Promise<{ readonly signBytes: Uint8Array; readonly signature: string; readonly address: string }> {
  const wallet = await DirectSecp256k1HdWallet.fromMnemonic(MNEMONIC, { prefix: 'cosmos' });
  const [account] = await wallet.getAccounts();
  if (account === undefined) throw new Error('no account');
  const registry = new Registry(defaultRegistryTypes);
  const bodyBytes = registry.encodeTxBody({ messages: [{ typeUrl: '/cosmos.bank.v1beta1.MsgSend', value: send }], memo: content.memo });
  const pubkey = encodePubkey(encodeSecp256k1Pubkey(account.pubkey));
  const authInfo = makeAuthInfoBytes([{ pubkey, sequence: 3 }], [{ denom: 'upogo', amount: '5000' }], 200_000, undefined, undefined);
  const doc = makeSignDoc(bodyBytes, authInfo, content.chainId, 7n);
  const { signature } = await wallet.signDirect(account.address, doc);
  return { signBytes: makeSignBytes(doc), signature: signature.signature, address: account.address };
}

test("the sign doc and the signature are cosmjs's, byte for byte", async () => {
  const theirs = await cosmjsSignature();
  const mine = signDocBytes(signer.publicKey, content);
  assert.equal(toHex(mine), toHex(theirs.signBytes));
  assert.equal(Buffer.from(signer.sign(mine)).toString('base64'), theirs.signature);
  assert.equal(signer.address, theirs.address);
});

test('the sign doc has its golden digest', () => {
  assert.equal(toHex(sha256(signDocBytes(signer.publicKey, content))), '1330729cd126d4b8cefd86331e968d1a7916941270ffa79a2ef864bdd80b6f3c');
});

test('signing twice gives the same transaction, which decodes strictly', () => {
  const tx = signTx(signer, content);
  assert.deepEqual(signTx(signer, content), tx);
  assert.equal(tx.hash, hashOf(tx.bytes));
  const raw = decodeStrict(TxRaw, tx.bytes);
  assert.equal(decodeStrict(TxBody, raw.bodyBytes).memo, 'hello');
  assert.equal(decodeStrict(AuthInfo, raw.authInfoBytes).signerInfos[0]?.sequence, 3n);
});

test('every pogo message and response is in the registry', () => {
  const registry = createPogoRegistry();
  assert.equal(pogoTypes.length, 28);
  for (const [typeUrl] of pogoTypes) assert.ok(registry.lookupType(typeUrl), typeUrl);
  assert.ok(registry.lookupType('/cosmos.bank.v1beta1.MsgSend'));
  assert.ok(registry.lookupType('/cosmos.slashing.v1beta1.MsgUnjail'));
});

test('the registry encodes a pogo message as our codec does, and decodes it back', () => {
  const registry = createPogoRegistry();
  const value = { sender: 'pogo1x', jobId: 5n, amount: { denom: 'upogo', amount: '3' } };
  const any = registry.encodeAsAny({ typeUrl: '/pogo.v1.MsgFundJob', value });
  assert.equal(toHex(any.value), '0a06706f676f317810051a0a0a0575706f676f120133');
  assert.equal(toHex(any.value), toHex(toAny(MsgFundJob, value).value));
  assert.deepEqual(registry.decode(any), value);
});

test('the registry refuses a number where the message has a 64-bit integer', () => {
  const wrong = { typeUrl: '/pogo.v1.MsgFundJob', value: { sender: 'pogo1x', jobId: 5 } };
  assert.throws(() => createPogoRegistry().encode(wrong), /MsgFundJob\.jobId: expected a bigint/);
});

test('a default message of cosmjs keeps the encoding that we give it', () => {
  const bytes = createPogoRegistry().encode({ typeUrl: '/cosmos.bank.v1beta1.MsgSend', value: send });
  assert.equal(toHex(bytes), toHex(toAny(MsgSend, send).value));
});

test('amino JSON leaves defaults out, names fields as the .proto, and comes back', () => {
  const types = createPogoAminoTypes();
  const value = {
    miner: 'pogo1x',
    jobId: 1n,
    round: 0n,
    parentRoot: Uint8Array.of(1, 2, 3),
    traceRoot: new Uint8Array(0),
    stateRoot: new Uint8Array(0),
    code4Root: new Uint8Array(0),
    claimedParentLoss: -5n,
    claimedLoss: 0n,
    steps: 100,
    artifact: { root: Uint8Array.of(255), size: 9n, locations: ['http://a', 'http://b'] },
  };
  const amino = types.toAmino({ typeUrl: '/pogo.v1.MsgCommitUpdate', value });
  assert.deepEqual(amino, {
    type: 'pogo/MsgCommitUpdate',
    value: {
      miner: 'pogo1x',
      job_id: '1',
      parent_root: 'AQID',
      claimed_parent_loss: '-5',
      steps: 100,
      artifact: { root: '/w==', size: '9', locations: ['http://a', 'http://b'] },
    },
  });
  assert.deepEqual(types.fromAmino(amino), { typeUrl: '/pogo.v1.MsgCommitUpdate', value });
  assert.deepEqual(decodeStrict(MsgCommitUpdate, toAny(MsgCommitUpdate, value).value), value);
});

test("slashing's MsgUnjail has the SDK's amino form", () => {
  const amino = createPogoAminoTypes().toAmino({ typeUrl: '/cosmos.slashing.v1beta1.MsgUnjail', value: { validatorAddr: 'pogovaloper1x' } });
  assert.deepEqual(amino, { type: 'cosmos-sdk/MsgUnjail', value: { address: 'pogovaloper1x' } });
});

test('every pogo message has an amino name of its own', () => {
  const types = createPogoAminoTypes();
  const messages = pogoTypes.map(([url]) => url).filter((url) => !url.endsWith('Response'));
  const names = messages.map((typeUrl) => types.toAmino({ typeUrl, value: {} }).type);
  assert.deepEqual(
    names,
    messages.map((url) => url.replace('/pogo.v1.', 'pogo/')),
  );
});

test('the well-known test mnemonic gives its well-known address and key', () => {
  assert.equal(signer.address, 'cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4');
  assert.equal(toHex(privateKeyOf(MNEMONIC)), 'c4a48e2fce1481cd3294b4490f6678090ea98d3d0e5cd984558ab0968741b104');
  assert.equal(addressOf(signer.publicKey).length, 20);
});
