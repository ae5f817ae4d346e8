import { collect } from './collect.mjs';

/**
 * Load of a program of Node: it reads a LoadSpec from stdin, its `bodies` in base64, and prints
 * LoadFigures.
 *
 * @param {import('./children.mjs').Children} children
 * @param {string} program
 * @param {import('./load.mjs').LoadSpec} spec
 * @returns {Promise<import('./load.mjs').LoadFigures>}
 */
export async function loadOfProgram(children, program, { body, others = [], ...spec }) {
  const bodies = [body, ...others].map((each) => each.toString('base64'));
  const input = JSON.stringify({ ...spec, bodies });
  return JSON.parse(await collect(children, process.execPath, [program], input));
}
