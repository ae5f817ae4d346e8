import { testFiles } from '../../test.mjs';
import { runTests } from '../run-tests.mjs';

/** @type {import('../steps.mjs').Step} */
export const deviceTests = {
  name: 'device-tests',
  title: 'Tests that need a GPU: test/gpu',
  ...{ least: 30, most: 240, needsBuild: true },
  run: async (context) => {
    // One after the other: some measure the memory of the whole device.
    const options = { concurrency: 1, secondsPerTest: 120, device: context.device };
    const result = await runTests(context, testFiles(['test/gpu/']), options);
    // What passes there on the CPU proves nothing of a GPU.
    const proves = result.outcome !== 'passed' || context.device !== 'cpu';
    return proves ? result : { ...result, outcome: 'skipped' };
  },
};
