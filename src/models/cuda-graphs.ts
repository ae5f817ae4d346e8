import { type Static, Type } from 'typebox';
import type { WarmedEvent } from '../native/addon.js';

const count = Type.Integer({ minimum: 0 });

/** What became of the CUDA graphs of a version at warm-up, as the management API shows it. */
export const cudaGraphsSchema = Type.Object({
  rows: Type.Array(count, {
    description: 'Sizes of batches that graphs were captured for; others are padded to the next.',
  }),
  bytes: Type.Integer({
    minimum: 0,
    description: 'Device memory that they take, those of all instances together.',
  }),
  problems: Type.Array(Type.Object({ rows: count, problem: Type.String() }), {
    description: 'Sizes without a graph, and why: their batches run as without graphs.',
  }),
});

export type CudaGraphs = Static<typeof cudaGraphsSchema>;

type Captures = NonNullable<WarmedEvent['graphs']>;

/** A summary of what warm-up has captured, ascending. */
export function cudaGraphsOf(captures: Captures): CudaGraphs {
  const graphs: CudaGraphs = { rows: [], bytes: 0, problems: [] };
  for (const { rows, bytes, problem } of [...captures].sort((a, b) => a.rows - b.rows)) {
    if (problem === undefined) {
      graphs.rows.push(rows);
      graphs.bytes += bytes;
    } else {
      graphs.problems.push({ rows, problem });
    }
  }
  return graphs;
}

/** The same in one line, for the log: `CUDA graphs for batches of 1, 2, 4 rows, 84 MiB`. */
export function cudaGraphsInWords({ rows, bytes, problems }: CudaGraphs): string {
  if (rows.length === 0) return `no CUDA graphs: ${problems[0]?.problem ?? 'none were captured'}`;
  const sizes = new Map<string, number[]>();
  for (const { rows: size, problem } of problems) {
    sizes.set(problem, [...(sizes.get(problem) ?? []), size]);
  }
  const missing = [...sizes].map(
    ([problem, without]) => `; none for ${without.join(', ')}: ${problem}`,
  );
  const batches = `batches of ${rows.join(', ')} ${rows.at(-1) === 1 ? 'row' : 'rows'}`;
  return `CUDA graphs for ${batches}, ${Math.ceil(bytes / 2 ** 20)} MiB${missing.join('')}`;
}
