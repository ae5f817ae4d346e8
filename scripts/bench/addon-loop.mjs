/**
 * The addon without a server: rows are copied into a slab, committed, run, and the answer awaited.
 * Speaks the protocol of lib/loop.mjs. Its argument is the JSON of AddonLoopOptions, see
 * contenders/addon-loop.mjs, with the device.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Slab } from '../../dist/src/batching/slab.js';
import { layOut, slabHeader } from '../../dist/src/batching/slab-layout.js';
import { settleRows } from '../../dist/src/batching/slab-protocol.js';
import { addon } from '../../dist/src/native/binding.js';
import { dtypeCode } from '../../dist/src/native/dtype.js';
import { openModel } from '../../dist/src/native/runtime.js';
import { allocateShared } from '../../dist/src/native/shared-memory.js';
import { bytesOfRow } from './lib/binary-rows.mjs';
import { countsBetween, ofDevice } from './lib/device-figures.mjs';
import { outputBlock } from './lib/output-block.mjs';

const options = JSON.parse(process.argv[2]);
const { path, device, threads = 1, instances = 1, graphRows = [] } = options;
const { slabs = 1, refill = true } = options;
const { graphs = false, ...preparation } = options.plan ?? { freeze: true };
const given = JSON.parse(readFileSync(options.rows, 'utf8'));
const { requests, dtype = 'float32', dims = [requests[0].length] } = given;
/** Warm-up ends with either; LibTorch has specialized a module after a few runs. */
const warmUp = { batches: 50, milliseconds: 1000, fewestBatches: 3 };
/** Bytes of device memory for graphs. */
const graphMemory = 2 ** 30;
const outputBytesOfRow = 4096;
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const die = (message) => {
  throw new Error(message);
};

const heard = { batch: () => {}, warmed: () => {} };
const model = await new Promise((resolve) => {
  const opened = openModel(
    {
      ...{ name: 'bench', version: '1.0', path, devices: [device], instances },
      ...{ intraOpThreads: threads, freeze: true, ...preparation, commitTimeout: 1000 },
      ...(graphs && { graphs, graphMemory }),
    },
    {
      batch: (event) => heard.batch(event),
      loaded: () => resolve(opened),
      failed: (code, message) => die(`${code}: ${message}`),
      warmed: (event) => heard.warmed(event),
      closed: () => {},
    },
  );
});

/** What the addon counts of the device: nothing on the CPU. */
const statistics = () => ofDevice(addon().deviceStatistics(), device);

/** A slab of exactly `rows` rows, filled; and the bytes to fill it with again. */
function prepare(rows) {
  const layout = layOut([{ dtype, dims }], rows, outputBytesOfRow * rows);
  const slab = new Slab(allocateShared(layout.bytes, slabHeader.alignment), layout);
  slab.id = model.addSlab(slab.memory, layout);
  const bytes = new Uint8Array(
    Buffer.concat(
      Array.from({ length: rows }, (_, i) => bytesOfRow(requests[i % requests.length], dtype)),
    ),
  );
  const work = { slab, rows, offset: layout.inputs[0].offset, bytes };
  fill(work);
  return work;
}

function fill({ slab, offset, bytes }) {
  addon().copyBytes(slab.memory, offset, bytes, 0, bytes.byteLength);
}

/** Runs batches in all slabs until `enough(batches)`; gives the last batch's event. */
function runBatches(works, enough) {
  const bySlab = new Map(works.map((work) => [work.slab.id, work]));
  return new Promise((resolve) => {
    let batches = 0;
    let running = works.length;
    const start = (work) => {
      const { slab, rows } = work;
      slab.recycle();
      const first = slab.reserve(rows);
      if (refill) fill(work);
      settleRows(slab.words, first, rows, slabHeader.rowCommitted);
      model.ring(slab.id);
    };
    heard.batch = (event) => {
      const work = bySlab.get(event.slab);
      if (event.rows !== work.rows) {
        die(`${event.rows} of ${work.rows} rows were run. ${event.errors?.[0]?.message ?? ''}`);
      }
      batches += 1;
      if (!enough(batches)) {
        start(work);
        return;
      }
      running -= 1;
      if (running === 0) resolve({ event, batches });
    };
    works.forEach(start);
  });
}

const isWarm = (since) => (batches) =>
  batches >= warmUp.batches ||
  (batches >= warmUp.fewestBatches && performance.now() >= since + warmUp.milliseconds);

async function measure({ rows, seconds }) {
  const works = Array.from({ length: slabs }, () => prepare(rows));
  await runBatches(works, isWarm(performance.now()));
  const before = statistics();
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const end = start + seconds * 1000;
  const { batches } = await runBatches(works, () => performance.now() >= end);
  const elapsed = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  for (const { slab } of works) model.removeSlab(slab.id);
  return {
    ...{ batches, seconds: elapsed, cpuSeconds: (user + system) / 1e6 },
    ...(before && { device: countsBetween(before, statistics()) }),
  };
}

/** Graphs of batches of so many rows, which a warm-up captures; once for all numbers. */
function capture(rows) {
  return new Promise((resolve) => {
    heard.warmed = ({ graphs: captured = [], error }) => {
      if (error) die(`${error.code}: ${error.message}`);
      resolve(captured);
    };
    const ascending = [...new Set(rows)].sort((a, b) => a - b);
    model.warmUp([{ dtype: dtypeCode(dtype), dims }], ascending);
  });
}

async function predict() {
  const work = prepare(requests.length);
  const { event } = await runBatches([work], () => true);
  const { outputs } = model.signature(event.signature);
  const block = event.overflow ?? work.slab.outputArea;
  const answer = outputBlock(block, requests.length, outputs[0].dims);
  model.removeSlab(work.slab.id);
  return answer;
}

const loaded = statistics();
const captured = graphs ? await capture([requests.length, ...graphRows]) : [];
say({
  ...{ version: addon().libtorchVersion, predictions: await predict(), captured },
  ...(loaded && { device: loaded }),
});
for await (const line of createInterface({ input: process.stdin })) {
  say(await measure(JSON.parse(line)));
}
model.close();
