// SPDX-License-Identifier: Apache-2.0
// Means over the seeds, and differences of each arm from binary32 seed by seed.

/** What one run ended with; loss in nats, accuracy 0..1 (of a text: at the last position of each sample). */
export interface Arm {
  readonly training_loss: number;
  readonly judged: Record<string, { readonly loss: number; readonly accuracy: number }>;
  readonly seconds: number;
}

export interface Summary {
  /** For each arm and judged part. */
  readonly arms: Readonly<Record<string, Readonly<Record<string, Figures>>>>;
  readonly text: string;
}

interface Figures {
  readonly loss: number;
  readonly accuracy: number;
  /** Mean of the seeds' relative differences of the loss from binary32's, its least and greatest, in percent. */
  readonly loss_percent?: readonly [mean: number, least: number, greatest: number];
  /** The same of the accuracy, in points. */
  readonly accuracy_points?: readonly [mean: number, least: number, greatest: number];
}

/** Ends the name of a part that the 4-bit form of the model is judged on. */
export const FOUR = ' 4-bit';

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
const rounded = (x: number): number => Number(x.toFixed(5));
const spread = (x: readonly number[]): [number, number, number] => [rounded(mean(x)), rounded(Math.min(...x)), rounded(Math.max(...x))];

function figuresOf(part: string, runs: readonly Arm[], base: readonly Arm[] | undefined): Figures {
  // Only exact8 is judged in its 4-bit form; binary32 stands beside it in full.
  const of = (list: readonly Arm[], key: 'loss' | 'accuracy', name = part): number[] => list.map((run) => run.judged[name]?.[key] ?? Number.NaN);
  const full = part.replace(FOUR, '');
  const [losses, accuracies] = [of(runs, 'loss'), of(runs, 'accuracy')];
  const means = { loss: rounded(mean(losses)), accuracy: rounded(mean(accuracies)) };
  if (base === undefined) return means;
  const [baseLosses, baseAccuracies] = [of(base, 'loss', full), of(base, 'accuracy', full)];
  return {
    ...means,
    loss_percent: spread(losses.map((loss, i) => 100 * (loss / (baseLosses[i] ?? Number.NaN) - 1))),
    accuracy_points: spread(accuracies.map((accuracy, i) => 100 * (accuracy - (baseAccuracies[i] ?? Number.NaN)))),
  };
}

/** Figures of every arm; differences where binary32 was run as well. */
export function summary(runs: ReadonlyMap<string, readonly Arm[]>): Summary {
  const arms: Record<string, Record<string, Figures>> = {};
  const lines: string[] = [];
  for (const [arm, list] of runs) {
    const base = arm === 'binary32' ? undefined : runs.get('binary32');
    const parts = Object.keys(list[0]?.judged ?? {});
    const figures = Object.fromEntries(parts.map((part) => [part, figuresOf(part, list, base)]));
    arms[arm] = figures;
    for (const [part, { loss, accuracy, loss_percent: l, accuracy_points: a }] of Object.entries(figures)) {
      const differences =
        l === undefined || a === undefined ? '' : `  loss ${l[0]} % (${l[1]} to ${l[2]})  accuracy ${a[0]} points (${a[1]} to ${a[2]})`;
      lines.push(`${arm.padEnd(24)} ${part.padEnd(14)} loss ${loss}  accuracy ${accuracy}${differences}`);
    }
  }
  return { arms, text: lines.join('\n') };
}
