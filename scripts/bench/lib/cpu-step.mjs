import { cpuSecondsOfTree } from './processes.mjs';

/**
 * A step of load that also says what a request cost: milliseconds of CPU time of the server and all
 * that it has started (`cpuMillisecondsPerRow`).
 *
 * @param {import('./rounds.mjs').Step} step
 * @param {import('./server.mjs').Server} server
 * @returns {import('./rounds.mjs').Step}
 */
export function withCpu(step, { pid }) {
  return {
    ...step,
    measure: async () => {
      const before = cpuSecondsOfTree(pid);
      const figures = await step.measure();
      const milliseconds = 1000 * (cpuSecondsOfTree(pid) - before);
      const answers = figures.answers ?? figures.requests;
      return { ...figures, cpuMillisecondsPerRow: milliseconds / answers };
    },
  };
}
