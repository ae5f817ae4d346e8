import { runTests } from '../run-tests.mjs';

/** Tests of the addon that ask for nothing that only the CPU has. */
const names = [
  'model',
  'input-forms',
  'row-dicts',
  'explanations',
  'printing',
  'scaling',
  'shutdown',
];

/** @type {import('../steps.mjs').Step} */
export const nativeTests = {
  name: 'native-tests',
  title: 'Tests of the addon, with the models on the device',
  ...{ least: 20, most: 90, needsBuild: true },
  run: (context) => {
    const files = names.map((name) => `dist/test/native/${name}.test.js`);
    return runTests(context, files, { concurrency: 2, secondsPerTest: 60, device: context.device });
  },
};
