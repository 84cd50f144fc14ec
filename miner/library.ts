// SPDX-License-Identifier: Apache-2.0
// Artifacts and states, from wherever they can be had: own disk, the miner's addresses, then every other daemon,
// since whoever fetched an artifact serves it.
import { equalBytes, toHex } from '../core/bytes.ts';
import { specFromProto } from '../modules/pogo/spec.ts';
import type { Artifact, Head, Job, Round } from '../proto/gen/pogo.v1.ts';
import { layoutOf } from '../train/layout.ts';
import { type FetchRequest, fetchArtifact, fetchRange, UnavailableError } from './artifact/fetch.ts';
import { offsetsOf, shapeOf, sizeBounds } from './artifact/format.ts';
import type { ArtifactStore } from './artifact/store.ts';
import type { Chain } from './chain.ts';
import { isState, type StateStore } from './states.ts';
import { present } from './work/context.ts';
import type { Workbench } from './work/workbench.ts';

/** The initial state that everyone derives is not the one that the job's owner posted. */
export class FalseJobError extends Error {
  override readonly name = 'FalseJobError';
}

/** What of a chain says where things are. */
export type Directory = Pick<Chain, 'jobs' | 'round' | 'miner' | 'miners' | 'verifiers'>;

export class Library {
  readonly artifacts: ArtifactStore;
  readonly states: StateStore;
  readonly #chain: Directory;
  readonly #workbench: Workbench;
  /** Own address, which is no source. */
  readonly #endpoint: string;
  readonly #underway: Map<string, Promise<void>> = new Map();

  constructor(chain: Directory, workbench: Workbench, artifacts: ArtifactStore, states: StateStore, endpoint: string) {
    this.#chain = chain;
    this.#workbench = workbench;
    this.artifacts = artifacts;
    this.states = states;
    this.#endpoint = endpoint;
  }

  /**
   * Brings the artifact of a commit here. UnavailableError when nobody has it, or when its size is none that an
   * artifact of the round can have: nothing of another size is worth a download.
   */
  async bringArtifact(job: Job, round: Round, artifact: Artifact, miner: string, signal?: AbortSignal): Promise<void> {
    if (this.artifacts.get(artifact.root) !== undefined) return;
    const [least, greatest] = sizeBounds(shapeOfTerms(job, round));
    if (artifact.size < least || artifact.size > greatest) {
      throw new UnavailableError(artifact.root, [`its size is ${artifact.size} bytes, expected ${least} to ${greatest}`]);
    }
    await this.#once(`artifact ${toHex(artifact.root)}`, async () => {
      await fetchArtifact(this.artifacts, await this.#request(artifact, miner, signal));
    });
  }

  /**
   * Brings the state of a head here: from disk, from the seed for the initial model, or the last state of the
   * winning artifact. Always checked against the head's root.
   */
  async bringState(job: Job, head: Head, signal?: AbortSignal): Promise<void> {
    if (this.states.has(head.stateRoot)) return;
    await this.#once(`state ${toHex(head.stateRoot)}`, async () => {
      if (head.round === 0n) await this.#derive(job, head);
      else await this.#download(job, head, signal);
    });
  }

  /** Removes all but the newest artifacts, downloads and states; what heads are made of stays for late comers. */
  async tidy(keep: number): Promise<void> {
    const heads = (await this.#chain.jobs()).flatMap((job) => (job.head === undefined ? [] : [job.head]));
    const needed = new Set(heads.flatMap((head) => (head.artifact === undefined ? [] : [toHex(head.artifact.root)])));
    const all = this.artifacts.list();
    for (const root of all.slice(0, Math.max(0, all.length - keep))) if (!needed.has(toHex(root))) this.artifacts.remove(root);
    this.artifacts.pruneParts(keep);
    this.states.prune(
      keep,
      heads.map((head) => head.stateRoot),
    );
  }

  async #derive(job: Job, head: Head): Promise<void> {
    const { root } = await this.#workbench.run({ kind: 'init', spec: specFromProto(job.spec), seed: job.initSeed });
    if (!equalBytes(root, head.stateRoot)) throw new FalseJobError(`job ${job.id}: init_state_root is not that of init_seed`);
  }

  async #download(job: Job, head: Head, signal: AbortSignal | undefined): Promise<void> {
    const artifact = present(head.artifact, 'head.artifact');
    const round = present(await this.#chain.round(job.id, head.round), `round ${head.round}`);
    const shape = shapeOfTerms(job, round);
    const { state, stateBytes } = offsetsOf(shape);
    const from = state(shape.steps);
    const bytes = await fetchRange(this.artifacts, await this.#request(artifact, head.miner, signal), from, from + stateBytes);
    const spec = specFromProto(job.spec);
    try {
      if (!isState(spec, bytes, head.stateRoot)) {
        throw new UnavailableError(artifact.root, ["the final state in the artifact is not the head's"]);
      }
      this.states.put(spec, head.stateRoot, bytes);
    } finally {
      bytes.close();
    }
  }

  async #request(artifact: Artifact, miner: string, signal: AbortSignal | undefined): Promise<FetchRequest> {
    const [owner, miners, verifiers] = await Promise.all([this.#chain.miner(miner), this.#chain.miners(), this.#chain.verifiers()]);
    const mirrors = [...miners, ...verifiers].map((m) => m.endpoint);
    const all = [...artifact.locations, owner?.endpoint ?? '', ...mirrors];
    const locations = all.map((location) => location.replace(/\/+$/, '')).filter((location) => location !== '' && location !== this.#endpoint);
    return { root: artifact.root, size: Number(artifact.size), locations, ...(signal === undefined ? {} : { signal }) };
  }

  /** Two askers for one thing share one download. */
  async #once(key: string, bring: () => Promise<void>): Promise<void> {
    let underway = this.#underway.get(key);
    if (underway === undefined) {
      underway = bring().finally(() => this.#underway.delete(key));
      this.#underway.set(key, underway);
    }
    await underway;
  }
}

function shapeOfTerms(job: Job, round: Round): ReturnType<typeof shapeOf> {
  const terms = present(round.terms, 'round.terms');
  return shapeOf(layoutOf(specFromProto(job.spec)), terms.steps, terms.checkpointEvery);
}
