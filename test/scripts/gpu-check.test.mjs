import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCheck } from '../../scripts/gpu/check.mjs';
import { stepNames } from '../../scripts/gpu/options.mjs';
import { steps } from '../../scripts/gpu/steps.mjs';
import { programFolder, runScript, temporaryFolder } from './support.mjs';

/** A step that passes. */
const step = (name, given = {}) => ({
  ...{ name, title: `The step ${name}`, least: 0.1, most: 30, needsBuild: false },
  run: async () => ({ outcome: 'passed', summary: 'fine' }),
  ...given,
});

async function check(t, chosen, seconds = 60) {
  const out = temporaryFolder(t);
  const options = { seconds, out, device: 'cuda:0', steps: chosen.map(({ name }) => name) };
  const report = await runCheck({ ...options, allowCpu: true }, chosen, 'cpu');
  const read = (name) => readFileSync(join(out, name), 'utf8');
  return { report, out, markdown: read('report.md'), json: JSON.parse(read('report.json')), read };
}

/** A machine whose python3 answers so. */
const machineWith = (t, python3) => ({ PATH: programFolder(t, { python3 }) });

test('the steps are those that can be chosen, in their order', () => {
  assert.deepEqual(
    steps.map(({ name }) => name),
    stepNames,
  );
});

test('without a GPU it says why and exits with 2, and writes nothing', async (t) => {
  const out = join(temporaryFolder(t), 'report');
  const env = machineWith(t, `echo '{"problem": "there is no driver"}'`);
  const { code, output } = await runScript('gpu-check.mjs', env, { args: ['--out', out] });
  assert.equal(code, 2);
  assert.match(output, /^No GPU: there is no driver\./);
  assert.ok(!existsSync(out));
});

test('a GPU that is not there is no GPU', async (t) => {
  const env = machineWith(t, `echo '{"gpus": ["One"]}'`);
  const { code, output } = await runScript('gpu-check.mjs', env, { args: ['--device', 'cuda:1'] });
  assert.equal(code, 2);
  assert.match(output, /^No GPU: cuda:1 is not there: 1 GPU/);
});

test('an option that makes no sense is refused', async (t) => {
  for (const [args, message] of [
    [['--steps', 'machine,paint'], /there is no "paint"; there is machine, build/],
    [['--time', 'long'], /--time long must be a whole number/],
    [['--device', 'cpu'], /--device cpu must be cuda or cuda:N; --allow-cpu/],
    [['--colour'], /Unknown option '--colour'[\s\S]*Exit code: 0 when/],
  ]) {
    const { code, output } = await runScript('gpu-check.mjs', machineWith(t, ''), { args });
    assert.equal(code, 1);
    assert.match(output, message);
  }
});

test('whatever a step does, the others run, and it is in the report', async (t) => {
  const { report, markdown, json, read } = await check(t, [
    step('throws', {
      run: () => {
        throw new Error('it broke | here');
      },
    }),
    step('hangs', {
      run: async ({ execute }) => {
        const script = 'echo begun; sleep 1000 & sleep 1000';
        const { timedOut, output } = await execute('sh', ['-c', script], { seconds: 0.2 });
        return {
          outcome: 'failed',
          summary: `${timedOut}`,
          failures: [{ title: 'hung', text: output }],
        };
      },
    }),
    step('missing', {
      run: async ({ execute }) => {
        const { code } = await execute('/no/such/program', []);
        return { outcome: 'failed', summary: `code ${code}` };
      },
    }),
    step('passes', {
      run: async () => ({ outcome: 'passed', summary: 'ok', facts: { CPU: 'one' } }),
    }),
  ]);
  assert.equal(report.verdict, 'failed: throws, hangs, missing');
  const summaries = json.steps.map(({ outcome, summary }) => [outcome, summary]);
  assert.deepEqual(summaries, [
    ['failed', 'the step itself failed: it broke | here'],
    ['failed', 'true'],
    ['failed', 'code 127'],
    ['passed', 'ok'],
  ]);
  assert.match(markdown, /\*\*Not everything passed\. Failed: throws, hangs, missing\.\*\*/);
  assert.match(markdown, /### hangs: hung\n\n~~~~~text\nbegun\n~~~~~/);
  assert.match(markdown, /it broke \\\| here/);
  assert.match(markdown, /\| CPU \| one \|/);
  assert.match(read('steps.log'), /\$ sh -c [\s\S]*begun\n[\s\S]*\[stopped after 0 s\]/);
});

test('a step that was not run keeps the check from having passed', async (t) => {
  const skips = step('skips', { run: async () => ({ outcome: 'skipped', summary: 'no tool' }) });
  const { report, markdown } = await check(t, [step('passes'), skips]);
  assert.equal(report.verdict, 'not run: skips');
  assert.match(markdown, /Not run: skips/);
});

test('what is run only if time is left may be left out, and the report says so', async (t) => {
  const run = async () => ({ outcome: 'skipped', summary: 'stopped' });
  const optional = step('rest', { ifTimeIsLeft: true, run });
  const { report, markdown } = await check(t, [step('passes'), optional]);
  assert.equal(report.verdict, 'passed');
  assert.match(markdown, /\*\*Every step passed, but for rest, for which there was no time\.\*\*/);
  const fails = step('rest', {
    ...{ ifTimeIsLeft: true, run: async () => ({ outcome: 'failed', summary: 'one failed' }) },
  });
  assert.equal((await check(t, [step('passes'), fails])).report.verdict, 'failed: rest');
});

test('when all pass it says so, with targets that nobody measured as not measured', async (t) => {
  const { report, markdown } = await check(t, [step('one'), step('two')]);
  assert.equal(report.verdict, 'passed');
  assert.match(markdown, /\*\*Every step passed\.\*\*/);
  assert.match(markdown, /compute-sanitizer: memory errors \| 0, .* \| – \| not measured \|/);
});

test('a figure takes the place of the target that it measures', async (t) => {
  const figure = { id: 'sanitizer', label: 'L', value: '0 errors', wanted: '0', outcome: 'met' };
  const measures = step('measures', {
    run: async () => ({ outcome: 'passed', summary: '', figures: [figure] }),
  });
  const { markdown } = await check(t, [measures]);
  assert.match(markdown, /\| L \| 0 \| 0 errors \| met \|/);
  assert.doesNotMatch(markdown, /under compute-sanitizer/);
});

test('a step for which too little time is left does not begin', async (t) => {
  const { json } = await check(t, [step('long', { least: 40, most: 50 })], 30);
  assert.deepEqual(
    json.steps.map(({ outcome, summary }) => [outcome, summary]),
    [['skipped', 'no time was left']],
  );
});

test('what needs the build is not run when that has failed', async (t) => {
  const build = step('build', { run: async () => ({ outcome: 'failed', summary: 'no' }) });
  const { json } = await check(t, [build, step('tests', { needsBuild: true })]);
  assert.equal(json.steps[1].summary, 'there is no build');
});

test('the report names neither the checkout nor the machine', async (t) => {
  const { root } = await import('./support.mjs');
  const { hostname } = await import('node:os');
  const text = `in ${root}/src on ${hostname()}`;
  const { markdown, json } = await check(t, [
    step('tells', {
      run: async ({ keep }) => {
        keep('sanitizer.log', text);
        return { outcome: 'failed', summary: text, failures: [{ title: text, text }] };
      },
    }),
  ]);
  assert.match(markdown, /in \.\/src on host/);
  assert.equal(json.steps[0].summary, 'in ./src on host');
});

test('the folder of the report stays flat and holds nothing of an earlier run', async (t) => {
  const { out } = await check(t, [step('one')]);
  assert.deepEqual(readdirSync(out).sort(), ['report.json', 'report.md', 'steps.log']);
});

test('a check that is told to stop leaves a report of what it came to', async (t) => {
  const out = temporaryFolder(t);
  const answers = `case "$1" in */visible_gpus.py) echo '{"gpus": []}';; *) echo begun; exec sleep 1000;; esac`;
  const sleep = ['/bin/sleep', '/usr/bin/sleep'].find(existsSync);
  const env = { PATH: programFolder(t, { python3: answers }, [sleep]) };
  const args = ['--allow-cpu', '--steps', 'fixtures,suite', '--out', out];
  const { code, output } = await runScript('gpu-check.mjs', env, {
    args,
    onStart: (child) => {
      child.stdout.on('data', (text) => {
        if (text.includes('fixtures: up to')) child.kill('SIGTERM');
      });
    },
  });
  assert.equal(code, 1);
  assert.match(output, /interrupted/);
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
  assert.equal(report.verdict, 'interrupted');
  assert.deepEqual(
    report.steps.map(({ outcome }) => outcome),
    ['failed', 'waiting'],
  );
  assert.match(readFileSync(join(out, 'report.md'), 'utf8'), /\*\*Interrupted\.\*\*/);
});
