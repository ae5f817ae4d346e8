import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable, run } from '../../lib/process.mjs';
import { root } from '../../lib/root.mjs';
import { collect } from './collect.mjs';

/**
 * A request that may be sent.
 *
 * @typedef {object} GeneratorRequest
 * @property {string} path
 * @property {Buffer} body
 * @property {Record<string, string>} headers
 * @property {number} [replyBytes] of a right answer; the last digits of a number may make a few more.
 *   Any number unless given
 * @property {number} [weight] its share, 1 unless given
 *
 * @typedef {object} GeneratorSpec
 * @property {string} url scheme, host and port
 * @property {GeneratorRequest[]} requests
 * @property {number} connections kept open
 * @property {number} seconds
 * @property {number} [rate] requests per second, which are due at random times; a closed loop
 *   without it
 * @property {boolean} [bound] in a closed loop: connection i sends request i mod their number, always
 *
 * What is measured, times in milliseconds: a latency begins when its request was due. `lateness` is
 * that of the generator itself, `queued` counts requests that found every connection busy.
 *
 * @typedef {import('./load.mjs').LoadFigures & { wrongLength: number, queued: number,
 *   latenessP50: number, latenessP99: number,
 *   targets: { requests: number, p50: number, p99: number }[] }} GeneratorFigures
 *
 * @typedef {object} Generator
 * @property {(spec: GeneratorSpec) => Promise<GeneratorFigures>} run
 */

const sources = join(root, 'scripts/bench/generator');
const flags = ['-std=c++20', '-O2'];
/** Bytes by which a right answer may be shorter or longer: digits depend on the size of a batch. */
const replyTolerance = 16;
const anyBytes = 2 ** 31;
/** The same times in each round. */
const seed = 1;

/**
 * Compiles the generator in generator/, or says why there is none.
 *
 * @param {Pick<import('./context.mjs').BenchContext, 'children' | 'folder'>} context
 * @returns {Promise<Generator | { skipped: string }>}
 */
export async function buildGenerator({ children, folder }) {
  if (process.platform !== 'linux') return { skipped: 'the load generator is for Linux' };
  const compiler = [process.env.CXX, 'c++', 'g++', 'clang++'].find(
    (name) => name && findExecutable(name) !== null,
  );
  if (compiler === undefined) return { skipped: 'the load generator needs a C++ compiler' };
  const program = join(folder, 'generator');
  const files = readdirSync(sources).filter((name) => name.endsWith('.cc'));
  const { code, stderr } = await run(compiler, [
    ...[...flags, '-o', program],
    ...files.map((name) => join(sources, name)),
  ]);
  if (code !== 0) return { skipped: `the load generator does not compile: ${firstError(stderr)}` };
  let requestFiles = 0;
  const write = (bytes) => {
    requestFiles += 1;
    const file = join(folder, `${requestFiles}.request`);
    writeFileSync(file, bytes);
    return file;
  };
  return {
    run: async (spec) => JSON.parse(await collect(children, program, [], planOf(spec, write))),
  };
}

/** What generator/plan.cc reads. */
function planOf({ url, requests, connections, seconds, rate = 0, bound = false }, write) {
  const { hostname, port, host } = new URL(url);
  const lines = requests.map((request) => {
    const { weight = 1, replyBytes } = request;
    const shortest = Math.max(0, (replyBytes ?? 0) - replyTolerance);
    const longest = (replyBytes ?? anyBytes) + replyTolerance;
    return `request ${weight} ${shortest} ${longest} ${write(bytesOf(request, host))}`;
  });
  return [
    `address ${hostname} ${port}`,
    `connections ${connections}`,
    `seconds ${seconds}`,
    `rate ${rate}`,
    `bound ${bound ? 1 : 0}`,
    `seed ${seed}`,
    ...lines,
    '',
  ].join('\n');
}

function bytesOf({ path, body, headers }, host) {
  const all = { Host: host, ...headers, 'Content-Length': String(body.length) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), body]);
}

const firstError = (text) => /error: .*/.exec(text)?.[0] ?? 'the compiler failed';

/**
 * Why a measurement does not count, or undefined when it does.
 *
 * @param {GeneratorFigures} figures
 */
export function invalidReason({ requests, errors, non2xx, wrongLength, latenessP99, p99 }) {
  if (requests === 0) return 'no request was answered';
  if (errors > 0 || non2xx > 0 || wrongLength > 0) {
    return `${non2xx} answers other than 2xx, ${wrongLength} of a wrong length, ${errors} errors of ${requests} requests`;
  }
  if (latenessP99 > Math.max(mostLateness, p99 * mostLatenessShare)) {
    return `the generator itself was late: p99 ${latenessP99.toFixed(2)} of ${p99.toFixed(2)} ms`;
  }
  return undefined;
}

/** Milliseconds, and share of the p99 that is measured, by which the generator may be late. */
const mostLateness = 0.5;
const mostLatenessShare = 0.25;

/** For the notes of a section. */
export const generatorNote =
  'Load is sent by `scripts/bench/generator`, one thread over raw sockets: requests are built before, status and length of every answer are checked. Where it may, as root, it runs at priority −15, as a client on another machine would not wait for the server either.';
