// SPDX-License-Identifier: Apache-2.0
// Writes train/vectors.data.ts from the reference. A change of any line of that file breaks every running job.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { reference } from '../../../train/reference.ts';
import { runVector, VECTOR_CASES } from '../../../train/vectors.ts';

const lines = [
  '// SPDX-License-Identifier: Apache-2.0',
  '// Made by test/vectors/train/generate.ts from the reference; never edited by hand.',
  '',
  'export const EXPECTED: Readonly<Record<string, Readonly<Record<string, string>>>> = {',
];
for (const c of VECTOR_CASES) {
  const result = await runVector(reference.create(c.spec), c);
  const key = c.name.includes('-') ? `'${c.name}'` : c.name;
  lines.push(`  ${key}: {`, ...Object.entries(result).map(([part, hex]) => `    ${part}: '${hex}',`), '  },');
}
writeFileSync(fileURLToPath(new URL('../../../train/vectors.data.ts', import.meta.url)), `${[...lines, '};'].join('\n')}\n`);
