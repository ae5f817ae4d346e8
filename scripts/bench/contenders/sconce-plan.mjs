import { join } from 'node:path';
import { significant, table, whole } from '../lib/markdown.mjs';

/**
 * Flags of `sconce serve` with which plans are measured in this run, and not taken from one before.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 */
export function planSettings({ folder }) {
  return ['--plan-cache', join(folder, 'plans')];
}

/**
 * How a server runs a model.
 *
 * @typedef {object} PlanSeen
 * @property {object} plan of its module, as bare_plans.py takes it
 * @property {string} inWords
 * @property {string} text Markdown: what it tried, and why it chose as it did
 */

/**
 * @param {{ modelsUrl: string }} server
 * @param {string} model
 * @returns {Promise<PlanSeen>}
 */
export async function planOf(server, model) {
  const response = await fetch(`${server.modelsUrl}/${model}`);
  const [{ workers, sconce }] = await response.json();
  const record = sconce.plan;
  const chosen = record?.chosen ?? {
    ...{ freeze: true, precision: 'float32' },
    ...{ instances: workers.length, intraOpThreads: sconce.intraOpThreads },
  };
  const { freeze, optimize, channelsLast, precision, graphs } = chosen;
  const plan = { freeze, optimize, channelsLast, precision, graphs };
  return { plan, inWords: inWords(chosen), text: planText(record) };
}

/** A plan of a module in words. */
export function preparationInWords(plan) {
  const { freeze, optimize, channelsLast, precision = 'float32', graphs } = plan;
  return [
    optimize ? 'optimised' : freeze ? 'frozen' : 'plain',
    ...(channelsLast ? ['channels-last'] : []),
    ...(precision === 'float32' ? [] : [precision]),
    ...(graphs ? ['CUDA graphs'] : []),
  ].join(', ');
}

const inWords = (plan) =>
  `${preparationInWords(plan)}, ${counted(plan.instances, 'instance')} × ${counted(plan.intraOpThreads, 'thread')}`;

const counted = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** One line for each way and size of batches, as they were tried. */
function planText(record) {
  if (record === undefined || record.tried.length === 0) return 'Nothing was tried.';
  const { chosen, speedup, seconds, tried, notes } = record;
  const lines = tried.flatMap((trial) =>
    trial.microseconds.map((time, i) => [
      inWords(trial),
      String(trial.rows[i]),
      significant(time / 1000),
      rate((trial.instances * trial.rows[i] * 1e6) / time),
      trial.deviation?.toExponential(0) ?? '–',
      trial.problem ?? '',
    ]),
  );
  const than =
    speedup === undefined ? '' : `, ${speedup.ratio.toFixed(2)} times as fast as ${speedup.over}`;
  return [
    `${inWords(chosen)}, batches of up to ${chosen.rows}${than}; ${seconds.toFixed(1)} s for all.`,
    table(['', 'rows', 'ms per batch', 'rows/s', 'deviation', ''], lines),
    ...notes.map((note) => `- ${note}`),
  ].join('\n\n');
}

const rate = (value) => (value >= 1000 ? whole : significant)(value);
