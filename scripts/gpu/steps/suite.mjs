import { availableParallelism } from 'node:os';
import { testFiles } from '../../test.mjs';
import { runTests } from '../run-tests.mjs';

/** @type {import('../steps.mjs').Step} */
export const suite = {
  name: 'suite',
  title: 'The rest of the test suite',
  ...{ least: 30, most: 600, ifTimeIsLeft: true, needsBuild: true },
  run: async (context) => {
    const files = testFiles([]).filter((path) => !path.includes('test/gpu/'));
    const concurrency = Math.max(2, Math.min(8, Math.floor(availableParallelism() / 2)));
    const options = { concurrency, secondsPerTest: 120, device: 'cpu' };
    const result = await runTests(context, files, options);
    // It has what time is left, and nothing is wrong when that is too little.
    return result.cutShort ? { ...result, outcome: 'skipped', failures: [] } : result;
  },
};
