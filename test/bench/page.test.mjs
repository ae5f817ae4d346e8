import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Attempts } from '../../scripts/bench/lib/attempts.mjs';
import { placeSection, replaceBetweenMarkers, updatePage } from '../../scripts/bench/lib/page.mjs';
import { render } from '../../scripts/bench/lib/report.mjs';
import { Results } from '../../scripts/bench/lib/results.mjs';
import { runRounds } from '../../scripts/bench/lib/rounds.mjs';
import { loadSubject, subjectNames } from '../../scripts/bench/lib/subject.mjs';
import { anchorOf, targetRows, targetTable } from '../../scripts/bench/lib/target-table.mjs';
import { judge } from '../../scripts/bench/lib/verdict.mjs';
import { targets } from '../../scripts/bench/targets.mjs';
import { SetupError } from '../../scripts/lib/setup-error.mjs';
import { temporaryFolder } from '../scripts/support.mjs';

const order = ['a', 'b', 'c'];

test('a section takes the place of its last one, and what stands around it stays', () => {
  const page = placeSection(placeSection('# Page\n', 'a', 'old', order), 'b', 'other', order);
  const updated = placeSection(`${page}\nby hand\n`, 'a', 'new', order);
  assert.doesNotMatch(updated, /old/);
  assert.match(updated, /^# Page\n\n<!-- bench a.*\n\nnew\n\n.*\n\n<!-- bench b.*\n\nother/);
  assert.match(updated, /by hand\n$/);
});

test('a new section stands where its order says', () => {
  const page = placeSection(placeSection('# Page\n', 'c', 'third', order), 'a', 'first', order);
  const whole = placeSection(page, 'b', 'second', order);
  assert.match(whole, /first[\s\S]*second[\s\S]*third/);
});

test('a page that does not exist is begun with a place for the targets', (t) => {
  const file = join(temporaryFolder(t), 'page.md');
  updatePage(file, { a: 'text' }, order);
  replaceBetweenMarkers(file, 'targets', '| table |');
  assert.match(readFileSync(file, 'utf8'), /## Targets[\s\S]*\| table \|[\s\S]*text/);
});

test('a file without markers is left alone', (t) => {
  const file = join(temporaryFolder(t), 'README.md');
  writeFileSync(file, 'mine\n');
  replaceBetweenMarkers(file, 'targets', '| table |');
  assert.equal(readFileSync(file, 'utf8'), 'mine\n');
});

test('every target is computed by the subject that its row names', async () => {
  for (const { id, subject } of targets) {
    assert.ok(subjectNames.includes(subject), `${id}: there is no subject ${subject}`);
    const { comparisons } = await loadSubject(subject);
    assert.equal(comparisons.filter((one) => one.id === id).length, 1, id);
  }
});

test('every comparison has a label, and those with an id a row of targets.mjs', async () => {
  const nothing = new Results([]);
  for (const name of subjectNames) {
    for (const comparison of (await loadSubject(name)).comparisons) {
      assert.ok(judge(comparison, nothing).label, `${name}: ${comparison.id}`);
    }
  }
});

test('a target is met by the median, and one of no figures is not measured', () => {
  const figures = (values) =>
    new Results(
      values.map((x) => ({ measurements: [{ contender: 's', point: 'p', figures: { x } }] })),
    );
  const comparison = {
    label: 'x',
    unit: 'ms',
    target: { atMost: 2, unit: 'ms' },
    compute: (find) => find('s', 'p')?.x,
  };
  assert.deepEqual(judge(comparison, figures([1, 2, 9])), {
    ...{ label: 'x', value: '2.00 (1.00–9.00) ms', wanted: '≤ 2 ms', outcome: 'met' },
  });
  assert.equal(judge(comparison, figures([3])).outcome, 'missed');
  assert.equal(judge(comparison, figures([])).outcome, 'not measured');
});

test('the table of targets has a row for each, measured or not', async () => {
  const [cpu, gpu] = (await targetTable(() => undefined, '')).split('On an NVIDIA GPU:');
  const ofGpu = await targetRows(() => undefined, 'cuda');
  assert.ok(ofGpu.length > 0 && ofGpu.every(({ outcome }) => outcome === 'not measured'));
  assert.equal(gpu.match(/not measured/g).length, ofGpu.length);
  assert.equal(cpu.match(/not measured/g).length, targets.length - ofGpu.length);
});

test('a subject without figures has a section that says so, and no figures', async (t) => {
  const out = join(temporaryFolder(t), 'figures');
  for (const name of subjectNames) await render(out, await loadSubject(name));
  const page = readFileSync(`${out}.md`, 'utf8');
  for (const name of subjectNames) {
    const section = page.split(`<!-- bench ${name}:`)[1].split(`<!-- end of bench ${name} -->`)[0];
    assert.match(section, /\*\*Not measured yet\.\*\*/);
    assert.equal(section.includes('--device cuda'), name.startsWith('cuda-'));
    assert.doesNotMatch(section, /\| (met|missed) \|/);
  }
});

test('a contender that ends does not keep the others from being measured', async (t) => {
  t.mock.method(console, 'log', () => {});
  const step = (contender, measure) => ({
    ...{ contender, point: 'p', seconds: 0, measure },
    ...{ invalid: () => undefined, describe: () => '' },
  });
  const ended = async () => {
    throw new SetupError('the server ended\nwith 1');
  };
  const steps = [step('bad', ended), step('good', async () => ({ x: 1 }))];
  const results = new Results(await runRounds(steps, 2));
  assert.equal(results.spread('good', 'p', 'x').median, 1);
  assert.equal(results.spread('bad', 'p', 'x'), undefined);
  assert.match(results.invalid[0], /Round 1, bad, p: the server ended with 1/);
  const broken = runRounds([step('broken', async () => assert.fail('a mistake'))], 1);
  await assert.rejects(broken, /a mistake/);
  const stopped = runRounds(steps, 2, { stopping: () => true });
  await assert.rejects(stopped, /Stopped/);
});

test('the rounds so far are told of after each, so that what is stopped leaves them', async (t) => {
  t.mock.method(console, 'log', () => {});
  const told = [];
  let count = 0;
  const measure = async () => {
    count += 1;
    return { x: count };
  };
  const step = { contender: 'one', point: 'p', seconds: 0, measure };
  const steps = [{ ...step, invalid: () => undefined, describe: () => '' }];
  const stopped = runRounds(steps, 3, {
    stopping: () => count === 3,
    complete: (rounds) => told.push(rounds.length),
  });
  await assert.rejects(stopped, /Stopped/);
  assert.deepEqual(told, [1, 2]);
});

test('what was attempted and failed is told, and the rest goes on', async (t) => {
  t.mock.method(console, 'error', () => {});
  const attempts = new Attempts();
  assert.equal(await attempts.of('one', async () => 1), 1);
  const failing = async () => {
    throw new SetupError('it answers\n wrongly');
  };
  assert.equal(await attempts.of('two', failing), undefined);
  assert.deepEqual(attempts.failed, ['two: it answers wrongly']);
});

test('headings have the anchors that GitHub gives them', () => {
  assert.equal(
    anchorOf('alpha: a small network (64-256), one_row'),
    'alpha-a-small-network-64-256-one_row',
  );
});
