import { join } from 'node:path';
import { root } from '../lib/root.mjs';
import { missingPackages } from './missing-packages.mjs';
import { inWords, readResults } from './test-results.mjs';

const reporter = join(root, 'scripts/gpu/test-reporter.mjs');

/** Flags of node that write each test's end to a file, and what people read to the output. */
export function reporterFlags(resultsFile) {
  return [
    ...['--test-reporter', 'spec', '--test-reporter-destination', 'stdout'],
    ...['--test-reporter', reporter, '--test-reporter-destination', resultsFile],
  ];
}

/**
 * Runs test files on a device, each in a process of its own; but those that need packages which are not
 * installed.
 *
 * @param {import('./steps.mjs').Context} context
 * @param {readonly string[]} paths relative to the root
 * @param {object} options
 * @param {number} options.concurrency processes at once
 * @param {string} options.device of tests that run on any
 * @param {number} options.secondsPerTest
 * @returns {Promise<ReturnType<typeof resultOf>>}
 */
export async function runTests(context, paths, { concurrency, device, secondsPerTest }) {
  const files = paths.map((path) => ({ path, missing: missingPackages(join(root, path)) }));
  const whole = files.filter(({ missing }) => missing.length === 0).map(({ path }) => path);
  if (whole.length === 0) return { outcome: 'skipped', summary: `no tests${without(files)}` };
  const resultsFile = join(context.folder, `${context.name}.jsonl`);
  const flags = [
    ...['--enable-source-maps', '--test', `--test-concurrency=${concurrency}`],
    ...[`--test-timeout=${secondsPerTest * 1000}`, ...reporterFlags(resultsFile)],
  ];
  const ended = await context.execute(process.execPath, [...flags, ...whole], {
    env: { SCONCE_TEST_DEVICE: device },
  });
  const result = resultOf(readResults(resultsFile, root), ended, whole.length);
  return { ...result, summary: `${result.summary}${without(files)}` };
}

/** `; without 3 files, which need fast-check, yazl` */
function without(files) {
  const lacking = files.filter(({ missing }) => missing.length > 0);
  const names = [...new Set(lacking.flatMap(({ missing }) => missing))].join(', ');
  return lacking.length === 0 ? '' : `; without ${lacking.length} files, which need ${names}`;
}

/**
 * What a run of tests comes to: passed only when it ended by itself and some test ran. `cutShort`: all
 * that is wrong is that there was too little time.
 *
 * @param {import('./test-results.mjs').TestResults} results
 * @param {{ code: number, timedOut: boolean, output: string }} ended
 * @param {number} files how many were to run
 * @returns {import('./steps.mjs').Result & { cutShort?: boolean }}
 */
export function resultOf(results, { code, timedOut, output }, files) {
  const { passed, failures } = results;
  const problem = problemOf(results, { code, timedOut }, files);
  const words = `${files} files: ${inWords(results)}`;
  if (problem === undefined && failures.length === 0) {
    const outcome = passed > 0 ? 'passed' : 'skipped';
    return { outcome, summary: words };
  }
  const own = problem === undefined ? [] : [{ title: problem, text: output }];
  return {
    outcome: 'failed',
    summary: problem === undefined ? words : `${words}; ${problem}`,
    failures: [...failures, ...own],
    cutShort: timedOut && failures.length === 0,
  };
}

function problemOf({ failures, files: ended }, { code, timedOut }, files) {
  if (timedOut)
    return `stopped at the time limit, when ${ended.length} of ${files} files had said something`;
  if (code !== 0 && failures.length === 0) return `the runner ended with exit code ${code}`;
  return undefined;
}
