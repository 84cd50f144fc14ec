// SPDX-License-Identifier: Apache-2.0
// Fraud proofs: the claim by hash first, the opening from the next block on, so that nobody copies it from a mempool.
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { sleep } from '../client/rpc.ts';
import { toAny } from '../client/signing.ts';
import { decode, encode } from '../core/codec.ts';
import { fraudClaimHash } from '../modules/pogo/attestation.ts';
import { checkOpening } from '../modules/pogo/opening.ts';
import { type Commit, type LeafOpening, MsgCommitFraudClaim, MsgProveLeafFraud } from '../proto/gen/pogo.v1.ts';
import { type Chain, RefusedError } from './chain.ts';
import type { Ledger } from './ledger.ts';
import { type CommitRoots, openingContext, type RoundContext } from './work/context.ts';

export interface Accusation {
  readonly context: RoundContext;
  readonly commit: Commit;
  readonly roots: CommitRoots;
  readonly opening: LeafOpening;
}

const POLL_MS = 200;

export class Accuser {
  readonly #chain: Chain;
  readonly #ledger: Ledger;
  readonly #log: Logger;

  constructor(chain: Chain, ledger: Ledger, log: Logger) {
    this.#chain = chain;
    this.#ledger = ledger;
    this.#log = log;
  }

  /**
   * Convicts the commit. False when the opening would not convict by our own reading of the rule, or when the chain
   * refused it, as when somebody else was earlier.
   */
  async accuse({ context, commit, roots, opening }: Accusation, key: string): Promise<boolean> {
    const decision = checkOpening(openingContext(context, roots), opening);
    if (decision.kind !== 'fault') {
      this.#log.warn({ commit: key, decision: decision.kind }, 'the opening proves nothing');
      return false;
    }
    const { message, hash } = this.#sign({ context, commit, roots, opening }, key);
    try {
      await this.#claim(hash);
      await this.#chain.deliver([toAny(MsgProveLeafFraud, message)]);
      this.#log.info({ commit: key, fault: decision.fault, detail: decision.message }, 'fraud proven');
      return true;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.#log.info({ commit: key, error: error.message }, 'fraud proof refused');
      return false;
    }
  }

  /** The proof with its salt, from the journal when there is one: a claim that is on chain already must still fit. */
  #sign({ context, commit, roots, opening }: Accusation, key: string): { readonly message: MsgProveLeafFraud; readonly hash: Uint8Array } {
    const kept = this.#ledger.get('claim', key);
    const salt = kept?.secret ?? newSalt();
    const base = { accuser: this.#chain.address, jobId: context.job, round: context.round, miner: commit.miner };
    const message = kept === undefined ? { ...base, salt, opening } : decode(MsgProveLeafFraud, kept.content);
    this.#ledger.record({ kind: 'claim', key, content: encode(MsgProveLeafFraud, message), secret: salt });
    const id = { chainId: context.chainId, job: context.job, round: context.round, miner: roots.miner };
    return { message, hash: fraudClaimHash(id, this.#chain.bytesOf(this.#chain.address), salt, message.opening ?? opening) };
  }

  async #claim(hash: Uint8Array): Promise<void> {
    try {
      await this.#chain.deliver([toAny(MsgCommitFraudClaim, { accuser: this.#chain.address, hash })]);
    } catch (error) {
      // It may stand from before a restart; if it does not, the proof will be refused.
      if (!(error instanceof RefusedError)) throw error;
      this.#log.info({ error: error.message }, 'fraud claim refused');
    }
    // The proof must stand in a later block than the claim, and its simulation must know that.
    const included = await this.#chain.height();
    while ((await this.#chain.height()) <= included) await sleep(POLL_MS);
  }
}

/** The salt of a commit-reveal: 32 random bytes, kept in the journal before its hash is sent. */
export function newSalt(): Uint8Array {
  return new Uint8Array(randomBytes(32));
}
