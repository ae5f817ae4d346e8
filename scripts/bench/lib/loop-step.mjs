import { significant, table, whole, withSpread } from './markdown.mjs';

/** Rows of a batch as a point of a measurement. */
export const rowsPoint = (rows) => `b=${rows}`;

/**
 * @param {string} contender
 * @param {import('./loop.mjs').Loop} loop
 * @param {Partial<import('./loop.mjs').LoopQuestion>} question what it is asked besides
 * @param {number} rows
 * @param {number} seconds
 * @returns {import('./rounds.mjs').Step}
 */
export function loopStep(contender, loop, question, rows, seconds) {
  return {
    contender,
    point: rowsPoint(rows),
    seconds,
    measure: () => loop.run({ ...question, rows, seconds }),
    invalid: ({ rowsPerSecond }) => (rowsPerSecond > 0 ? undefined : 'no batch was run'),
    describe: ({ rowsPerSecond, microsecondsPerBatch }) =>
      `${whole(rowsPerSecond)} rows/s, ${significant(microsecondsPerBatch)} µs/batch`,
  };
}

/**
 * Rows per second and time per batch of each contender against the rows of a batch.
 *
 * @param {import('./results.mjs').Results} results
 * @param {string[]} contenders
 * @param {number[]} rows
 */
export function loopTable(results, contenders, rows) {
  const cells = (contender, count) => [
    withSpread(results.spread(contender, rowsPoint(count), 'rowsPerSecond'), whole),
    withSpread(results.spread(contender, rowsPoint(count), 'microsecondsPerBatch')),
  ];
  return table(
    ['rows', ...contenders.flatMap((contender) => [`${contender}, rows/s`, 'µs per batch'])],
    rows
      .filter((count) => results.has(rowsPoint(count)))
      .map((count) => [
        String(count),
        ...contenders.flatMap((contender) => cells(contender, count)),
      ]),
  );
}
