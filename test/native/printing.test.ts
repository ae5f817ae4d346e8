import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, test } from 'node:test';
import { Printing } from '../../src/native/printing.js';
import { closeOpenModels, fixture, OpenModel, type TestSlab } from './open-model.js';

afterEach(closeOpenModels);

/** How prints.pt prints: its second value. */
const plainly = 0;
const fromTask = 1;
const inOneLine = -1;

const load = (instances = 1): Promise<OpenModel> =>
  OpenModel.load(fixture('prints.pt'), { instances });

/** What the batches have printed: LibTorch reads the state of a module more than once. */
const linesOf = ({ printed }: OpenModel): string[] => printed.filter((line) => line !== 'loaded');

/** A slab with the only row of a batch. */
function row(model: OpenModel, values: readonly number[]): TestSlab {
  const slab = model.addSlab([{ dtype: 'float32', dims: [2] }], 1);
  slab.put(values);
  return slab;
}

async function print(model: OpenModel, count: number, how: number): Promise<void> {
  const { errors } = await model.run(row(model, [count, how]));
  assert.equal(errors, undefined);
}

describe('what a model prints', () => {
  test('reaches its listener', async () => {
    const model = await load();
    await print(model, 3, plainly);
    await model.close();
    assert.deepEqual(linesOf(model), ['line 0', 'line 1', 'line 2']);
    assert.equal(model.droppedLines, 0);
  });

  test('reaches it from the load on', async () => {
    const model = await load();
    assert.equal(model.printed[0], 'loaded');
  });

  test('reaches it while the model runs', async () => {
    const model = await load();
    await print(model, 1, plainly);
    while (linesOf(model).length === 0) await once(model, 'printed');
    assert.deepEqual(linesOf(model), ['line 0']);
  });

  test('reaches it from tasks that the model forks, and from what follows them', async () => {
    const model = await load();
    await print(model, 2, fromTask);
    await model.close();
    assert.deepEqual(linesOf(model), ['line 0', 'line 1', 'joined']);
  });

  test('is kept apart from what other models print at the same time', async () => {
    const models = await Promise.all([load(2), load(2), load(2)]);
    await Promise.all(models.map((model, index) => print(model, index + 1, plainly)));
    await Promise.all(models.map((model) => model.close()));
    assert.deepEqual(models.map(linesOf), [
      ['line 0'],
      ['line 0', 'line 1'],
      ['line 0', 'line 1', 'line 2'],
    ]);
  });

  test('is counted, not kept, where it comes faster than it is taken', async () => {
    const model = await load();
    const lines = 200_000;
    await print(model, lines, plainly);
    await model.close();
    const printed = linesOf(model);
    assert.equal(printed.length + model.droppedLines, lines);
    assert.ok(model.droppedLines > 0);
    const numbers = printed.map((line) => Number(line.replace('line ', '')));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
  });

  test('is cut in lines of more than 8 KiB, between two characters', async () => {
    const model = await load();
    await print(model, 4096, inOneLine);
    await print(model, 4097, inOneLine);
    await model.close();
    assert.deepEqual(linesOf(model), ['é'.repeat(4096), `${'é'.repeat(4096)}…`]);
  });

  test('does not go to standard output', async () => {
    const openModels = new URL('./open-model.js', import.meta.url).href;
    const script = `import { OpenModel } from '${openModels}';
      const model = await OpenModel.load('${fixture('prints.pt')}');
      const slab = model.addSlab([{ dtype: 'float32', dims: [2] }], 1);
      slab.put([2, ${fromTask}]);
      await model.run(slab);
      await model.close();`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.equal(output, '');
  });
});

describe('printing', () => {
  /** What a model would have printed: each call of `takePrinted` gets the next. */
  function printing(...texts: readonly string[]) {
    const waiting = [...texts];
    const delivered: [readonly string[], number][] = [];
    const model = { takePrinted: () => ({ text: waiting.shift() ?? '', dropped: 0 }) };
    return { printing: new Printing(model, (...all) => delivered.push(all)), delivered };
  }

  test('is taken at once, and then after a tenth of a second', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { printing: model, delivered } = printing('a\n\nb\n', 'c\n');
    model.wait();
    assert.deepEqual(delivered, [[['a', '', 'b'], 0]]);
    model.wait();
    model.wait();
    assert.equal(delivered.length, 1);
    context.mock.timers.tick(100);
    assert.deepEqual(delivered.slice(1), [[['c'], 0]]);
  });

  test('is taken at the end, without waiting', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { printing: model, delivered } = printing('a\n', 'b\n', 'c\n');
    model.wait();
    model.wait();
    model.end();
    context.mock.timers.tick(1000);
    assert.deepEqual(delivered, [
      [['a'], 0],
      [['b'], 0],
    ]);
  });

  test('delivers nothing when there is nothing', () => {
    const { printing: model, delivered } = printing();
    model.end();
    assert.deepEqual(delivered, []);
  });
});
