import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { slabHeader } from '../../src/batching/slab-layout.js';
import { isSealed, resetHeader, settledRows } from '../../src/batching/slab-protocol.js';
import type { BatchEvent } from '../../src/native/addon.js';
import { closeOpenModels, fixture, OpenModel, type TestSlab } from '../native/open-model.js';
import type { WriterData } from './stress-writer.js';

const totalRows = 200_000;
const writers = 4;
const instances = 4;
const capacity = 32;
const slabsPerShape = 12;
/** Floats in a row of each shape. */
const shapes = [1, 3];

afterEach(closeOpenModels);

test(`${writers} writer threads and ${instances} instances: each of ${totalRows} rows is answered once, with its own result`, async () => {
  const model = await OpenModel.load(fixture('double.pt'), { instances, commitTimeout: 60_000 });
  const slabs: { slab: TestSlab; shape: number; rung: boolean }[] = [];
  for (const [shape, floats] of shapes.entries()) {
    for (let i = 0; i < slabsPerShape; i += 1) {
      const spec = [{ dtype: 'float32' as const, dims: [floats] }];
      slabs.push({ slab: model.addSlab(spec, capacity, capacity * 64), shape, rung: false });
    }
  }
  const byId = new Map(slabs.map((entry, index) => [entry.slab.id, { ...entry, index }]));
  const control = new Int32Array(new SharedArrayBuffer(4 * 2 * shapes.length));
  control.set([0, 0, slabsPerShape, 0]);
  const discarded = new Uint8Array(new SharedArrayBuffer(totalRows));
  const answers = new Uint8Array(totalRows);
  let wrong = 0;
  let batches = 0;

  /** Lets writers reserve in a slab that is free. */
  const publishAnother = (shape: number): void => {
    const current = Atomics.load(control, shape * 2);
    const next = slabs.findIndex(
      (entry, index) =>
        entry.shape === shape && index !== current && !entry.rung && !isSealed(entry.slab.words),
    );
    if (next < 0) return;
    Atomics.store(control, shape * 2 + 1, 0);
    Atomics.store(control, shape * 2, next);
    Atomics.notify(control, shape * 2);
  };

  model.on('batch', (event: BatchEvent) => {
    const entry = byId.get(event.slab);
    assert.ok(entry);
    const { slab, shape, index } = entry;
    const floats = shapes[shape] ?? 1;
    batches += 1;
    assert.equal(event.errors, undefined);
    const input = slab.floats(0, 0, capacity);
    const output = slab.output(event, floats);
    for (let row = 0; row < capacity; row += 1) {
      if (slab.words[slabHeader.rowsWord + row] !== slabHeader.rowCommitted) continue;
      const id = input[row * floats] ?? -1;
      const at = slab.outputRow(row) * floats;
      for (let i = 0; i < floats; i += 1) if (output[at + i] !== id * 2 + 1) wrong += 1;
      answers[id] = (answers[id] ?? 0) + 1;
    }
    resetHeader(slab.words, capacity);
    const mutable = slabs[index];
    if (mutable !== undefined) mutable.rung = false;
  });

  const data = (writer: number): WriterData => ({
    control,
    slabs: slabs.map(({ slab, shape }) => ({
      words: slab.words,
      rows: slab.floats(0, 0, capacity),
      capacity,
      floatsPerRow: shapes[shape] ?? 1,
    })),
    first: (totalRows / writers) * writer,
    end: (totalRows / writers) * (writer + 1),
    discarded,
    longestRequest: 5,
    seed: writer + 1,
  });
  const entry = fileURLToPath(new URL('./stress-writer.js', import.meta.url));
  let running = writers;
  const failures: unknown[] = [];
  for (let writer = 0; writer < writers; writer += 1) {
    const worker = new Worker(entry, { workerData: data(writer) });
    worker.on('error', (error) => failures.push(error));
    worker.on('exit', () => {
      running -= 1;
    });
    await once(worker, 'online');
  }

  // The main loop as the server has it: at the end of each turn the bell, for what is new.
  const busy = (): boolean =>
    running > 0 || slabs.some(({ slab, rung }) => rung || settledRows(slab.words) > 0);
  while (busy()) {
    for (const candidate of slabs) {
      if (candidate.rung || settledRows(candidate.slab.words) === 0) continue;
      candidate.rung = true;
      model.model.ring(candidate.slab.id);
    }
    for (const shape of shapes.keys()) {
      if (Atomics.load(control, shape * 2 + 1) === 1) publishAnother(shape);
    }
    await turn();
  }

  assert.deepEqual(failures, []);
  assert.equal(wrong, 0, 'elements that are not the result of their own row');
  let lost = 0;
  let twice = 0;
  for (let id = 0; id < totalRows; id += 1) {
    const heard = (answers[id] ?? 0) + (discarded[id] ?? 0);
    if (heard === 0) lost += 1;
    if (heard > 1) twice += 1;
  }
  assert.deepEqual({ lost, twice }, { lost: 0, twice: 0 });
  assert.ok(batches < totalRows / 2, `rows were batched: ${batches} batches`);
  await model.close();
});
