/**
 * The suite's own generator as a load for any subject.
 *
 * @param {import('./generator.mjs').Generator} generator
 * @returns {import('./load.mjs').LoadGenerator}
 */
export function generatorLoad(generator) {
  return {
    name: 'scripts/bench/generator, 1 thread',
    note: 'Load is sent by `scripts/bench/generator`: the status of every answer is checked.',
    run: async ({ url, body, others = [], headers, connections, seconds }) => {
      const { origin, pathname } = new URL(url);
      const requests = [body, ...others].map((each) => ({ path: pathname, body: each, headers }));
      const load = { url: origin, requests, connections, seconds };
      const { targets, ...figures } = await generator.run(load);
      return figures;
    },
  };
}
