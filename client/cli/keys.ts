// SPDX-License-Identifier: Apache-2.0
// pogod keys …
import { base64 } from '@scure/base';
import type { Command } from 'commander';
import { formatAddress } from '../../core/address.ts';
import { fromHex, toHex } from '../../core/bytes.ts';
import type { JsonObject } from '../../core/json.ts';
import { armor, checkPassphrase, unarmor } from '../armor.ts';
import { UsageError } from '../errors.ts';
import { readText } from '../files.ts';
import type { KeyInfo } from '../keyring.ts';
import { addressOf, createSigner, DEFAULT_HD_PATH, newMnemonic, privateKeyOf } from '../signer.ts';
import { type CliContext, contextOf, integerFlag } from './context.ts';
import { note, print, printLine } from './output.ts';
import { ask, confirm } from './prompt.ts';

const KEY_URL = '/cosmos.crypto.secp256k1.PubKey';

function shown(key: KeyInfo): JsonObject {
  const pubkey = JSON.stringify({ '@type': KEY_URL, key: base64.encode(key.publicKey) });
  return { name: key.name, type: key.type, address: key.address, pubkey };
}

interface AddFlags {
  readonly recover?: boolean;
  readonly index: string;
  readonly account: string;
  readonly hdPath?: string;
  readonly overwrite?: boolean;
  readonly dryRun?: boolean;
  readonly backup: boolean;
}

function pathOf(flags: AddFlags): string {
  if (flags.hdPath !== undefined) return flags.hdPath;
  return `m/44'/118'/${integerFlag(flags.account, 'account')}'/0/${integerFlag(flags.index, 'index')}`;
}

async function add(name: string, flags: AddFlags, ctx: CliContext): Promise<void> {
  const mnemonic = flags.recover === true ? (await ask('> Enter your bip39 mnemonic')).trim() : newMnemonic();
  const privateKey = privateKeyOf(mnemonic, pathOf(flags));
  let key: KeyInfo;
  if (flags.dryRun === true) {
    const { address, publicKey } = createSigner(privateKey, ctx.prefix);
    key = { name, type: 'local', address, publicKey };
  } else key = ctx.keyring().add(name, privateKey, { overwrite: flags.overwrite === true });
  const secret = flags.recover !== true && flags.backup;
  if (ctx.output === 'json') {
    print({ ...shown(key), ...(secret ? { mnemonic } : {}) }, 'json');
    return;
  }
  print([shown(key)], 'text');
  if (secret) note(`\n**Important** write this mnemonic phrase in a safe place.\nIt is the only way to recover your account.\n\n${mnemonic}`);
}

interface ShowFlags {
  readonly address?: boolean;
  readonly pubkey?: boolean;
  readonly bech: string;
}

function show(name: string, flags: ShowFlags, ctx: CliContext): void {
  const key = ctx.keyring().get(name);
  const kinds = { acc: 'acc', val: 'valoper', cons: 'valcons' } as const;
  if (!Object.hasOwn(kinds, flags.bech)) throw new UsageError(`bech: expected acc, val or cons, got "${flags.bech}"`);
  const address = formatAddress(addressOf(key.publicKey), ctx.prefix, kinds[flags.bech as keyof typeof kinds]);
  if (flags.address === true) printLine(address);
  else if (flags.pubkey === true) printLine(shown(key)['pubkey'] as string);
  else if (ctx.output === 'json') print({ ...shown(key), address }, 'json');
  else print([{ ...shown(key), address }], 'text');
}

interface ExportFlags {
  readonly unarmoredHex?: boolean;
  readonly unsafe?: boolean;
  readonly yes?: boolean;
}

async function exportKey(name: string, flags: ExportFlags, ctx: CliContext): Promise<void> {
  const privateKey = ctx.keyring().privateKey(name);
  if (flags.unarmoredHex !== flags.unsafe)
    throw new UsageError('unarmored-hex: the key would be shown in clear; give both --unarmored-hex and --unsafe');
  if (flags.unarmoredHex === true) {
    if (flags.yes !== true && !(await confirm('WARNING: The private key will be exported as an unarmored hexadecimal string. Continue?'))) return;
    printLine(toHex(privateKey));
    return;
  }
  const passphrase = await ask('Enter passphrase to encrypt the exported key:', { hidden: true });
  checkPassphrase(passphrase);
  process.stdout.write(armor(privateKey, passphrase));
}

async function deleteKey(name: string, flags: { readonly yes?: boolean }, ctx: CliContext): Promise<void> {
  const keyring = ctx.keyring();
  keyring.get(name);
  if (flags.yes !== true && !(await confirm(`Key reference "${name}" will be deleted. Continue?`))) return;
  keyring.delete(name);
  note('Key deleted forever (uh oh!)');
}

function hexKey(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new UsageError('hex: expected a private key of 64 hexadecimal digits');
  return fromHex(text);
}

/** Adds `keys` and its commands. */
export function addKeys(program: Command): void {
  const keys = program.command('keys').description("manage your application's keys (backend test: unencrypted files under the home folder)");
  keys
    .command('add <name>')
    .description('add a key: a new one, or that of a mnemonic given on standard input')
    .option('--recover', 'take the mnemonic from standard input')
    .option('--index <n>', 'address index of the HD path', '0')
    .option('--account <n>', 'account of the HD path', '0')
    .option('--hd-path <path>', `whole HD path instead (default ${DEFAULT_HD_PATH})`)
    .option('--overwrite', 'replace a key of that name')
    .option('--dry-run', 'show the key without keeping it')
    .option('--no-backup', 'do not print the mnemonic')
    .action((name: string, flags: AddFlags, command: Command) => add(name, flags, contextOf(command)));
  keys
    .command('show <name-or-address>')
    .description('show a key')
    .option('-a, --address', 'the address only')
    .option('-p, --pubkey', 'the public key only')
    .option('--bech <kind>', 'form of the address: acc, val or cons', 'acc')
    .action((name: string, flags: ShowFlags, command: Command) => show(name, flags, contextOf(command)));
  keys
    .command('list')
    .description('list all keys')
    .option('-n, --list-names', 'the names only')
    .action((flags: { readonly listNames?: boolean }, command: Command) => {
      const ctx = contextOf(command);
      const all = ctx.keyring().list();
      if (flags.listNames === true) for (const { name } of all) printLine(name);
      else print(all.map(shown), ctx.output);
    });
  keys
    .command('delete <name>')
    .description('delete a key')
    .option('-y, --yes', 'do not ask')
    .action((name: string, flags: { readonly yes?: boolean }, command: Command) => deleteKey(name, flags, contextOf(command)));
  keys
    .command('export <name>')
    .description('print a private key, encrypted by a passphrase from standard input')
    .option('--unarmored-hex', 'in clear, as hexadecimal; needs --unsafe')
    .option('--unsafe', 'confirm that the key may be shown in clear')
    .option('-y, --yes', 'do not ask')
    .action((name: string, flags: ExportFlags, command: Command) => exportKey(name, flags, contextOf(command)));
  keys
    .command('import <name> <file>')
    .description('add a key from a file written by export; the passphrase comes from standard input')
    .action(async (name: string, file: string, _flags: object, command: Command) => {
      const text = readText(file, 'key file');
      const privateKey = unarmor(text, await ask('Enter passphrase to decrypt your key:', { hidden: true }));
      contextOf(command).keyring().add(name, privateKey);
    });
  keys
    .command('import-hex <name> <hex>')
    .description('add a private key given as hexadecimal')
    .action((name: string, hex: string, _flags: object, command: Command) => {
      contextOf(command).keyring().add(name, hexKey(hex));
    });
  keys
    .command('mnemonic')
    .description('print a new mnemonic; nothing is kept')
    .action(() => printLine(newMnemonic()));
}
