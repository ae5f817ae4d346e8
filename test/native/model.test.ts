import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { resetHeader, settledRows } from '../../src/batching/slab-protocol.js';
import { closeOpenModels, fixture, OpenModel } from './open-model.js';

afterEach(closeOpenModels);

const threeFloats = [{ dtype: 'float32' as const, dims: [3] }];

describe('loading', () => {
  test('the schema of forward is read from the file', async () => {
    const model = await OpenModel.load(fixture('options.pt'));
    assert.deepEqual(
      model.description?.arguments.map(({ name, type, default: value }) => [name, type, value]),
      [
        ['x', 'Tensor', undefined],
        ['scale', 'float', '2.'],
        ['flag', 'bool', 'True'],
      ],
    );
    assert.equal(model.description?.returns, 'Tensor');
    assert.equal(model.description?.frozen, true);
    await model.close();
  });

  test('an input that indexes an embedding is int64, the others have the dtype of the weights', async () => {
    const model = await OpenModel.load(fixture('pair.pt'));
    const dtypes = model.description?.arguments.map(({ name, dtype }) => [name, dtype]);
    assert.deepEqual(dtypes, [
      ['ids', 7],
      ['weights', 0],
    ]);
    await model.close();
  });

  test('a module that is not to be frozen keeps its parameters', async () => {
    const model = await OpenModel.load(fixture('linear.pt'), { freeze: false });
    assert.equal(model.description?.frozen, false);
    assert.equal(model.description?.parameterBytes, (3 * 2 + 2) * 4);
    await model.close();
  });

  for (const [file, pattern] of [
    ['broken/truncated.pt', /the file is damaged.*PytorchStreamReader failed reading zip archive/],
    ['broken/empty.pt', /not a TorchScript file/],
    ['broken/text.pt', /not a TorchScript file/],
    [
      'broken/pickle.pt',
      /not a TorchScript file: it holds no code.*constants\.pkl: file not found\)$/,
    ],
    ['broken/corrupt.pt', /the file is damaged/],
    ['missing.pt', /cannot open the file: No such file or directory/],
  ] as const) {
    test(`${file} is refused with a message in one line`, async () => {
      await assert.rejects(OpenModel.load(fixture(file)), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'MODEL_LOAD_FAILED');
        assert.match(error.message, pattern);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
    });
  }

  test('a folder, a device that is not there and a device that makes no sense are refused', async () => {
    await assert.rejects(OpenModel.load(fixture('.')), { code: 'MODEL_LOAD_FAILED' });
    await assert.rejects(OpenModel.load(fixture('linear.pt'), { devices: ['cuda:99'] }), {
      code: 'MODEL_LOAD_FAILED',
      message: /cuda:99 is not there/,
    });
    await assert.rejects(OpenModel.load(fixture('linear.pt'), { devices: ['toaster'] }), {
      code: 'MODEL_LOAD_FAILED',
      message: /not cpu or cuda:N/,
    });
  });
});

describe('running', () => {
  test('each row gets the output at its own place', async () => {
    const model = await OpenModel.load(fixture('double.pt'));
    const slab = model.addSlab(threeFloats, 4, 1024);
    const rows = [1, 2, 3, 4].map((value) => slab.put([value, value * 10, value * 100]));
    const event = await model.run(slab);
    assert.equal(event.rows, 4);
    assert.equal(event.overflow, undefined);
    const output = slab.output(event, 3);
    for (const [i, row] of rows.entries()) {
      const at = slab.outputRow(row) * 3;
      const value = i + 1;
      assert.deepEqual(
        [...output.subarray(at, at + 3)],
        [value * 2 + 1, value * 20 + 1, value * 200 + 1],
      );
    }
    await model.close();
  });

  test('outputs that outgrow the output area come in memory of their own', async () => {
    const model = await OpenModel.load(fixture('double.pt'));
    const slab = model.addSlab(threeFloats, 4);
    slab.put([1, 2, 3]);
    const event = await model.run(slab);
    assert.deepEqual([...slab.output(event, 3)], [3, 5, 7]);
    assert.ok(event.overflow);
    await model.close();
  });

  test('cancelled rows are left out and the others keep their own outputs', async () => {
    const model = await OpenModel.load(fixture('double.pt'));
    const slab = model.addSlab(threeFloats, 5, 1024);
    const first = slab.put([1, 1, 1]);
    const dropped = slab.reserve(2);
    slab.discard(dropped, 2);
    const last = slab.put([5, 5, 5]);
    const event = await model.run(slab);
    assert.equal(event.rows, 2);
    assert.equal(event.errors, undefined);
    assert.equal(slab.outputRow(dropped), -1);
    assert.equal(slab.outputRow(dropped + 1), -1);
    const output = slab.output(event, 3);
    assert.equal(output[slab.outputRow(first) * 3], 3);
    assert.equal(output[slab.outputRow(last) * 3], 11);
    await model.close();
  });

  test('a batch of nothing but cancelled rows comes back without touching the model', async () => {
    const model = await OpenModel.load(fixture('throws.pt'));
    const slab = model.addSlab(threeFloats, 2, 1024);
    slab.discard(slab.reserve(2), 2);
    const event = await model.run(slab);
    assert.equal(event.rows, 0);
    assert.equal(event.signature, -1);
    assert.equal(event.errors, undefined);
    await model.close();
  });

  test('a slab that is rung without any row comes back', async () => {
    const model = await OpenModel.load(fixture('double.pt'));
    const slab = model.addSlab(threeFloats, 2, 1024);
    const event = await model.run(slab);
    assert.equal(event.rows, 0);
    assert.equal(slab.reserve(1), -1, 'it stays sealed until it is recycled');
    await model.close();
  });

  test('a writer that never settles loses its own rows only, and learns it when it comes late', async () => {
    const model = await OpenModel.load(fixture('double.pt'), { commitTimeout: 20 });
    const slab = model.addSlab(threeFloats, 3, 1024);
    const late = slab.reserve(1);
    const good = slab.put([2, 2, 2]);
    const event = await model.run(slab);
    assert.deepEqual(event.errors, [
      { row: late, rows: 1, code: 'WRITER_TIMEOUT', message: 'the row was not written in time' },
    ]);
    assert.equal(slab.output(event, 3)[slab.outputRow(good) * 3], 5);
    assert.equal(settledRows(slab.words), 1);
    assert.equal(slab.commit(late, 1), false, 'a late commit is refused');
    await model.close();
  });

  test('a row the model throws on fails alone, with the error that the model named', async () => {
    const model = await OpenModel.load(fixture('throws.pt'));
    const slab = model.addSlab(threeFloats, 8, 1024);
    const rows = [1, -1, 3, 4, 5, -6, 7].map((value) => slab.put([value, 0, 0]));
    const event = await model.run(slab);
    assert.equal(event.rows, 5);
    assert.deepEqual(
      event.errors?.map(({ row, code }) => [row, code]),
      [
        [rows[1], 'MODEL_FAILED'],
        [rows[5], 'MODEL_FAILED'],
      ],
    );
    assert.match(event.errors?.[0]?.message ?? '', /negative value; given float32\[1, 3\]/);
    const output = slab.output(event, 3);
    for (const [i, value] of [1, 3, 4, 5, 7].entries()) {
      const row = rows[[0, 2, 3, 4, 6][i] ?? 0] ?? 0;
      assert.equal(output[slab.outputRow(row) * 3], value);
    }
    await model.close();
  });

  test('a batch that memory does not suffice for is run in parts that fit', async () => {
    const model = await OpenModel.load(fixture('hungry.pt'));
    const slab = model.addSlab(threeFloats, 8, 1024);
    // The first row of a batch says how much memory it takes.
    const rows = [1e9, 1, 2, 3, 4, 5].map((value) => slab.put([value < 1e9 ? 0 : value, value, 0]));
    const event = await model.run(slab);
    assert.equal(event.rows, 5);
    assert.deepEqual(
      event.errors?.map(({ row, code }) => [row, code]),
      [[rows[0], 'OUT_OF_MEMORY']],
    );
    const output = slab.output(event, 3);
    for (const value of [1, 2, 3, 4, 5]) {
      assert.equal(output[slab.outputRow(rows[value] ?? 0) * 3 + 1], value);
    }
  });

  test('a batch of a model that writes to its input is not run twice: it fails whole', async () => {
    const model = await OpenModel.load(fixture('overwrites.pt'));
    const slab = model.addSlab(threeFloats, 4, 1024);
    for (const value of [1, 2, 5000, 4]) slab.put([value, 0, 0]);
    const event = await model.run(slab);
    assert.equal(event.rows, 0);
    assert.equal(event.errors?.length, 4);
    const good = model.addSlab(threeFloats, 4, 1024);
    for (const value of [1, 2, 4]) good.put([value, 0, 0]);
    const answered = await model.run(good);
    assert.deepEqual([...good.output(answered, 3)], [2, 1, 1, 3, 1, 1, 5, 1, 1]);
  });

  for (const freeze of [true, false]) {
    const shared = freeze
      ? 'do not share what forward changes'
      : 'of one instance keep what forward changes';
    test(`${freeze ? 'instances' : 'batches'} ${shared}`, async () => {
      const instances = freeze ? 4 : 1;
      const model = await OpenModel.load(fixture('remembers.pt'), { freeze, instances });
      const slabs = Array.from({ length: 8 }, () => model.addSlab(threeFloats, 1, 1024));
      for (let round = 0; round < 50; round += 1) {
        const answers = slabs.map(async (slab, i) => {
          const value = round * 10 + i + 1;
          resetHeader(slab.words, 1);
          slab.put([value, 0, 0]);
          const event = await model.run(slab);
          assert.deepEqual([...slab.output(event, 3)], [value, value, value]);
        });
        await Promise.all(answers);
      }
    });
  }

  for (const [file, pattern] of [
    ['reduces.pt', /first dimension of every output must be the batch: expected 2 rows/],
    ['wrong_rows.pt', /first dimension of every output must be the batch: expected 2 rows/],
    ['text_output.pt', /the model returned str/],
    ['none_output.pt', /the model returned .*: not a tensor/],
  ] as const) {
    test(`${file}: an output that cannot be split among the rows is an error that says so`, async () => {
      const model = await OpenModel.load(fixture(file));
      const slab = model.addSlab(threeFloats, 2, 1024);
      slab.put([1, 2, 3]);
      slab.put([1, 2, 3]);
      const event = await model.run(slab);
      assert.equal(event.rows, 0);
      assert.equal(event.errors?.length, 2);
      assert.equal(event.errors?.[0]?.code, 'INVALID_OUTPUT');
      assert.match(event.errors?.[0]?.message ?? '', pattern);
      await model.close();
    });
  }

  test('a model that asks for more memory than there is fails its batch with OUT_OF_MEMORY', async () => {
    const model = await OpenModel.load(fixture('hungry.pt'));
    const slab = model.addSlab(threeFloats, 2, 1024);
    slab.put([1e9, 0, 0]);
    slab.put([1e9, 0, 0]);
    const event = await model.run(slab);
    assert.equal(event.errors?.[0]?.code, 'OUT_OF_MEMORY');
    assert.match(event.errors?.[0]?.message ?? '', /DefaultCPUAllocator/);
    await model.close();
  });

  test('wrong shapes and dtypes fail the batch with the shapes that were given', async () => {
    const model = await OpenModel.load(fixture('linear.pt'));
    const narrow = model.addSlab([{ dtype: 'float32', dims: [2] }], 1, 1024);
    narrow.put([1, 2]);
    const shapes = await model.run(narrow);
    assert.match(shapes.errors?.[0]?.message ?? '', /mat1 and mat2.*; given float32\[1, 2\]/);
    const integers = model.addSlab([{ dtype: 'int64', dims: [3] }], 1, 1024);
    integers.commit(integers.reserve(1), 1);
    const dtypes = await model.run(integers);
    assert.match(
      dtypes.errors?.[0]?.message ?? '',
      /same dtype|Float|float.*; given int64\[1, 3\]/,
    );
    await model.close();
  });

  test('warm-up runs every instance and reports the outputs, or the error', async () => {
    const model = await OpenModel.load(fixture('linear.pt'), { instances: 3 });
    model.model.warmUp([{ dtype: 0, dims: [3] }], [1, 4]);
    const [{ signature, error }] = await once(model, 'warmed');
    assert.equal(error, undefined);
    assert.deepEqual(model.model.signature(signature), {
      outputs: [{ dtype: 0, dims: [2] }],
      structure: 0,
    });
    model.model.warmUp([{ dtype: 0, dims: [7] }], [1]);
    const [{ error: failure }] = await once(model, 'warmed');
    assert.equal(failure.code, 'MODEL_FAILED');
    await model.close();
  });

  test('nested and named results keep their structure', async () => {
    const structures: [string, unknown][] = [
      ['pair.pt', { list: [0, 1] }],
      ['nested.pt', { list: [0, { list: [1, 2] }] }],
      [
        'dictionary.pt',
        {
          fields: [
            ['mean', 0],
            ['scaled', 1],
          ],
        },
      ],
    ];
    for (const [file, structure] of structures) {
      const model = await OpenModel.load(fixture(file));
      const inputs =
        file === 'pair.pt'
          ? [
              { dtype: 7, dims: [4] },
              { dtype: 0, dims: [4] },
            ]
          : [{ dtype: 0, dims: [3] }];
      model.model.warmUp(inputs, [2]);
      const [{ signature, error }] = await once(model, 'warmed');
      assert.equal(error, undefined);
      assert.deepEqual(model.model.signature(signature).structure, structure);
      await model.close();
    }
  });
});

describe('the boundary', () => {
  test('a layout that does not fit its memory is refused', async () => {
    const model = await OpenModel.load(fixture('double.pt'));
    const slab = model.addSlab(threeFloats, 4, 64);
    const { layout, memory } = slab;
    const input = layout.inputs[0];
    assert.ok(input);
    const wrong = [
      { ...layout, capacity: 0 },
      { ...layout, capacity: 1_000_000 },
      { ...layout, capacity: 64 },
      { ...layout, inputs: [] },
      { ...layout, inputs: [{ ...input, offset: 0 }] },
      { ...layout, inputs: [{ ...input, offset: input.offset + 1 }] },
      { ...layout, inputs: [{ ...input, dims: [2 ** 40, 2 ** 40] }] },
      { ...layout, inputs: [{ ...input, dims: [-1] }] },
      { ...layout, inputs: [{ ...input, dtype: 99 }] },
      { ...layout, outputBytes: 1_000_000 },
      { ...layout, outputOffset: 64 },
    ];
    for (const broken of wrong) {
      assert.throws(() => model.model.addSlab(memory, broken), { code: 'INTERNAL' });
    }
    assert.throws(() => model.model.addSlab(new Uint8Array(0), layout), { code: 'INTERNAL' });
    await model.close();
  });

  test('a slab is rung once, not removed while it is out, and unknown ids are refused', async () => {
    const model = await OpenModel.load(fixture('slow.pt'));
    const slab = model.addSlab(threeFloats, 1, 1024);
    slab.put([20_000, 0, 0]);
    const done = model.run(slab);
    assert.throws(() => model.model.ring(slab.id), { code: 'INTERNAL' });
    assert.throws(() => model.model.removeSlab(slab.id), { code: 'INTERNAL' });
    assert.throws(() => model.model.ring(12345), { code: 'INTERNAL' });
    assert.throws(() => model.model.signature(12345), { code: 'INTERNAL' });
    await done;
    model.model.removeSlab(slab.id);
    assert.throws(() => model.model.ring(slab.id), { code: 'INTERNAL' });
    await model.close();
  });

  test('after close a model refuses to ring', async () => {
    const model = await OpenModel.load(fixture('double.pt'));
    const slab = model.addSlab(threeFloats, 1, 1024);
    await model.close();
    assert.throws(() => model.model.ring(slab.id), { code: 'MODEL_CLOSED' });
  });

  test('slabs that wait when the model closes come back as failed', async () => {
    const model = await OpenModel.load(fixture('slow.pt'));
    const running = model.addSlab(threeFloats, 1, 1024);
    running.put([50_000, 0, 0]);
    const waiting = model.addSlab(threeFloats, 1, 1024);
    waiting.put([1, 0, 0]);
    const first = model.run(running);
    const second = model.run(waiting);
    await model.close();
    assert.equal((await first).rows + (await second).rows <= 2, true);
    const { errors } = await second;
    if (errors !== undefined) assert.equal(errors[0]?.code, 'MODEL_CLOSED');
  });
});

describe('instances share one copy of the parameters', () => {
  for (const freeze of [true, false]) {
    test(`${freeze ? 'frozen' : 'unfrozen'}: every instance computes with the same storages`, async () => {
      const model = await OpenModel.load(fixture('linear.pt'), { instances: 4, freeze });
      const pointers = model.model.parameterPointers();
      assert.equal(pointers.length, 4);
      assert.ok((pointers[0]?.length ?? 0) >= 2, 'weight and bias');
      for (const own of pointers) assert.deepEqual(own, pointers[0]);
      await model.close();
    });
  }

  const linux = existsSync('/proc/self/status');
  test('four instances of a 64 MiB model take the memory of one', { skip: !linux }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sconce-'));
    try {
      const path = join(folder, 'wide.pt');
      writeFileSync(path, gunzipSync(readFileSync(fixture('wide.pt.gz'))));
      const residentMegabytes = async (instances: number): Promise<number> => {
        const before = process.memoryUsage.rss();
        const model = await OpenModel.load(path, { instances });
        model.model.warmUp([{ dtype: 0, dims: [4096] }], [1]);
        await once(model, 'warmed');
        const after = process.memoryUsage.rss();
        await model.close();
        return (after - before) / 2 ** 20;
      };
      await residentMegabytes(1);
      const one = await residentMegabytes(1);
      const four = await residentMegabytes(4);
      assert.ok(four - one < 32, `one instance: ${one} MiB, four: ${four} MiB`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
