import { createInterface } from 'node:readline';
import { SetupError } from '../../lib/setup-error.mjs';
import { sharesOf } from './device-figures.mjs';

/**
 * A process that runs a model in a loop, without a server. It prints one line of JSON when it is
 * ready (`{ version, predictions }`) and then answers each line of JSON with another
 * (`{ variant, rows, seconds }` with `{ batches, seconds, cpuSeconds?, device? }`; `device` is what a GPU
 * did meanwhile, as DeviceCounts). Between questions it is idle.
 *
 * @typedef {object} Loop
 * @property {{ version: string, predictions: number[][] }} ready
 * @property {(question: LoopQuestion) => Promise<LoopFigures>} run
 * @property {(question: object) => Promise<any>} ask one line of JSON, and the answer to it
 *
 * @typedef {{ rows: number, seconds: number, variant?: string, plan?: object, threads?: number,
 *   lanes?: number, copies?: boolean }} LoopQuestion
 * @typedef {{ rowsPerSecond: number, microsecondsPerBatch: number, cpuMillisecondsPerRow?: number }} LoopFigures
 */

/**
 * @param {import('./children.mjs').Children} children
 * @param {{ name: string, command: string, args: string[], options?: object }} program
 * @returns {Promise<Loop>}
 */
export async function startLoop(children, { name, command, args, options }) {
  const child = children.start(command, args, options);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new SetupError(`${name} ended.\n${child.errorText}`);
    return JSON.parse(value);
  };
  const ask = (question) => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    return answer();
  };
  return {
    ready: await answer(),
    ask,
    run: async (question) => {
      const { batches, seconds, cpuSeconds, device } = await ask(question);
      const rows = batches * question.rows;
      return {
        rowsPerSecond: rows / seconds,
        microsecondsPerBatch: (seconds * 1e6) / batches,
        ...(cpuSeconds !== undefined && { cpuMillisecondsPerRow: (cpuSeconds * 1e3) / rows }),
        ...(device !== undefined && sharesOf(device, seconds)),
      };
    },
  };
}
