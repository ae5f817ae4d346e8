import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { bench } from '../../scripts/gpu/steps/bench.mjs';
import { build } from '../../scripts/gpu/steps/build.mjs';
import { sanitizer } from '../../scripts/gpu/steps/sanitizer.mjs';
import { programFolder, root, temporaryFolder } from './support.mjs';

/** What a step works with, where every command does what `answer` does with its arguments. */
function contextWith(t, answer, given = {}) {
  const kept = {};
  const commands = [];
  const context = {
    ...{ name: 'step', device: 'cuda:0', seconds: 1000, folder: temporaryFolder(t) },
    keep: (name, text) => {
      kept[name] = text;
    },
    execute: async (command, args, options) => {
      commands.push({ command, args, options });
      return { code: 0, timedOut: false, output: '', ...answer(args, command) };
    },
    ...given,
  };
  return { context, kept, commands };
}

const after = (args, flag, place = 0) => {
  const places = args.flatMap((text, i) => (text === flag ? [i] : []));
  return args[places.at(place) + 1];
};

describe('the sanitizer’s step', () => {
  function withTool(t) {
    const { PATH } = process.env;
    process.env.PATH = programFolder(t, { 'compute-sanitizer': '' });
    t.after(() => {
      process.env.PATH = PATH;
    });
  }

  /** A tool that finds this in tests that end so. */
  const tool =
    (log, tests, ended = {}) =>
    (args) => {
      writeFileSync(after(args, '--log-file'), log);
      const lines = tests.map((one) => `${JSON.stringify(one)}\n`);
      writeFileSync(after(args, '--test-reporter-destination', -1), lines.join(''));
      return ended;
    };
  const clean = '========= COMPUTE-SANITIZER\n========= ERROR SUMMARY: 0 errors\n';
  const passed = { name: 'a', passed: true };

  test('passes when tests passed and no access was invalid', async (t) => {
    withTool(t);
    const { context, kept } = contextWith(t, tool(clean, [passed]));
    const { outcome, figures } = await sanitizer.run(context);
    assert.equal(outcome, 'passed');
    assert.equal(figures[0].outcome, 'met');
    assert.match(kept['sanitizer.log'], /=== engine\n========= COMPUTE-SANITIZER/);
  });

  test('fails on an invalid access', async (t) => {
    withTool(t);
    const log = `=========\n========= Invalid __global__ read of size 4 bytes\n=========\n${clean}`;
    const { context } = contextWith(t, tool(log, [passed], { code: 99 }));
    const { outcome, failures, figures } = await sanitizer.run(context);
    assert.equal(outcome, 'failed');
    assert.match(failures[0].title, /1 memory errors/);
    assert.match(failures[0].text, /Invalid __global__ read/);
    assert.equal(figures[0].outcome, 'missed');
  });

  test('fails when the tool finds nothing because no test ran', async (t) => {
    withTool(t);
    const { context } = contextWith(t, tool(clean, []));
    const { outcome, failures } = await sanitizer.run(context);
    assert.equal(outcome, 'failed');
    assert.match(failures[0].title, /no test ran/);
  });

  test('fails when the tests crash, refuse or take too long', async (t) => {
    withTool(t);
    for (const [log, ended, title] of [
      [clean, { code: 139 }, /ended with exit code 139/],
      ['========= Error: Device not supported\n', { code: 1 }, /Device not supported/],
      ['========= COMPUTE-SANITIZER\n', { code: 128, timedOut: true }, /stopped at the time limit/],
    ]) {
      const { context } = contextWith(t, tool(log, [passed], ended));
      const { outcome, failures } = await sanitizer.run(context);
      assert.equal(outcome, 'failed');
      assert.match(failures[0].title, title);
    }
  });

  test('is not run where there is no GPU', async (t) => {
    const { context } = contextWith(t, () => assert.fail('nothing to run'), { device: 'cpu' });
    assert.equal((await sanitizer.run(context)).outcome, 'skipped');
  });
});

describe('the benchmark’s step', () => {
  test('measures each subject, also after one that failed, and keeps the figures', async (t) => {
    const { context, kept } = contextWith(t, (args) => {
      const out = after(args, '--out');
      mkdirSync(out, { recursive: true });
      const subject = after(args, '--subject');
      if (subject === 'cuda-launch') return { code: 1, output: 'it broke' };
      const figures = readFileSync(join(root, 'package.json'), 'utf8');
      writeFileSync(join(out, `${subject}.json`), figures);
      return { code: 0 };
    });
    const { outcome, summary, failures } = await bench.run({ ...context, device: 'cpu' });
    assert.equal(outcome, 'failed');
    assert.equal(summary, 'cuda-launch: ended with exit code 1; cuda-resnet18: measured');
    assert.deepEqual(failures, [
      { title: 'cuda-launch: ended with exit code 1', text: 'it broke' },
    ]);
    assert.deepEqual(Object.keys(kept), ['cuda-resnet18.json']);
  });

  test('measures less in less time, and names no figure that it has not', async (t) => {
    for (const [seconds, flags] of [
      [320, []],
      [200, ['--repeat', '2', '--duration', '1']],
      [100, ['--quick']],
    ]) {
      const { context, commands } = contextWith(t, () => ({}), { seconds });
      const { figures } = await bench.run(context);
      const { args } = commands[0];
      assert.deepEqual(args.slice(args.indexOf('--out') + 2, args.indexOf('--device')), flags);
      assert.ok(commands.every(({ options }) => options.seconds <= seconds));
      assert.ok(figures.length > 0);
      assert.ok(figures.every((figure) => figure.outcome === 'not measured'));
    }
  });
});

describe('the build’s step', () => {
  const addonThatSees = (gpus, cudaBuild) => (args) =>
    args.includes('--eval')
      ? { output: `a warning\n${JSON.stringify({ libtorchVersion: '2.13.0', cudaBuild, gpus })}\n` }
      : { output: 'Built build/Release/sconce.node in 61 s\nTypeScript compiled in 3 s\n' };

  test('passes when the addon sees the GPU', async (t) => {
    const { context } = contextWith(t, addonThatSees(1, true));
    const { outcome, facts } = await build.run(context);
    assert.equal(outcome, 'passed');
    assert.deepEqual(facts, {
      Addon: 'LibTorch 2.13.0, for CUDA, 1 usable GPUs',
      'Built build/Release/sconce.node': '61 s',
      'TypeScript compiled': '3 s',
    });
  });

  test('fails when the addon does not see it', async (t) => {
    for (const [gpus, cudaBuild] of [
      [0, true],
      [0, false],
    ]) {
      const { context } = contextWith(t, addonThatSees(gpus, cudaBuild));
      const { outcome, summary } = await build.run(context);
      assert.equal(outcome, 'failed');
      assert.match(summary, /^cuda:0 is not among the GPUs of the addon: LibTorch 2\.13\.0/);
    }
  });
});
