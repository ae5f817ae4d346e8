import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What is wanted of a GPU beside what was measured: the benchmark's targets, of the figures in a
 * folder.
 *
 * @param {string} [folder] without it nothing has been measured
 * @returns {Promise<import('./steps.mjs').Figure[]>}
 */
export async function issueTargets(folder) {
  const { targetRows } = await import('../bench/lib/target-table.mjs');
  const figuresOf = (subject) => {
    const file = folder === undefined ? '' : join(folder, `${subject}.json`);
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  };
  const rows = await targetRows(figuresOf, 'cuda');
  return rows.map(({ id, measure, wanted, value, outcome }) => ({
    ...{ id, label: measure, wanted, value, outcome },
  }));
}

/** The row of the sanitizer's step before it has run. */
export const sanitizerTarget = {
  id: 'sanitizer',
  label: 'Tests of the engine under compute-sanitizer: memory errors',
  wanted: '0, and every test ended',
};
