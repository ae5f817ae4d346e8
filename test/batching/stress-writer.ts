import { workerData } from 'node:worker_threads';
import { slabHeader } from '../../src/batching/slab-layout.js';
import { reserveRows, settleRows } from '../../src/batching/slab-protocol.js';

/** What a writer thread needs to take part in the protocol: shared memory and where things lie. */
export interface WriterData {
  /** Per shape: the index of the slab that takes reservations, then whether a writer needs one. */
  control: Int32Array;
  slabs: {
    words: Int32Array;
    /** Float32 view of the input rows. */
    rows: Float32Array;
    capacity: number;
    floatsPerRow: number;
  }[];
  /** Ids of the rows that this thread writes: [first, end). */
  first: number;
  end: number;
  /** Per row id: 1 when its writer gave it up. */
  discarded: Uint8Array;
  longestRequest: number;
  seed: number;
}

const data: WriterData = workerData;

/** A small generator (mulberry32), so that a run can be repeated. */
let state = data.seed;
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}

let id = data.first;
while (id < data.end) {
  const rows = Math.min(1 + random(data.longestRequest), data.end - id);
  const shape = random(2);
  const open = Atomics.load(data.control, shape * 2);
  const slab = data.slabs[open];
  const row = slab === undefined ? -1 : reserveRows(slab.words, slab.capacity, rows);
  if (slab === undefined || row < 0) {
    Atomics.store(data.control, shape * 2 + 1, 1);
    Atomics.wait(data.control, shape * 2, open, 1);
    continue;
  }
  for (let i = 0; i < rows; i += 1) {
    const at = (row + i) * slab.floatsPerRow;
    slab.rows.fill(id + i, at, at + slab.floatsPerRow);
  }
  const discard = random(20) === 0;
  if (discard) data.discarded.fill(1, id, id + rows);
  const end = discard ? slabHeader.rowCancelled : slabHeader.rowCommitted;
  if (!settleRows(slab.words, row, rows, end)) throw new Error('settled too late');
  id += rows;
}
