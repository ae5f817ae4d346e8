import { SetupError } from '../../lib/setup-error.mjs';
import { connectionsPoint, loadStep, measured } from './load-step.mjs';
import { significant, table, withSpread } from './markdown.mjs';
import { cpuSeconds } from './processes.mjs';

const gauges = {
  loopDelayP99: 'nodejs_eventloop_lag_p99_seconds',
  loopDelayMax: 'nodejs_eventloop_lag_max_seconds',
};

/**
 * A step of load at Sconce that also says what it asked of the event loop: milliseconds by which the
 * loop was late (`loopDelayP99`, `loopDelayMax`), and cores that were used, by the loop's thread
 * (`mainCores`) and by the whole process (`cores`).
 *
 * @param {import('./load.mjs').LoadGenerator} load
 * @param {import('./load-step.mjs').LoadContender} contender whose server has a `metricsUrl`
 * @param {number} connections
 * @param {number} seconds
 * @returns {import('./rounds.mjs').Step}
 */
export function eventLoopStep(load, contender, connections, seconds) {
  const step = loadStep(load, contender, connections, seconds);
  const { pid, metricsUrl } = contender.server;
  return {
    ...step,
    measure: async () => {
      // A scrape tells of the time since the last one.
      await scrape(metricsUrl);
      const start = performance.now();
      const before = cpuSeconds(pid);
      const figures = await step.measure();
      const after = cpuSeconds(pid);
      const elapsed = (performance.now() - start) / 1000;
      return {
        ...figures,
        ...(await scrape(metricsUrl)),
        mainCores: (after.main - before.main) / elapsed,
        cores: (after.all - before.all) / elapsed,
      };
    },
    describe: (figures) =>
      `${step.describe(figures)}, loop p99 ${significant(figures.loopDelayP99)} ms late`,
  };
}

const figures = ['loopDelayP99', 'loopDelayMax', 'mainCores', 'cores'];

/**
 * What load asked of the event loop; its thread is one of the cores that the process uses.
 *
 * @param {import('./results.mjs').Results} results
 * @param {string[]} contenders
 * @param {number[]} connections
 */
export function eventLoopTable(results, contenders, connections) {
  return table(
    ['connections', 'delay p99, ms', 'longest delay, ms', 'cores of its thread', 'cores of all'],
    measured(results, connections).flatMap((count) =>
      contenders.map((contender) => [
        `${count}, ${contender}`,
        ...figures.map((figure) =>
          withSpread(results.spread(contender, connectionsPoint(count), figure)),
        ),
      ]),
    ),
  );
}

async function scrape(url) {
  const text = await (await fetch(url)).text();
  const figures = Object.entries(gauges).map(([figure, name]) => {
    const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new SetupError(`${url} has no ${name}`);
    return [figure, Number(value) * 1000];
  });
  return Object.fromEntries(figures);
}
