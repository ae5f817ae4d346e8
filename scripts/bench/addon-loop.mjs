/**
 * The addon without a server: rows are copied into a slab, committed, run, and the answer awaited,
 * one batch after the other. Speaks the protocol of lib/loop.mjs. Arguments: the TorchScript file,
 * the device, a file `{ requests: number[][] }` of float32 rows, with `dims` unless rows are vectors,
 * and the number of intra-op threads, 1 unless given.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Slab } from '../../dist/src/batching/slab.js';
import { layOut, slabHeader } from '../../dist/src/batching/slab-layout.js';
import { settleRows } from '../../dist/src/batching/slab-protocol.js';
import { addon } from '../../dist/src/native/binding.js';
import { openModel } from '../../dist/src/native/runtime.js';
import { allocateShared } from '../../dist/src/native/shared-memory.js';
import { outputBlock } from './lib/output-block.mjs';

const [path, device, rowsFile, intraOpThreads = '1'] = process.argv.slice(2);
const given = JSON.parse(readFileSync(rowsFile, 'utf8'));
const { requests, dims = [requests[0].length] } = given;
/** Warm-up ends with either; LibTorch has specialized a module after a few runs. */
const warmUp = { batches: 50, milliseconds: 1000, fewestBatches: 3 };
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const die = (message) => {
  throw new Error(message);
};

let onBatch = () => {};
const model = await new Promise((resolve) => {
  const opened = openModel(
    {
      ...{ name: 'bench', version: '1.0', path, device, instances: 1 },
      ...{ intraOpThreads: Number(intraOpThreads), freeze: true, commitTimeout: 1000 },
    },
    {
      batch: (event) => onBatch(event),
      loaded: () => resolve(opened),
      failed: (code, message) => die(`${code}: ${message}`),
      warmed: () => {},
      closed: () => {},
    },
  );
});

/** A slab of exactly `rows` rows and the bytes to fill it with. */
function prepare(rows) {
  const outputBytes = 4096 * rows;
  const layout = layOut([{ dtype: 'float32', dims }], rows, outputBytes);
  const slab = new Slab(allocateShared(layout.bytes, slabHeader.alignment), layout);
  slab.id = model.addSlab(slab.memory, layout);
  const values = Array.from({ length: rows }, (_, i) => requests[i % requests.length]).flat();
  return { slab, rows, offset: layout.inputs[0].offset, bytes: asBytes(values) };
}

function asBytes(values) {
  return new Uint8Array(Float32Array.from(values).buffer);
}

/** Runs batches until `enough(batches)`; gives the last batch's event. */
function runBatches({ slab, rows, offset, bytes }, enough) {
  const { copyBytes } = addon();
  return new Promise((resolve) => {
    let batches = 0;
    const next = () => {
      slab.recycle();
      const first = slab.reserve(rows);
      copyBytes(slab.memory, offset, bytes, 0, bytes.byteLength);
      settleRows(slab.words, first, rows, slabHeader.rowCommitted);
      model.ring(slab.id);
    };
    onBatch = (event) => {
      if (event.rows !== rows) die(`${event.rows} of ${rows} rows were run`);
      batches += 1;
      if (enough(batches)) resolve({ event, batches });
      else next();
    };
    next();
  });
}

async function measure({ rows, seconds }) {
  const work = prepare(rows);
  const warm = performance.now() + warmUp.milliseconds;
  await runBatches(
    work,
    (batches) =>
      batches >= warmUp.batches || (batches >= warmUp.fewestBatches && performance.now() >= warm),
  );
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const end = start + seconds * 1000;
  const { batches } = await runBatches(work, () => performance.now() >= end);
  const elapsed = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  model.removeSlab(work.slab.id);
  return { batches, seconds: elapsed, cpuSeconds: (user + system) / 1e6 };
}

async function predict() {
  const { slab, ...work } = prepare(requests.length);
  const { event } = await runBatches({ slab, ...work }, () => true);
  const { outputs } = model.signature(event.signature);
  const block = event.overflow ?? slab.outputArea;
  const answer = outputBlock(block, requests.length, outputs[0].dims);
  model.removeSlab(slab.id);
  return answer;
}

say({ version: addon().libtorchVersion, predictions: await predict() });
for await (const line of createInterface({ input: process.stdin })) {
  say(await measure(JSON.parse(line)));
}
model.close();
