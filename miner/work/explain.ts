// SPDX-License-Identifier: Apache-2.0
// What a failed replay means in the protocol's terms, and which leaf shows it to the chain.
import { equalBytes } from '../../core/bytes.ts';
import { segmentOf, segmentSteps } from '../../modules/pogo/segments.ts';
import { Fault } from '../../proto/gen/pogo.v1.ts';
import { InvalidStateError } from '../../train/errors.ts';
import { type Layout, LEAF_PARAMETERS, MODEL4_LEAF_BYTES } from '../../train/layout.ts';
import { applyLeaf } from '../../train/leaf.ts';
import { encodeModel4Parts } from '../../train/model4.ts';
import type { Parts } from '../../train/parts.ts';
import { decodeRecord } from '../../train/record.ts';
import type { ReplayFault } from '../../train/replay.ts';
import { model4Tree, stateTree } from '../../train/round.ts';
import { thetaParts } from '../../train/state.ts';
import { ArtifactError } from '../artifact/format.ts';
import type { ArtifactReader } from '../artifact/reader.ts';
import type { CommitRoots, RoundContext } from './context.ts';

export interface Finding {
  readonly fault: Fault;
  readonly detail: string;
  readonly step?: number;
  readonly leaf?: number;
  /** Whether opening (segment of step, leaf) shows it to the chain. */
  readonly provable?: boolean;
}

export interface Evidence {
  readonly context: RoundContext;
  readonly commit: CommitRoots;
  readonly layout: Layout;
  readonly reader: ArtifactReader;
  readonly parentState: Parts;
  /** The true state where the replay ended. */
  readonly state: Parts;
}

/** The finding. ArtifactError when the miner did not publish what it committed: then the data are unavailable. */
export function explain(evidence: Evidence, fault: ReplayFault): Finding {
  const { steps } = evidence.context.terms;
  switch (fault.kind) {
    case 'parent-root':
      throw new InvalidStateError("the kept parent state is not the round's");
    case 'final-root':
      return falseLeaf("the last record's state root is not the commit's", steps, 0);
    case 'record':
      return falseLeaf(`record ${fault.step}: ${fault.detail}`, fault.step, 0);
    case 'code-root':
      throw new ArtifactError(`the codes of step ${fault.step} are not the committed ones`);
    case 'codes':
    case 'step': {
      const detail = `step ${fault.step}: ${fault.detail}`;
      return { fault: Fault.FAULT_WRONG_STEP, detail, step: fault.step, leaf: leafWithoutUpdate(evidence, fault.step), provable: true };
    }
    case 'state-root':
      return explainState(evidence, fault.step, fault.leaf);
    case 'model4-root':
      return explainModel4(evidence, steps);
    default:
      return fault satisfies never;
  }
}

function falseLeaf(detail: string, step: number, leaf: number): Finding {
  return { fault: Fault.FAULT_WRONG_LEAF, detail, step, leaf, provable: true };
}

function explainState({ context, reader }: Evidence, step: number, leaf: number | undefined): Finding {
  const published = stateTree(context.spec, reader.state(step)).root;
  const committed = decodeRecord(reader.records()[step - 1] as Uint8Array).stateRoot;
  if (committed === undefined || !equalBytes(published, committed) || leaf === undefined) {
    throw new ArtifactError(`the state after step ${step} is not the committed one`);
  }
  return falseLeaf(`leaf ${leaf} after step ${step} does not follow from its codes`, step, leaf);
}

function explainModel4({ commit, layout, reader, state }: Evidence, steps: number): Finding {
  const published = reader.model4();
  if (!equalBytes(model4Tree(published).root, commit.code4Root)) throw new ArtifactError('the 4-bit model is not the committed one');
  const expected = encodeModel4Parts(thetaParts(layout, state), layout.paddedCount);
  const bytes = MODEL4_LEAF_BYTES;
  let leaf = 0;
  while (equalBytes(expected.subarray(leaf * bytes, (leaf + 1) * bytes), published.subarray(leaf * bytes, (leaf + 1) * bytes))) leaf++;
  const detail = `4-bit leaf ${leaf} is not the quantisation of the 32-bit one`;
  return { fault: Fault.FAULT_WRONG_CODE4, detail, step: steps, leaf, provable: true };
}

/** The first leaf that has no update at `step`, because its codes are invalid or its values leave the finite numbers. */
function leafWithoutUpdate({ context, layout, reader, parentState }: Evidence, step: number): number {
  const { first } = segmentSteps(context.terms, segmentOf(context.terms, step));
  const before = first === 1 ? parentState : reader.state(first - 1);
  const codes = Array.from({ length: step - first + 1 }, (_, i) => reader.codesInPlace(first + i));
  const part = (bytes: Parts, size: number, leaf: number): Uint8Array => bytes.subarray(leaf * size, (leaf + 1) * size);
  for (let leaf = 0; leaf < layout.paddedCount / LEAF_PARAMETERS; leaf++) {
    const leaves = codes.map((c) => part(c, layout.codeLeafBytes, leaf));
    try {
      applyLeaf(context.spec, part(before, layout.stateLeafBytes, leaf), leaves, context.stepsBefore + first);
    } catch {
      return leaf;
    }
  }
  return 0;
}
