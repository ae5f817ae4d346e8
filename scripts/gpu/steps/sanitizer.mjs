import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findExecutable } from '../../lib/process.mjs';
import { root } from '../../lib/root.mjs';
import { testFiles } from '../../test.mjs';
import { BoundedText } from '../bounded-text.mjs';
import { reporterFlags } from '../run-tests.mjs';
import { readSanitizerLog } from '../sanitizer-log.mjs';
import { sanitizerTarget } from '../targets.mjs';
import { inWords, readResults } from '../test-results.mjs';

const places = ['compute-sanitizer', '/usr/local/cuda/bin/compute-sanitizer'];

/** What the tool exits with; also when all it found are refused calls. */
const foundErrors = 99;

/** Characters of each end. */
const logKept = 100_000;

/** @type {import('../steps.mjs').Step} */
export const sanitizer = {
  name: 'sanitizer',
  title: 'Tests of the engine under compute-sanitizer',
  ...{ least: 40, most: 90, needsBuild: true },
  run: async (context) => {
    if (context.device === 'cpu') return { outcome: 'skipped', summary: 'it needs a GPU' };
    const program = places.map((name) => findExecutable(name)).find((path) => path !== null);
    if (program === undefined) return { outcome: 'skipped', summary: 'no compute-sanitizer here' };
    const files = testFiles(['test/gpu/engine']);
    const runs = [];
    for (const file of files) runs.push(await check(context, program, file));
    const logs = new BoundedText(logKept);
    for (const { name, text } of runs) logs.add(`=== ${name}\n${text}\n`);
    context.keep('sanitizer.log', logs.toString());
    return sum(runs);
  },
};

/** One file, in one process: what the runner starts, the tool would have to follow. */
async function check(context, program, file) {
  const name = basename(file, '.test.js');
  const resultsFile = join(context.folder, `sanitizer-${name}.jsonl`);
  const log = join(context.folder, `sanitizer-${name}.log`);
  const tool = ['--tool', 'memcheck', '--error-exitcode', `${foundErrors}`, '--print-limit', '20'];
  const test = [process.execPath, '--enable-source-maps', ...reporterFlags(resultsFile), file];
  const ended = await context.execute(program, [...tool, '--log-file', log, ...test], {
    env: { SCONCE_TEST_DEVICE: context.device },
  });
  const text = existsSync(log) ? readFileSync(log, 'utf8') : ended.output;
  const results = readResults(resultsFile, root);
  return { name, ended, text, found: readSanitizerLog(text), results };
}

/** @returns {import('../steps.mjs').Result} */
function sum(runs) {
  if (runs.length === 0) return { outcome: 'skipped', summary: 'there are no such tests' };
  const failures = runs.flatMap(failuresOf);
  const words = runs.map(
    ({ name, results, found }) =>
      `${name}: ${inWords(results)}, ${found.memoryErrors} memory errors, ${found.apiErrors.length} kinds of refused calls`,
  );
  const outcome = failures.length === 0 ? 'passed' : 'failed';
  const judged = {
    ...sanitizerTarget,
    value: words.join('; '),
    outcome: outcome === 'passed' ? 'met' : 'missed',
  };
  const facts = Object.fromEntries(
    runs.flatMap(({ name, found }) =>
      found.apiErrors.map(({ call, count }) => [`Refused in ${name}: ${call}`, `${count} times`]),
    ),
  );
  return { outcome, summary: words.join('; '), failures, facts, figures: [judged] };
}

/** A tool that checks nothing also finds nothing: some test must have passed, and the log be whole. */
function failuresOf({ name, ended, found, results }) {
  const failures = results.failures.map((one) => ({ ...one, title: `${name}: ${one.title}` }));
  const own = (title, text = ended.output) => failures.push({ title: `${name}: ${title}`, text });
  if (ended.timedOut) own('stopped at the time limit');
  else if (found.problem !== undefined) own(`the tool did not check to the end: ${found.problem}`);
  else if (![0, foundErrors].includes(ended.code)) own(`ended with exit code ${ended.code}`);
  if (found.memoryErrors > 0) own(`${found.memoryErrors} memory errors`, found.firstError);
  if (results.passed === 0 && failures.length === 0) own('no test ran');
  return failures;
}
