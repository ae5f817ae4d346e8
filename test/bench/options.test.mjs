import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandOf, optionsFor, parseOptions } from '../../scripts/bench/lib/options.mjs';
import { standardFolder } from '../../scripts/bench/lib/report.mjs';
import { loadSubject, subjectNames, subjectsOf } from '../../scripts/bench/lib/subject.mjs';

test('without names the subjects of the device are measured', () => {
  assert.deepEqual(parseOptions([]).subjects, subjectsOf('cpu'));
  assert.deepEqual(parseOptions(['--device', 'cuda']).subjects, subjectsOf('cuda'));
  assert.deepEqual(parseOptions(['--device', 'cuda:1']).subjects, subjectsOf('cuda'));
  assert.deepEqual(parseOptions(['--render']).subjects, subjectNames);
});

test('figures of another device than the subject is for do not go to the page', () => {
  assert.throws(() => parseOptions(['alpha', '--device', 'cuda']), /alpha on cuda: .*--out/);
  assert.throws(() => parseOptions(['cuda-launch']), /cuda-launch on cpu: .*--out/);
  const elsewhere = parseOptions(['cuda-launch', '--out', 'elsewhere']);
  assert.deepEqual(elsewhere.subjects, ['cuda-launch']);
  assert.notEqual(elsewhere.out, standardFolder);
});

test('names may be given with a flag and without, and count once', () => {
  const given = ['alpha', '--subject', 'open', '--subject', 'alpha'];
  assert.deepEqual(parseOptions(given).subjects, ['open', 'alpha']);
});

test('a subject says for which device its figures are', async () => {
  for (const name of subjectNames) {
    const { device = 'cpu' } = await loadSubject(name);
    assert.ok(subjectsOf(device).includes(name), name);
  }
  await assert.rejects(loadSubject('nothing'), /There is no subject "nothing"/);
});

test('a command repeats what was measured', async () => {
  const options = optionsFor(parseOptions(['--device', 'cuda']), await loadSubject('cuda-launch'));
  assert.equal(
    commandOf('cuda-launch', options),
    'npm run bench -- --subject cuda-launch --repeat 3 --duration 1 --device cuda',
  );
});
