import { formatDuration } from '../../lib/progress.mjs';
import { SetupError } from '../../lib/setup-error.mjs';
import { loadAverage } from './machine.mjs';

/**
 * One measurement of one contender at one point (`c=64`, `b=8`); steps of one point stand together,
 * so that contenders are measured side by side.
 *
 * @typedef {object} Step
 * @property {string} contender
 * @property {string} point
 * @property {number} seconds that it takes
 * @property {() => Promise<Record<string, number>>} measure its figures
 * @property {(figures: Record<string, number>) => string | undefined} invalid why they do not count
 * @property {(figures: Record<string, number>) => string} describe for the terminal
 *
 * @typedef {object} Measurement
 * @property {string} contender
 * @property {string} point
 * @property {Record<string, number>} figures
 * @property {string} [invalid] why the figures do not count
 *
 * @typedef {object} Round
 * @property {number} loadBefore load average of the machine
 * @property {number} loadAfter
 * @property {Measurement[]} measurements
 */

/**
 * Takes every step once per round: A B A B …, so that what changes on the machine in the meantime
 * changes for all.
 *
 * @param {Step[]} steps
 * @param {number} repeat
 * @param {object} [host]
 * @param {() => boolean} [host.stopping] true once the benchmark is to end
 * @param {(rounds: Round[]) => void} [host.complete] told of the rounds so far after each of them
 * @returns {Promise<Round[]>}
 */
export async function runRounds(
  steps,
  repeat,
  { stopping = () => false, complete = () => {} } = {},
) {
  const rounds = [];
  const remaining = estimator(steps, repeat);
  const longest = Math.max(...steps.map(({ contender }) => contender.length));
  for (let number = 1; number <= repeat; number += 1) {
    const round = { loadBefore: loadAverage(), loadAfter: 0, measurements: [] };
    for (const step of steps) {
      const { contender, point } = step;
      const { figures, invalid } = await attempt(step);
      // What fails then has been ended.
      if (stopping()) throw new SetupError('Stopped.');
      round.measurements.push({ contender, point, figures, ...(invalid && { invalid }) });
      const outcome = invalid === undefined ? step.describe(figures) : `INVALID: ${invalid}`;
      console.log(
        `round ${number}/${repeat}  ${point.padEnd(6)} ${contender.padEnd(longest)} ${outcome.padEnd(40)} ${remaining(step)}`,
      );
    }
    round.loadAfter = loadAverage();
    rounds.push(round);
    complete(rounds);
  }
  return rounds;
}

/** A contender that has ended does not keep the others from being measured. */
async function attempt(step) {
  try {
    const figures = await step.measure();
    return { figures, invalid: step.invalid(figures) };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { figures: {}, invalid: error.message.trim().replace(/\s+/g, ' ') };
  }
}

/** Each step takes what it says and what steps have taken above that until now. */
function estimator(steps, repeat) {
  const start = performance.now();
  let planned = 1000 * repeat * steps.reduce((sum, { seconds }) => sum + seconds, 0);
  let left = repeat * steps.length;
  let done = 0;
  let plannedDone = 0;
  return ({ seconds }) => {
    planned -= 1000 * seconds;
    plannedDone += 1000 * seconds;
    left -= 1;
    done += 1;
    const beyond = Math.max(0, (performance.now() - start - plannedDone) / done);
    return left === 0 ? 'done' : `about ${formatDuration(planned + left * beyond)} left`;
  };
}
