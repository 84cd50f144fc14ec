// SPDX-License-Identifier: Apache-2.0
// Job files: what a person writes (JSON, decimals, names) to the message that the chain takes. Every refusal names the
// field and the rule.
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { fromHex } from '../core/bytes.ts';
import { parseCoinsText, toProtoCoin } from '../core/coin.ts';
import { specToProto } from '../modules/pogo/spec.ts';
import type { Coin } from '../proto/gen/cosmos.base.v1beta1.ts';
import { type DataSet, Mode, type MsgCreateJob, type RoundTerms } from '../proto/gen/pogo.v1.ts';
import { bitsOf } from '../train/float32.ts';
import { initialState } from '../train/init.ts';
import { kernelId } from '../train/kernel.ts';
import { layoutOf } from '../train/layout.ts';
import { treeOfLeaves } from '../train/merkle.ts';
import { sampleBytes, type TrainSpec } from '../train/spec.ts';
import { validateSpec } from '../train/validate.ts';
import { KNOWN_DATASETS, knownDataset, knownVocab } from './datasets.ts';
import { UsageError } from './errors.ts';
import { readJson } from './files.ts';

const DECIMAL = /^\d+(\.\d+)?(e-?\d+)?$/i;
/** A non-negative decimal, as JSON number or as text; the nearest binary32 is what travels. */
const decimal = z.union([z.number().nonnegative(), z.string().regex(DECIMAL).transform(Number)], {
  error: 'must be a non-negative decimal like "0.1"',
});
const count = z.number().int().min(0).max(0xffffffff);
const positive = count.min(1);
const bps = count.max(10_000);
const hash = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');

const coin = z.string().transform((text, ctx): Coin => {
  try {
    const [only, ...others] = parseCoinsText(text, 'coin');
    if (only !== undefined && others.length === 0 && only.amount > 0n) return toProtoCoin(only);
  } catch {
    // The one message below says what is wanted.
  }
  ctx.addIssue({ code: 'custom', message: 'must be one positive amount with its denomination like "5000000upogo"' });
  return z.NEVER;
});

const dataset = z.union([z.string(), z.strictObject({ name: z.string().min(1).max(64), root: hash, size: positive, sample_bytes: positive })]);

const mlp = z.strictObject({ kind: z.literal('mlp'), layers: z.array(positive), input_exponent: z.number().int() });
const gpt = z.strictObject({
  kind: z.literal('gpt'),
  vocab: positive,
  context: positive,
  width: positive,
  layers: positive,
  heads: positive,
  tied: z.boolean(),
});
const cnn = z.strictObject({
  kind: z.literal('cnn'),
  height: positive,
  width: positive,
  channels: positive,
  convolutions: z.array(z.strictObject({ filters: positive, kernel: positive, stride: positive })),
  hidden: z.array(positive),
  classes: positive,
  input_exponent: z.number().int(),
});
const model = z.discriminatedUnion('kind', [mlp, gpt, cnn], { error: 'kind must be "mlp", "gpt" or "cnn"' });

/** Largest norm of a gradient; no bound without it. */
const clip = decimal.optional();
const optimizer = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('sgd'), momentum: decimal, clip }),
    z.strictObject({ kind: z.literal('adamw'), beta1: decimal, beta2: decimal, epsilon: decimal, weight_decay: decimal, clip }),
  ],
  { error: 'kind must be "sgd" or "adamw"' },
);

const windows = z.strictObject({ commit: positive, answer: positive, attest: positive, reveal: positive, dispute: positive });

const terms = z.strictObject({
  steps: positive,
  checkpoint_every: positive,
  leaf_challenges: positive,
  assigned_steps: positive,
  eval_samples: positive,
  max_commits: positive,
  /** Least mean improvement per sample, in nats. */
  min_improvement: decimal,
  /** Standard errors of the acceptance rule. */
  standard_errors: decimal,
  progress_window: positive,
  windows,
  reward: coin,
  verifier_bps: bps,
  runner_up_bps: bps,
});

const jobFile = z.strictObject({
  title: z.string().min(1).max(128),
  mode: z.literal('race').default('race'),
  arithmetic: z.literal('exact8').default('exact8'),
  model,
  optimizer,
  learning_rate: z.strictObject({ base: decimal, warmup_steps: count.default(0), total_steps: positive, floor_ratio: decimal }),
  batch_size: positive,
  code_bits: z.union([z.literal(4), z.literal(5)], { error: 'must be 4 or 5' }).optional(),
  training: dataset,
  evaluation: dataset,
  /** Seed of the initial model; random when absent. */
  seed: hash.optional(),
  round: terms,
  escrow: coin,
});

type JobFile = z.infer<typeof jobFile>;

function parse<T>(shape: z.ZodType<T>, json: unknown, source: string): T {
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.map((p) => (typeof p === 'number' ? `[${p}]` : `.${String(p)}`)).join('');
  throw new UsageError(`${source}: ${path === undefined || path === '' ? 'job' : path.replace(/^\./, '')}: ${issue?.message}`);
}

function toModel(m: JobFile['model']): unknown {
  if (m.kind === 'gpt') return m;
  const { input_exponent: inputExponent, ...fields } = m;
  return { ...fields, inputExponent };
}

function toOptimizer(o: JobFile['optimizer']): unknown {
  const bound = o.clip === undefined ? {} : { clip: bitsOf(o.clip) };
  if (o.kind === 'sgd') return { kind: 'sgd', momentum: bitsOf(o.momentum), ...bound };
  const { beta1, beta2, epsilon, weight_decay: decay } = o;
  return { kind: 'adamw', beta1: bitsOf(beta1), beta2: bitsOf(beta2), epsilon: bitsOf(epsilon), weightDecay: bitsOf(decay), ...bound };
}

function toSpec(job: JobFile, source: string): TrainSpec {
  const { learning_rate: lr } = job;
  try {
    return validateSpec({
      arithmetic: job.arithmetic,
      model: toModel(job.model),
      optimizer: toOptimizer(job.optimizer),
      schedule: { baseRate: bitsOf(lr.base), warmupSteps: lr.warmup_steps, totalSteps: lr.total_steps, floorRatio: bitsOf(lr.floor_ratio) },
      batchSize: job.batch_size,
      ...(job.code_bits === undefined ? {} : { codeBits: job.code_bits }),
    });
  } catch (error) {
    throw new UsageError(`${source}: ${(error as Error).message}`);
  }
}

export interface ResolvedDataset {
  readonly set: DataSet;
  /** Tokens of a text's vocabulary; undefined for what is no text. */
  readonly vocab: number | undefined;
}

/** Data sets by name; undefined for a name that it does not know. */
export type DatasetResolver = (name: string) => ResolvedDataset | undefined;

function resolveKnown(name: string): ResolvedDataset | undefined {
  const set = knownDataset(name);
  return set === undefined ? undefined : { set, vocab: knownVocab(name) };
}

function toDataset(value: JobFile['training'], field: string, spec: TrainSpec, { source, resolve }: Sources): DataSet {
  const refused = (rule: string): UsageError => new UsageError(`${source}: ${field}: ${rule}`);
  const wanted = sampleBytes(spec.model);
  const checked = (set: DataSet): DataSet => {
    if (set.sampleBytes !== wanted) throw refused(`its samples have ${set.sampleBytes} bytes, the model takes ${wanted}`);
    return set;
  };
  if (typeof value !== 'string') {
    return checked({ name: value.name, root: fromHex(value.root), size: BigInt(value.size), sampleBytes: value.sample_bytes });
  }
  const found = resolve(value);
  if (found === undefined) throw refused(`no such data set; known are ${KNOWN_DATASETS.join(', ')}, and any in full: name, root, size, sample_bytes`);
  const vocab = spec.model.kind === 'gpt' ? spec.model.vocab : undefined;
  if (found.vocab !== undefined && vocab === undefined) throw refused(`is a text, a ${spec.model.kind} takes no text`);
  if (found.vocab === undefined && vocab !== undefined) throw refused('is no text, a gpt takes nothing else');
  if (found.vocab !== vocab) throw refused(`has a vocabulary of ${found.vocab}, model.vocab is ${vocab}`);
  return checked(found.set);
}

function toTerms(t: z.infer<typeof terms>, source: string): RoundTerms {
  if (t.checkpoint_every > t.steps) throw new UsageError(`${source}: round.checkpoint_every: must not exceed round.steps`);
  return {
    steps: t.steps,
    checkpointEvery: t.checkpoint_every,
    leafChallenges: t.leaf_challenges,
    assignedSteps: t.assigned_steps,
    evalSamples: t.eval_samples,
    maxCommits: t.max_commits,
    // The chain counts losses in 2^-16 nats.
    minImprovement: BigInt(Math.round(t.min_improvement * 65_536)),
    zMilli: Math.round(t.standard_errors * 1000),
    progressWindow: t.progress_window,
    windows: t.windows,
    reward: t.reward,
    verifierBps: t.verifier_bps,
    runnerUpBps: t.runner_up_bps,
  };
}

/** RFC 6962 root over the state leaves of the model that `seed` (32 bytes) gives. */
export function initialStateRoot(spec: TrainSpec, seed: Uint8Array): Uint8Array {
  return treeOfLeaves(initialState(spec, seed), layoutOf(spec).stateLeafBytes).root;
}

interface Sources {
  readonly source: string;
  readonly resolve: DatasetResolver;
}

/**
 * The message that posts the job of a parsed job file; `source` begins error texts, `resolve` finds data sets that the
 * file only names. Throws UsageError naming field and rule. Derives the initial model (some milliseconds per million
 * parameters).
 */
export function createJobMessage(json: unknown, owner: string, source = 'job file', resolve: DatasetResolver = resolveKnown): MsgCreateJob {
  const job = parse(jobFile, json, source);
  const spec = toSpec(job, source);
  const seed = job.seed === undefined ? new Uint8Array(randomBytes(32)) : fromHex(job.seed);
  return {
    owner,
    title: job.title,
    mode: Mode.MODE_RACE,
    spec: specToProto(spec),
    kernelId: kernelId(spec),
    training: toDataset(job.training, 'training', spec, { source, resolve }),
    evaluation: toDataset(job.evaluation, 'evaluation', spec, { source, resolve }),
    initSeed: seed,
    initStateRoot: initialStateRoot(spec, seed),
    terms: toTerms(job.round, source),
    escrow: job.escrow,
  };
}

/** Terms of a parsed job file, or of a file that holds its `round` part alone. */
export function readTerms(json: unknown, source = 'terms file'): RoundTerms {
  const whole = typeof json === 'object' && json !== null && 'round' in json;
  return whole ? toTerms(parse(jobFile, json, source).round, source) : toTerms(parse(terms, json, source), source);
}

/** Names of the jobs that come with the project. */
export const JOB_PRESETS: readonly string[] = ['mnist-mlp', 'fashion-cnn', 'kjv-gpt'];

/** Content of a job file: the path of a `.json` file, or the name of a preset. Throws UsageError. */
export function loadJob(nameOrPath: string): unknown {
  if (JOB_PRESETS.includes(nameOrPath)) return readJson(fileURLToPath(new URL(`./jobs/${nameOrPath}.json`, import.meta.url)), 'job');
  if (!nameOrPath.endsWith('.json')) throw new UsageError(`job: expected a .json file or one of ${JOB_PRESETS.join(', ')}, got "${nameOrPath}"`);
  return readJson(nameOrPath, 'job file');
}
