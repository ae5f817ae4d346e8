/**
 * What became of the CUDA graphs of a loop.
 *
 * @param {string} name of the contender
 * @param {{ rows: number, bytes: number, problem?: string }[]} captured
 */
export function graphsNote(name, captured) {
  if (captured.length === 0) return `${name}: no graphs were captured.`;
  const each = captured.map(({ rows, bytes, problem }) =>
    problem ? `not of ${rows} rows: ${problem}` : `of ${rows} rows, ${bytes} bytes`,
  );
  return `${name}: graphs ${each.join('; ')}.`;
}
