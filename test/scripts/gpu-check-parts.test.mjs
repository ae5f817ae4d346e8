import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BoundedText, lastLines } from '../../scripts/gpu/bounded-text.mjs';
import { missingPackages } from '../../scripts/gpu/missing-packages.mjs';
import { redactor } from '../../scripts/gpu/redact.mjs';
import { reporterFlags, resultOf } from '../../scripts/gpu/run-tests.mjs';
import { readSanitizerLog } from '../../scripts/gpu/sanitizer-log.mjs';
import { secondsFor } from '../../scripts/gpu/schedule.mjs';
import { inWords, readResults } from '../../scripts/gpu/test-results.mjs';
import { temporaryFolder, writeTree } from './support.mjs';

test('of a long text both ends are kept, and the gap is counted', () => {
  const text = new BoundedText(4);
  for (const part of ['abc', 'def', 'ghi', 'jkl']) text.add(part);
  assert.equal(String(text), 'abcd\n… 4 characters left out …\nijkl');
  const short = new BoundedText(4);
  short.add('abcdefgh');
  assert.equal(String(short), 'abcdefgh');
  assert.equal(lastLines('one\ntwo\nthree\n\n', 2), 'two\nthree');
});

test('names of the machine are taken out, parts of longer names are not', () => {
  const redact = redactor({ checkout: '/home/jo/s', home: '/home/jo', host: 'box', user: 'jo' });
  assert.equal(
    redact('/home/jo/s/build /home/jo/x box boxes box-1 jo'),
    './build ~/x host boxes box-1 user',
  );
  const ann = redactor({ checkout: '/c', home: '/root', host: 'h', user: 'annie' });
  assert.equal(ann('annie, /root/.cache'), 'user, ~/.cache');
});

test('a step gets its most, less what those after it need', () => {
  const step = { least: 10, most: 100 };
  const after = [
    { least: 50, most: 60 },
    { least: 30, most: 600, ifTimeIsLeft: true },
  ];
  assert.equal(secondsFor(step, after, 1000), 100);
  assert.equal(secondsFor(step, after, 90.9), 40);
  assert.equal(secondsFor(step, after, 55), 10, 'its least goes before what follows');
  assert.equal(secondsFor(step, [], 9), 0);
});

test('packages that are not installed are found through the modules that import them', (t) => {
  const folder = writeTree(temporaryFolder(t), {
    'package.json': `{"dependencies":{"@some/one":"1","there":"1"},"devDependencies":{"fc":"1"}}`,
    'a.js': `import fc from 'fc';\nimport { b } from './b.js';\nimport 'node:fs';`,
    'b.js': `import {\n  x,\n} from '@some/one/deep';\nexport * from './a.js';\nimport 'there';`,
    'c.js': `import 'there';\nconst text = \`import 'fcs';\`;`,
    'node_modules/there/index.js': '',
  });
  assert.deepEqual(missingPackages(join(folder, 'a.js'), folder), ['@some/one', 'fc']);
  assert.deepEqual(missingPackages(join(folder, 'c.js'), folder), []);
});

describe('results of tests', () => {
  const source = `
    import { describe, test } from 'node:test';
    test('passes', () => {});
    describe('a group', () => { test('fails', () => { throw new Error('why'); }); });
    test('is left out', { skip: 'no GPU' }, () => {});
    test('is left out too', { skip: 'no GPU' }, () => {});
  `;

  function runFile(t, text) {
    const folder = writeTree(temporaryFolder(t), { 'some.test.mjs': text });
    const results = join(folder, 'results.jsonl');
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const args = ['--test', ...reporterFlags(results), join(folder, 'some.test.mjs')];
    const { status, stdout } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    return { folder, code: status, output: stdout, results: readResults(results, folder) };
  }

  test('the runner’s are read: passed, failed with the reason, skipped by reason', (t) => {
    const { code, output, results } = runFile(t, source);
    assert.equal(code, 1);
    assert.match(output, /passes/);
    assert.equal(inWords(results), '1 passed, 1 failed, 2 skipped (no GPU: 2)');
    const [failure] = results.failures;
    assert.match(failure.title, /fails$/);
    assert.match(failure.text, /why/);
    assert.deepEqual(results.files, ['some.test.mjs']);
  });

  test('a file that cannot be read is a failure', (t) => {
    const { results } = runFile(t, `import 'no-such-package';`);
    assert.equal(results.failures.length, 1);
  });

  test('a run passes when it ended by itself and some test ran', () => {
    const none = { passed: 0, skipped: [], failures: [], files: [] };
    const fine = { code: 0, timedOut: false, output: '' };
    assert.equal(resultOf({ ...none, passed: 3 }, fine, 1).outcome, 'passed');
    const skipped = [{ reason: 'no GPU', count: 4 }];
    assert.deepEqual(resultOf({ ...none, skipped }, fine, 2), {
      outcome: 'skipped',
      summary: '2 files: 0 passed, 0 failed, 4 skipped (no GPU: 4)',
    });
    const crashed = resultOf({ ...none, passed: 3 }, { ...fine, code: 7 }, 1);
    assert.equal(crashed.outcome, 'failed');
    assert.match(crashed.summary, /the runner ended with exit code 7/);
    const stopped = resultOf({ ...none, passed: 3 }, { ...fine, code: 128, timedOut: true }, 5);
    assert.equal(stopped.outcome, 'failed');
    assert.match(stopped.summary, /stopped at the time limit, when 0 of 5 files/);
    const failures = [{ title: 'a', text: '' }];
    assert.equal(resultOf({ ...none, passed: 3, failures }, fine, 1).outcome, 'failed');
  });
});

describe('the log of compute-sanitizer', () => {
  const refused = (call) =>
    `========= Program hit CUDA_ERROR_NOT_FOUND (error 500) due to "named symbol not found" on CUDA API call to ${call}.
=========     Saved host backtrace up to driver entry point at error
=========     Host Frame: [0x1]
=========
`;

  test('an invalid access is a memory error', () => {
    const found = readSanitizerLog(`========= COMPUTE-SANITIZER
========= Invalid __global__ write of size 4 bytes
=========     at kernel(int*)+0x70
=========     Access to 0x7f is out of bounds
=========
========= Invalid __global__ read of size 4 bytes
=========     at other(int*)+0x70
=========
========= ERROR SUMMARY: 2 errors
`);
    assert.equal(found.problem, undefined);
    assert.equal(found.memoryErrors, 2);
    assert.match(found.firstError, /Invalid __global__ write[\s\S]*out of bounds$/);
  });

  test('calls that were refused are counted apart', () => {
    const calls = refused('cuGetProcAddress_v2') + refused('cuGetProcAddress_v2');
    const found = readSanitizerLog(
      `========= COMPUTE-SANITIZER\n${calls}========= ERROR SUMMARY: 2 errors\n`,
    );
    assert.equal(found.memoryErrors, 0);
    const call = 'cuGetProcAddress_v2: CUDA_ERROR_NOT_FOUND';
    assert.deepEqual(found.apiErrors, [{ call, count: 2 }]);
  });

  test('a log without an end, or of a tool that could not check, finds nothing out', () => {
    assert.equal(readSanitizerLog('========= COMPUTE-SANITIZER\n').problem, 'it has no summary');
    const refusal = '========= Error: Device not supported. Please refer to the documentation';
    assert.match(readSanitizerLog(`${refusal}\n`).problem, /^Device not supported/);
  });
});
