// SPDX-License-Identifier: Apache-2.0
// Flags that describe a validator: of genesis gentx and of tx staking create-validator.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'smol-toml';
import { UsageError } from '../errors.ts';
import { readText } from '../files.ts';
import type { ValidatorTerms } from '../gentx.ts';

export interface ValidatorFlags {
  readonly moniker?: string;
  readonly identity: string;
  readonly website: string;
  readonly securityContact: string;
  readonly details: string;
  readonly commissionRate: string;
  readonly commissionMaxRate: string;
  readonly commissionMaxChangeRate: string;
  readonly minSelfDelegation: string;
}

/** Adds the flags. */
export function addValidatorFlags(command: Command): Command {
  return command
    .option('--moniker <name>', "the validator's name (default: that of config.toml)")
    .option('--identity <text>', 'identity signature, e.g. of Keybase', '')
    .option('--website <url>', 'website', '')
    .option('--security-contact <address>', 'e-mail address for security matters', '')
    .option('--details <text>', 'more words', '')
    .option('--commission-rate <decimal>', 'commission', '0.1')
    .option('--commission-max-rate <decimal>', 'highest commission ever', '0.2')
    .option('--commission-max-change-rate <decimal>', 'most that the commission may change in a day', '0.01')
    .option('--min-self-delegation <n>', 'least self-delegation', '1');
}

function configuredMoniker(home: string): string {
  const path = join(home, 'config', 'config.toml');
  const moniker: unknown = existsSync(path) ? (parse(readText(path, 'config')) as { readonly moniker?: unknown }).moniker : undefined;
  if (typeof moniker !== 'string' || moniker === '') throw new UsageError('moniker: give --moniker, since config.toml has none');
  return moniker;
}

/** Terms that the flags give. */
export function validatorTerms(flags: ValidatorFlags, home: string): ValidatorTerms {
  return { ...flags, moniker: flags.moniker ?? configuredMoniker(home) };
}
