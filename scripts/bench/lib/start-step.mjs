import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { SetupError } from '../../lib/setup-error.mjs';
import { ask } from './answers.mjs';
import { significant, table, withSpread } from './markdown.mjs';

const patience = 120_000;
/** Milliseconds between two attempts. */
const pause = 5;

/** The point of starts. */
export const startPoint = 'start';

/**
 * A server is started, asked until it answers, and stopped.
 *
 * @param {string} contender
 * @param {number} seconds about what it takes
 * @param {() => Promise<number>} measure milliseconds until the first answer
 * @returns {import('./rounds.mjs').Step}
 */
export function startStep(contender, seconds, measure) {
  return {
    contender,
    point: startPoint,
    seconds,
    measure: async () => ({ milliseconds: await measure() }),
    invalid: ({ milliseconds }) => (milliseconds > 0 ? undefined : 'it did not start'),
    describe: ({ milliseconds }) => `first answer after ${significant(milliseconds)} ms`,
  };
}

/**
 * Milliseconds from the start of a process to the first 200 of a request. The process is ended.
 *
 * @param {import('./children.mjs').Children} children
 * @param {{ command: string, args: string[], options?: import('node:child_process').SpawnOptions }} program
 * @param {string} url
 * @param {{ body: Buffer, headers: Record<string, string> }} request
 */
export async function timeToFirstAnswer(children, { command, args, options }, url, request) {
  const begin = performance.now();
  const child = children.start(command, args, options);
  child.stdout.resume();
  try {
    await untilAnswer(child, url, request);
    return performance.now() - begin;
  } finally {
    await children.stop(child);
  }
}

/**
 * Sends a request again and again until it is answered with 200.
 *
 * @param {import('node:child_process').ChildProcess} child of Children.start()
 * @param {string} url
 * @param {{ body: Buffer, headers: Record<string, string> }} request
 */
export async function untilAnswer(child, url, request) {
  const end = performance.now() + patience;
  while (!(await answers(url, request))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > end) {
      throw new SetupError(`${child.spawnargs.join(' ')} gave no answer.\n${child.errorText}`);
    }
    await delay(pause);
  }
}

async function answers(url, request) {
  try {
    await ask(url, request);
    return true;
  } catch (error) {
    // TypeError is what fetch throws while nobody listens.
    if (error instanceof SetupError || error instanceof TypeError) return false;
    throw error;
  }
}

/** A port that is free now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/**
 * @param {import('./results.mjs').Results} results
 * @param {string[]} contenders
 */
export function startTable(results, contenders) {
  return table(
    ['', 'ms'],
    contenders.map((name) => [
      name,
      withSpread(results.spread(name, startPoint, 'milliseconds'), significant),
    ]),
  );
}
