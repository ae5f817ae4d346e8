import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, suite } from 'node:test';
import { closeOpenModels, fixture, OpenModel, type TestSlab } from '../native/open-model.js';
import { gpuDevice, gpuTest } from '../support/gpu.js';

after(closeOpenModels);

const threeFloats = [{ dtype: 'float32' as const, dims: [3] }];
const twoGpus = ['cuda:0', 'cuda:1'];

/** Rows that differ in every slab and place. */
function fill(slab: TestSlab, seed: number, rows: number): void {
  for (let row = 0; row < rows; row += 1) {
    slab.put([0, 1, 2].map((i) => Math.sin(seed * 100 + row * 3 + i)));
  }
}

/** What a model answers to slabs of 1, 2, … rows, all rung at once. */
async function answersOf(model: OpenModel, slabs: number): Promise<number[][]> {
  return Promise.all(
    Array.from({ length: slabs }, async (_, i) => {
      const rows = (i % 8) + 1;
      const slab = model.addSlab(threeFloats, 8, 1024);
      fill(slab, i, rows);
      const event = await model.run(slab);
      assert.equal(event.errors, undefined);
      return [...slab.output(event, 2)];
    }),
  );
}

function assertClose(actual: number[][], wanted: number[][]): void {
  for (const [i, row] of wanted.entries()) {
    assert.equal(actual[i]?.length, row.length);
    for (const [j, value] of row.entries()) {
      assert.ok(Math.abs((actual[i]?.[j] ?? Number.NaN) - value) <= 1e-5, `batch ${i}, value ${j}`);
    }
  }
}

suite('the instances of a model on GPUs', () => {
  gpuTest('have one copy of the weights on their GPU', async () => {
    const model = await OpenModel.load(fixture('linear.pt'), {
      devices: [gpuDevice],
      instances: 3,
    });
    const pointers = model.model.parameterPointers().map((each) => each.join());
    assert.equal(pointers.length, 3);
    assert.equal(new Set(pointers).size, 1);
  });

  gpuTest('answer batches that are under way at once as the CPU does', async () => {
    const onCpu = await OpenModel.load(fixture('linear.pt'), { devices: ['cpu'] });
    const wanted = await answersOf(onCpu, 200);
    for (const instances of [1, 2]) {
      const model = await OpenModel.load(fixture('linear.pt'), {
        devices: [gpuDevice],
        instances,
      });
      assertClose(await answersOf(model, 200), wanted);
    }
  });

  gpuTest('are dealt out to two GPUs, and answer there', { gpus: 2 }, async () => {
    const model = await OpenModel.load(fixture('linear.pt'), { devices: twoGpus, instances: 4 });
    const [a, b, c, d] = model.model.parameterPointers().map((each) => each.join());
    assert.deepEqual([a === c, b === d, a === b], [true, true, false]);
    const onCpu = await OpenModel.load(fixture('linear.pt'), { devices: ['cpu'] });
    assertClose(await answersOf(model, 100), await answersOf(onCpu, 100));
    await model.scale(1);
    assertClose(await answersOf(model, 20), await answersOf(onCpu, 20));
  });

  gpuTest('find their slabs page-locked', async () => {
    const model = await OpenModel.load(fixture('linear.pt'), { devices: [gpuDevice] });
    const notices: string[] = [];
    model.on('notice', (message) => notices.push(message));
    await answersOf(model, 20);
    assert.deepEqual(notices, []);
  });
});

/**
 * Loads embedding.pt on the devices, and asks for an id that it does not have, which breaks the
 * device; then for one that it has. Resolves with the codes of the answers and the order of events.
 */
async function breakDevice(
  devices: readonly string[],
): Promise<{ told: string[]; codes: (string | null)[]; remaining: number[] }> {
  const module = (path: string): string => new URL(path, import.meta.url).href;
  const script = `
    import { once } from 'node:events';
    import { OpenModel } from '${module('../native/open-model.js')}';
    import { skipDestructors } from '${module('../../src/native/runtime.js')}';
    const model = await OpenModel.load('${fixture('embedding.pt')}', {
      devices: ${JSON.stringify(devices)},
      instances: 2,
    });
    const told = [];
    const remaining = [];
    model.on('batch', ({ errors }) => told.push('batch ' + (errors?.[0]?.code ?? 'ok')));
    model.on('deviceFailed', (event) => {
      told.push('deviceFailed');
      remaining.push(event.remaining);
    });
    model.on('failed', (code) => told.push('failed ' + code));
    const closed = once(model, 'closed').then(() => told.push('closed'));
    const ask = async (id) => {
      const slab = model.addSlab([{ dtype: 'int64', dims: [1] }], 1, 1024);
      const row = slab.reserve(1);
      const { offset } = slab.layout.inputs[0];
      new BigInt64Array(slab.memory.buffer, slab.memory.byteOffset + offset, 1)[0] = BigInt(id);
      slab.commit(row, 1);
      try {
        return (await model.run(slab)).errors?.[0]?.code ?? null;
      } catch (error) {
        return error.code;
      }
    };
    const codes = [await ask(3), await ask(100000), await ask(4)];
    if (remaining.at(-1) === 0) await closed;
    process.stdout.write(JSON.stringify({ told, codes, remaining }));
    skipDestructors();
    process.exit(0);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code, signal] = await once(child, 'close');
  assert.deepEqual([code, signal], [0, null]);
  return JSON.parse(output);
}

suite('a GPU that fails', () => {
  gpuTest(
    'ends a model that has no other: every batch is answered, the process lives',
    async () => {
      const { told, codes, remaining } = await breakDevice([gpuDevice]);
      assert.deepEqual(codes, [null, 'DEVICE_FAILED', 'DEVICE_FAILED']);
      assert.deepEqual(remaining, [0]);
      assert.ok(told.indexOf('deviceFailed') < told.indexOf('batch DEVICE_FAILED'));
      assert.deepEqual(told.slice(-1), ['closed']);
      assert.ok(told.includes('failed DEVICE_FAILED'));
    },
  );

  gpuTest('leaves its instances to the other', { gpus: 2 }, async () => {
    const { codes, remaining } = await breakDevice(twoGpus);
    assert.deepEqual(codes, [null, 'DEVICE_FAILED', null]);
    assert.deepEqual(remaining, [2]);
  });
});
