// SPDX-License-Identifier: Apache-2.0
// Codespace `staking` as of cosmos-sdk 0.53 x/staking/types/errors.go.
import { type ErrorKind, registerError } from '../../core/errors.ts';

const staking = (code: number, text: string): ErrorKind => registerError('staking', code, text);

export const errNoValidatorFound: ErrorKind = staking(3, 'validator does not exist');
export const errValidatorOwnerExists: ErrorKind = staking(
  4,
  'validator already exist for this operator address; must use new validator operator address',
);
export const errValidatorPubKeyExists: ErrorKind = staking(5, 'validator already exist for this pubkey; must use new validator pubkey');
export const errValidatorPubKeyTypeNotSupported: ErrorKind = staking(6, 'validator pubkey type is not supported');
export const errValidatorJailed: ErrorKind = staking(7, 'validator for this address is currently jailed');
export const errCommissionNegative: ErrorKind = staking(9, 'commission must be positive');
export const errCommissionHuge: ErrorKind = staking(10, 'commission cannot be more than 100%');
export const errCommissionGTMaxRate: ErrorKind = staking(11, 'commission cannot be more than the max rate');
export const errCommissionUpdateTime: ErrorKind = staking(12, 'commission cannot be changed more than once in 24h');
export const errCommissionChangeRateNegative: ErrorKind = staking(13, 'commission change rate must be positive');
export const errCommissionChangeRateGTMaxRate: ErrorKind = staking(14, 'commission change rate cannot be more than the max rate');
export const errCommissionGTMaxChangeRate: ErrorKind = staking(15, 'commission cannot be changed more than max change rate');
export const errSelfDelegationBelowMinimum: ErrorKind = staking(16, "validator's self delegation must be greater than their minimum self delegation");
export const errMinSelfDelegationDecreased: ErrorKind = staking(17, 'minimum self delegation cannot be decrease');
export const errNoDelegation: ErrorKind = staking(19, 'no delegation for (address, validator) tuple');
export const errNoDelegatorForAddress: ErrorKind = staking(21, 'delegator does not contain delegation');
export const errInsufficientShares: ErrorKind = staking(22, 'insufficient delegation shares');
export const errNotEnoughDelegationShares: ErrorKind = staking(24, 'not enough delegation shares');
export const errMaxUnbondingDelegationEntries: ErrorKind = staking(27, 'too many unbonding delegation entries for (delegator, validator) tuple');
export const errSelfRedelegation: ErrorKind = staking(29, 'cannot redelegate to the same validator');
export const errTinyRedelegationAmount: ErrorKind = staking(30, 'too few tokens to redelegate (truncates to zero tokens)');
export const errBadRedelegationDst: ErrorKind = staking(31, 'redelegation destination validator not found');
export const errTransitiveRedelegation: ErrorKind = staking(
  32,
  'redelegation to this validator already in progress; first redelegation to this validator must complete before next redelegation',
);
export const errMaxRedelegationEntries: ErrorKind = staking(33, 'too many redelegation entries for (delegator, src-validator, dst-validator) tuple');
export const errDelegatorShareExRateInvalid: ErrorKind = staking(34, 'cannot delegate to validators with invalid (zero) ex-rate');
export const errEmptyValidatorPubKey: ErrorKind = staking(39, 'empty validator public key');
export const errCommissionLTMinRate: ErrorKind = staking(40, 'commission cannot be less than min rate');
