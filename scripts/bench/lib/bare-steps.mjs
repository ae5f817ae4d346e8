import { describeLayout, layouts, sweep } from '../contenders/bare-loops.mjs';
import { preparationInWords } from '../contenders/sconce-plan.mjs';
import { bestPoint } from './best-concurrency.mjs';
import { significant, table } from './markdown.mjs';

/**
 * How modules may be prepared. The first is what `torch.jit.load` gives.
 *
 * @param {boolean} images whether channels-last can mean anything
 */
export const preparations = (images) => [
  {},
  { freeze: true },
  { freeze: true, optimize: true },
  ...(images ? [{ freeze: true, channelsLast: true }] : []),
  ...(images ? [{ freeze: true, optimize: true, channelsLast: true }] : []),
];

const isSame = (a, b) => preparationInWords(a) === preparationInWords(b);
export const isPlain = (plan) => isSame(plan, {});

/** @param {import('../contenders/bare-loops.mjs').Configuration} configuration */
export const configurationInWords = ({ plan, layout, rows }) =>
  `${preparationInWords(plan)}, ${describeLayout(layout)}, batches of ${rows}`;

/**
 * Tries plans × layouts × batches. One thread alone is tried with the plain module only: where there
 * are more cores it is behind with any.
 *
 * @param {import('../contenders/bare-loops.mjs').BareLoops} loops
 * @param {object[]} plans
 * @param {readonly number[]} batches
 * @param {number} seconds of each
 */
export function sweepPlans(loops, plans, batches, seconds) {
  const all = layouts();
  const whole = all.length === 1 ? all : all.slice(1);
  const configurations = plans.flatMap((plan) =>
    (isPlain(plan) ? all : whole).flatMap((layout) =>
      batches.map((rows) => ({ plan, layout, rows })),
    ),
  );
  return sweep(loops, configurations, seconds);
}

/**
 * The fastest of a sweep: of all, of the plain module, and of the module that a server has chosen.
 *
 * @param {Awaited<ReturnType<typeof sweep>>} swept
 * @param {object} chosen plan
 */
export function bestOf(swept, chosen) {
  return {
    best: swept[0],
    plain: swept.find(({ plan }) => isPlain(plan)),
    same: swept.find(({ plan }) => isSame(plan, chosen)),
  };
}

/**
 * @param {string} contender
 * @param {import('../contenders/bare-loops.mjs').BareLoops} loops
 * @param {import('../contenders/bare-loops.mjs').Configuration} configuration
 * @param {number} seconds
 * @returns {import('./rounds.mjs').Step}
 */
export function bareStep(contender, loops, configuration, seconds) {
  return {
    ...{ contender, point: bestPoint, seconds },
    measure: () => loops.run(configuration, seconds),
    invalid: ({ rowsPerSecond }) => (rowsPerSecond > 0 ? undefined : 'no batch was run'),
    describe: ({ rowsPerSecond }) => `${significant(rowsPerSecond)} rows/s`,
  };
}

/**
 * Rows per second of everything that was tried.
 *
 * @param {Awaited<ReturnType<typeof sweep>>} swept
 */
export function sweepTable(swept) {
  const batches = [...new Set(swept.map(({ rows }) => rows))].sort((a, b) => a - b);
  const lines = new Map();
  for (const { plan, layout, rows, rowsPerSecond } of swept) {
    const name = `${preparationInWords(plan)}, ${describeLayout(layout)}`;
    const line = lines.get(name) ?? new Map();
    lines.set(name, line.set(rows, rowsPerSecond));
  }
  return table(
    ['', ...batches.map((rows) => `b=${rows}`)],
    [...lines].map(([name, rates]) => [
      name,
      ...batches.map((rows) => (rates.has(rows) ? significant(rates.get(rows)) : '–')),
    ]),
  );
}
