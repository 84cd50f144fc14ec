// SPDX-License-Identifier: Apache-2.0
// Contractions along the rows with one result a column: sums (biasGrad), dot products (normGainGrad), and sums over the
// rows of each token (embedGrad, positionGrad).
import { EXPONENT_WGSL } from './webgpu-quantise.ts';
import { elementwise, type Grain, type Kernel } from './webgpu-shader.ts';

/** Rows of one exact total. */
export const SUM_ROWS = 1024;

/** Totals of chunks: [chunk][column]. ceil(columns / grain.columns) * ceil(rows / 1024) workgroups. With `x`, each term times Q8(x). */
export function columnTotals(withX: boolean, { columns, columnLanes }: Grain): Kernel {
  const code = /* wgsl */ `
${EXPONENT_WGSL}
var<workgroup> parts_: array<i32, ${columns * columnLanes}>;
fn run(group: u32, thread: u32) {
  let tiles = (shape.columns + ${columns - 1}u) / ${columns}u;
  let column = group % tiles * ${columns}u + thread % ${columns}u;
  let chunk = group / tiles;
  let live = min(column, shape.columns - 1u);
  let e = exponentKept(maxima[shape.top + live], 14u);
  ${withX ? 'let f = exponentKept(maxima[shape.topX + live], 8u);' : ''}
  var total = 0i;
  for (var r = ${SUM_ROWS}u * chunk + thread / ${columns}u; r < min(${SUM_ROWS}u * chunk + ${SUM_ROWS}u, shape.rows); r += ${columnLanes}u) {
    let at = r * shape.columns + live;
    total += fixed(dy[at], -e)${withX ? ' * fixed(x[at], -f)' : ''};
  }
  ${columnLanes > 1 ? 'parts_[thread] = total;\n  workgroupBarrier();' : ''}
  if (thread < ${columns}u && column < shape.columns) {
    for (var k = thread + ${columns}u; k < ${columns * columnLanes}u; k += ${columns}u) { total += parts_[k]; }
    totals[chunk * shape.columns + column] = bitcast<u32>(total);
  }
}`;
  const x = withX ? [{ name: 'x' }] : [];
  const buffers = [{ name: 'dy' }, { name: 'maxima' }, { name: 'totals', out: true }, ...x];
  return {
    name: `columnTotals ${withX} ${columns} ${columnLanes}`,
    shape: ['rows', 'columns', 'top', 'topX'],
    buffers,
    threads: columns * columnLanes,
    code,
  };
}

/** The chunks of each column, added in order, into a tensor's gradient. */
export function columnSums(withX: boolean): Kernel {
  const kernel = elementwise(
    `columnSums ${withX}`,
    ['chunks', 'top', 'topX', 'offset'],
    [{ name: 'totals' }, { name: 'maxima' }, { name: 'gradient', out: true }],
    `  let e = exponentOf(maxima[shape.top + i], 14u)${withX ? ' + exponentOf(maxima[shape.topX + i], 8u)' : ''};
  var value = fromScaled(bitcast<i32>(totals[i]), e);
  for (var chunk = 1u; chunk < shape.chunks; chunk++) {
    value = add(value, fromScaled(bitcast<i32>(totals[chunk * shape.count + i]), e));
  }
  gradient[shape.offset + i] = kept(value);`,
  );
  return { ...kernel, code: EXPONENT_WGSL + kernel.code };
}

/**
 * gradient[v, c], one thread each: the sum over the rows that `rows` lists from `starts[v]` to `starts[v + 1]`, ascending, in
 * chunks of 1,024 rows of the batch. As in embed.ts.
 */
export const SCATTER: Kernel = scatter();

function scatter(): Kernel {
  const kernel = elementwise(
    'scatter',
    ['columns', 'top', 'offset', 'accumulate'],
    [{ name: 'dy' }, { name: 'maxima' }, { name: 'starts' }, { name: 'rows' }, { name: 'gradient', out: true }],
    `  let c = i % shape.columns;
  let v = i / shape.columns;
  let e = exponentKept(maxima[shape.top + c], 14u);
  var value = 0u;
  var total = 0i;
  var chunk = 0u;
  for (var k = starts[v]; k < starts[v + 1u]; k++) {
    let r = rows[k];
    if (r / ${SUM_ROWS}u != chunk) {
      value = add(value, fromScaled(total, e));
      total = 0;
      chunk = r / ${SUM_ROWS}u;
    }
    total += fixed(dy[r * shape.columns + c], -e);
  }
  value = add(value, fromScaled(total, e));
  if (shape.accumulate != 0u) { value = add(gradient[shape.offset + i], flush(value)); }
  gradient[shape.offset + i] = kept(value);`,
  );
  return { ...kernel, code: EXPONENT_WGSL + kernel.code };
}
