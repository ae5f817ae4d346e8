import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { issueTargets } from '../targets.mjs';

/** The most important first; seconds that each takes by itself. */
const subjects = [
  { name: 'cuda-launch', seconds: 80 },
  { name: 'cuda-resnet18', seconds: 160 },
];

/**
 * What fits with room to spare, for one that is stopped measures nothing: the subjects' own
 * measurements, shorter ones, or whether it runs at all.
 */
const efforts = [
  { share: 1.3, flags: [] },
  { share: 0.6, flags: ['--repeat', '2', '--duration', '1'] },
  { share: 0, flags: ['--quick'] },
];

/** @type {import('../steps.mjs').Step} */
export const bench = {
  name: 'bench',
  title: 'Benchmark',
  ...{ least: 160, most: 330, needsBuild: true },
  run: async (context) => {
    const { folder, device, seconds, keep } = context;
    const begin = performance.now();
    const figures = join(folder, 'bench');
    const failures = [];
    const words = [];
    for (const [i, { name, ...own }] of subjects.entries()) {
      const left = seconds - (performance.now() - begin) / 1000;
      const wanted = subjects.slice(i).reduce((sum, one) => sum + one.seconds, 0);
      const flags = effortFor(left / wanted);
      const args = ['scripts/bench/run.mjs', '--subject', name, '--out', figures, ...flags];
      const limit = Math.floor((left * own.seconds) / wanted);
      const { code, timedOut, output } = await context.execute(
        ...[process.execPath, [...args, '--device', device], { seconds: limit }],
      );
      const file = join(figures, `${name}.json`);
      if (existsSync(file)) keep(`${name}.json`, readFileSync(file, 'utf8'));
      const problem = timedOut ? 'stopped at its time limit' : `ended with exit code ${code}`;
      const fine = code === 0 && !timedOut;
      if (!fine) failures.push({ title: `${name}: ${problem}`, text: output });
      words.push(`${[name, ...flags].join(' ')}: ${fine ? 'measured' : problem}`);
    }
    return {
      outcome: failures.length === 0 ? 'passed' : 'failed',
      summary: words.join('; '),
      failures,
      // Ratios of a CPU are no figures of a GPU.
      figures: device === 'cpu' ? [] : await issueTargets(figures),
    };
  },
};

function effortFor(share) {
  return efforts.find((effort) => share >= effort.share)?.flags ?? [];
}
