import { findExecutable } from '../../lib/process.mjs';
import { buildGenerator } from './generator.mjs';
import { autocannonLoad } from './load-autocannon.mjs';
import { generatorLoad } from './load-generator.mjs';
import { wrkLoad } from './load-wrk.mjs';

/**
 * One request, or a few in turn, sent again and again over a number of connections (closed loop:
 * each connection sends the next request when it has the answer to the last).
 *
 * @typedef {object} LoadSpec
 * @property {string} url
 * @property {Buffer} body
 * @property {Buffer[]} [others] bodies that are sent in turn with the first
 * @property {Record<string, string>} headers
 * @property {number} connections
 * @property {number} seconds whole
 *
 * Times in milliseconds.
 *
 * @typedef {object} LoadFigures
 * @property {number} requests
 * @property {number} seconds
 * @property {number} throughput requests per second
 * @property {number} mean
 * @property {number} p50
 * @property {number} p90
 * @property {number} p99
 * @property {number} p999
 * @property {number} errors socket errors and timeouts
 * @property {number} non2xx
 *
 * @typedef {object} LoadGenerator
 * @property {string} name with its version
 * @property {string} note what to know of its percentiles
 * @property {(spec: LoadSpec) => Promise<LoadFigures>} run
 */

/**
 * wrk when PATH has it, else the suite's own generator where it can be compiled, else autocannon.
 *
 * @param {import('./children.mjs').Children} children
 * @param {string} folder for files of its own
 * @returns {Promise<LoadGenerator>}
 */
export async function findLoadGenerator(children, folder) {
  const wrk = findExecutable('wrk');
  if (wrk !== null) return wrkLoad(children, folder, wrk);
  const generator = await buildGenerator({ children, folder });
  return 'skipped' in generator ? autocannonLoad(children) : generatorLoad(generator);
}

/**
 * Why a measurement does not count, or undefined when it does.
 *
 * @param {LoadFigures} figures
 */
export function invalidReason({ requests, errors, non2xx }) {
  if (requests === 0) return 'no request was answered';
  if (errors === 0 && non2xx === 0) return undefined;
  return `${non2xx} answers other than 2xx, ${errors} socket errors or timeouts of ${requests} requests`;
}
