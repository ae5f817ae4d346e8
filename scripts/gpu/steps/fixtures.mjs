import { join } from 'node:path';
import { root } from '../../lib/root.mjs';

/** @type {import('../steps.mjs').Step} */
export const fixtures = {
  name: 'fixtures',
  title: 'The models of the tests, loaded by the torch of python3',
  ...{ least: 10, most: 60, needsBuild: false },
  run: async ({ execute, device }) => {
    const script = join(root, 'scripts/gpu/load_fixtures.py');
    const { code, output } = await execute('python3', [script, device]);
    const json = output.split('\n').findLast((line) => line.startsWith('{'));
    if (code !== 0 || json === undefined) {
      const title = 'the models could not be tried';
      return { outcome: 'failed', summary: title, failures: [{ title, text: output }] };
    }
    const { loaded, lacking, failed, told } = JSON.parse(json);
    const facts =
      lacking.length === 0 ? {} : { 'Have operators that this torch lacks': lacking.join(', ') };
    const failures = told.map(([title, text]) => ({ title, text }));
    return {
      outcome: failed === 0 ? 'passed' : 'failed',
      summary: `${loaded} loaded, ${failed} failed`,
      ...{ facts, failures },
    };
  },
};
