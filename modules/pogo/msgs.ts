// SPDX-License-Identifier: Apache-2.0
// The table of messages: who signs, what can be said without the state, what happens.
import type { AnyMessageHandler, MessageHandler } from '../../core/module.ts';
import * as pb from '../../proto/gen/pogo.v1.ts';
import type { MessageType } from '../../proto/message.ts';
import { commitAttestation, revealAttestation } from './attestations.ts';
import { bondMiner, bondVerifier, unbondMiner, unbondVerifier } from './bonding.ts';
import { answerChallenges, commitUpdate } from './commits.ts';
import { commitFraudClaim, proveLeafFraud } from './frauds.ts';
import { closeJob, createJob, fundJob, updateJob } from './jobs.ts';
import * as v from './validate.ts';

function message<M, R>(
  type: MessageType<M>,
  response: MessageType<R>,
  signer: (msg: M) => string,
  parts: Pick<MessageHandler<M, R>, 'validate' | 'handle'>,
): MessageHandler<M, R> {
  return { typeUrl: `/${type.typeName}`, type, response, signers: (msg) => [signer(msg)], ...parts };
}

export const messages: readonly AnyMessageHandler[] = [
  message(pb.MsgCreateJob, pb.MsgCreateJobResponse, (m) => m.owner, { validate: v.validateCreateJob, handle: createJob }),
  message(pb.MsgFundJob, pb.MsgFundJobResponse, (m) => m.sender, { validate: v.validateFundJob, handle: fundJob }),
  message(pb.MsgUpdateJob, pb.MsgUpdateJobResponse, (m) => m.owner, { validate: v.validateUpdateJob, handle: updateJob }),
  message(pb.MsgCloseJob, pb.MsgCloseJobResponse, (m) => m.owner, { validate: v.validateCloseJob, handle: closeJob }),
  message(pb.MsgBondMiner, pb.MsgBondMinerResponse, (m) => m.miner, { validate: v.validateBondMiner, handle: bondMiner }),
  message(pb.MsgUnbondMiner, pb.MsgUnbondMinerResponse, (m) => m.miner, { validate: v.validateUnbondMiner, handle: unbondMiner }),
  message(pb.MsgCommitUpdate, pb.MsgCommitUpdateResponse, (m) => m.miner, { validate: v.validateCommitUpdate, handle: commitUpdate }),
  message(pb.MsgAnswerChallenges, pb.MsgAnswerChallengesResponse, (m) => m.miner, { validate: v.validateAnswerChallenges, handle: answerChallenges }),
  message(pb.MsgBondVerifier, pb.MsgBondVerifierResponse, (m) => m.verifier, { validate: v.validateBondVerifier, handle: bondVerifier }),
  message(pb.MsgUnbondVerifier, pb.MsgUnbondVerifierResponse, (m) => m.verifier, { validate: v.validateUnbondVerifier, handle: unbondVerifier }),
  message(pb.MsgCommitAttestation, pb.MsgCommitAttestationResponse, (m) => m.verifier, {
    validate: v.validateCommitAttestation,
    handle: commitAttestation,
  }),
  message(pb.MsgRevealAttestation, pb.MsgRevealAttestationResponse, (m) => m.verifier, {
    validate: v.validateRevealAttestation,
    handle: revealAttestation,
  }),
  message(pb.MsgCommitFraudClaim, pb.MsgCommitFraudClaimResponse, (m) => m.accuser, {
    validate: v.validateCommitFraudClaim,
    handle: commitFraudClaim,
  }),
  message(pb.MsgProveLeafFraud, pb.MsgProveLeafFraudResponse, (m) => m.accuser, { validate: v.validateProveLeafFraud, handle: proveLeafFraud }),
];
