import { connectionsPoint, measured } from './load-step.mjs';

/**
 * A line for each contender.
 *
 * @param {import('./results.mjs').Results} results
 * @param {object} panel
 * @param {string} panel.title
 * @param {string} panel.xLabel
 * @param {boolean} [panel.logarithmic]
 * @param {readonly { tick: string, point: string }[]} panel.points
 * @param {readonly string[]} panel.contenders their place is their color
 * @param {string} panel.figure
 * @returns {import('../plot.mjs').Panel}
 */
export function linePanel(results, { points, contenders, figure, ...panel }) {
  return {
    ...panel,
    ticks: points.map(({ tick }) => tick),
    series: contenders.map((label, color) => ({
      ...{ label, color },
      points: points.map(({ point }) => results.spread(label, point, figure)),
    })),
  };
}

/**
 * A line for each contender against the numbers of connections that were measured.
 *
 * @param {import('./results.mjs').Results} results
 * @param {{ title: string, logarithmic?: boolean, contenders: readonly string[],
 *   connections: readonly number[], figure: string }} panel
 */
export function connectionsPanel(results, { connections, ...panel }) {
  const points = measured(results, connections).map((count) => ({
    ...{ tick: String(count), point: connectionsPoint(count) },
  }));
  return linePanel(results, { ...panel, points, xLabel: 'connections' });
}

/**
 * A mark for each contender, measured at one point only.
 *
 * @param {import('./results.mjs').Results} results
 * @param {string} title
 * @param {readonly string[]} contenders
 * @param {(find: Parameters<import('./subject.mjs').Comparison['compute']>[0], name: string) =>
 *   number | undefined} compute
 * @param {readonly string[]} [ticks]
 * @returns {import('../plot.mjs').Panel}
 */
export function bestPanel(results, title, contenders, compute, ticks = contenders) {
  return {
    ...{ title, ticks, xLabel: 'each at its best' },
    series: contenders.map((name, color) => ({
      ...{ label: name, color },
      points: contenders.map((each) =>
        each === name ? results.paired((find) => compute(find, name)) : undefined,
      ),
    })),
  };
}
