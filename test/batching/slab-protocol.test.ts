import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { slabHeader } from '../../src/batching/slab-layout.js';
import {
  cancelRows,
  isSealed,
  reservedRows,
  reserveRows,
  resetHeader,
  settledRows,
  settleRows,
} from '../../src/batching/slab-protocol.js';
import { instanceSide } from './fake-instances.js';

const { rowCommitted, rowCancelled, rowEmpty, rowsWord } = slabHeader;

function header(capacity: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * (rowsWord + 2 * capacity)));
}

describe('one step at a time', () => {
  test('rows are handed out once, adjacent, up to the capacity', () => {
    const words = header(5);
    assert.equal(reserveRows(words, 5, 2), 0);
    assert.equal(reserveRows(words, 5, 3), 2);
    assert.equal(reserveRows(words, 5, 1), -1);
    assert.equal(reservedRows(words), 5);
  });

  test('a request that does not fit leaves the slab open for smaller ones', () => {
    const words = header(4);
    assert.equal(reserveRows(words, 4, 3), 0);
    assert.equal(reserveRows(words, 4, 2), -1);
    assert.equal(reserveRows(words, 4, 1), 3);
  });

  test('nothing is reserved after the seal, and the count stays what it was', () => {
    const words = header(4);
    reserveRows(words, 4, 1);
    assert.equal(instanceSide.seal(words), 1);
    assert.ok(isSealed(words));
    assert.equal(reserveRows(words, 4, 1), -1);
    assert.equal(reservedRows(words), 1);
  });

  test('a writer that settles after the slab was closed learns that it came too late', () => {
    const words = header(2);
    const first = reserveRows(words, 2, 1);
    const second = reserveRows(words, 2, 1);
    assert.equal(settleRows(words, first, 1, rowCommitted), true);
    const reserved = instanceSide.seal(words);
    assert.equal(instanceSide.close(words, reserved), false);
    assert.ok(settledRows(words) < reservedRows(words), 'the slab counts as abandoned');
    assert.equal(settleRows(words, second, 1, rowCommitted), false);
  });

  test('a recycled slab is as new', () => {
    const words = header(3);
    settleRows(words, reserveRows(words, 3, 3), 3, rowCommitted);
    cancelRows(words, 1, 1);
    instanceSide.close(words, instanceSide.seal(words));
    resetHeader(words, 3);
    assert.equal(reserveRows(words, 3, 3), 0);
    assert.deepEqual([...words.subarray(rowsWord, rowsWord + 3)], [rowEmpty, rowEmpty, rowEmpty]);
    assert.equal(settledRows(words), 0);
  });
});

/** A writer as a list of atomic steps; `at` is the step it takes next. */
interface Writer {
  rows: number;
  end: typeof rowCommitted | typeof rowCancelled;
  at: 'reserve' | 'settle' | 'done';
  first: number;
  inTime: boolean;
}

interface World {
  words: Int32Array;
  capacity: number;
  writers: Writer[];
  instance: 'seal' | 'close' | 'done';
  reserved: number;
  complete: boolean;
  /** What the instance saw in each row when it closed the slab. */
  seen: number[];
}

function copy(world: World): World {
  const words = header(world.capacity);
  words.set(world.words);
  return { ...world, words, writers: world.writers.map((writer) => ({ ...writer })) };
}

/** Every world that one atomic step of one thread can lead to. */
function successors(world: World, patient: boolean): World[] {
  const next: World[] = [];
  for (const i of world.writers.keys()) {
    const after = copy(world);
    const writer = after.writers[i];
    if (writer === undefined || writer.at === 'done') continue;
    if (writer.at === 'reserve') {
      writer.first = reserveRows(after.words, after.capacity, writer.rows);
      writer.at = writer.first < 0 ? 'done' : 'settle';
    } else {
      writer.inTime = settleRows(after.words, writer.first, writer.rows, writer.end);
      writer.at = 'done';
    }
    next.push(after);
  }
  const after = copy(world);
  if (world.instance === 'seal') {
    after.reserved = instanceSide.seal(after.words);
    after.instance = 'close';
    next.push(after);
  } else if (world.instance === 'close') {
    if (!patient || settledRows(world.words) >= world.reserved) {
      after.complete = instanceSide.close(after.words, after.reserved);
      after.seen = [...after.words.subarray(rowsWord, rowsWord + after.reserved)];
      after.instance = 'done';
      next.push(after);
    }
  }
  return next;
}

function check(world: World): void {
  const owners = new Map<number, number>();
  for (const [i, writer] of world.writers.entries()) {
    if (writer.first < 0) continue;
    for (let row = writer.first; row < writer.first + writer.rows; row += 1) {
      assert.ok(row < world.capacity, 'a row beyond the capacity');
      assert.equal(owners.get(row), undefined, 'a row with two owners');
      owners.set(row, i);
    }
  }
  if (world.instance !== 'done') return;
  for (const [i, writer] of world.writers.entries()) {
    const got = writer.first >= 0;
    const sealedIn = got && writer.first + writer.rows <= world.reserved;
    assert.equal(got, sealedIn, `writer ${i} reserved rows that the seal does not count`);
    if (!got || writer.at !== 'done') continue;
    const seen = world.seen.slice(writer.first, writer.first + writer.rows);
    if (writer.inTime) {
      assert.deepEqual(seen, Array(writer.rows).fill(writer.end), 'settled in time, not seen');
    } else {
      assert.equal(world.complete, false, 'a late writer in a slab that counts as complete');
    }
  }
  if (world.complete) {
    assert.ok(
      world.seen.every((state) => state === rowCommitted || state === rowCancelled),
      'a complete slab with an unsettled row',
    );
  }
}

/** Walks through every interleaving; returns how many ends there are. */
function explore(world: World, patient: boolean): number {
  check(world);
  const next = successors(world, patient);
  if (next.length === 0) {
    assert.equal(world.instance, 'done', 'a world in which nobody can move');
    return 1;
  }
  return next.reduce((ends, after) => ends + explore(after, patient), 0);
}

function start(capacity: number, writers: Pick<Writer, 'rows' | 'end'>[]): World {
  return {
    words: header(capacity),
    capacity,
    writers: writers.map((writer) => ({ ...writer, at: 'reserve', first: -1, inTime: false })),
    instance: 'seal',
    reserved: 0,
    complete: false,
    seen: [],
  };
}

describe('every interleaving of writers and an instance', () => {
  for (const patient of [true, false]) {
    test(`three writers, ${patient ? 'an instance that waits' : 'an instance that gives up at any moment'}`, () => {
      const ends = explore(
        start(4, [
          { rows: 1, end: rowCommitted },
          { rows: 2, end: rowCommitted },
          { rows: 2, end: rowCancelled },
        ]),
        patient,
      );
      assert.ok(ends > 300, `${ends} interleavings`);
    });
  }

  test('any capacity and any two or three writers', () => {
    const writer = fc.record({
      rows: fc.integer({ min: 1, max: 4 }),
      end: fc.constantFrom(rowCommitted, rowCancelled),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(writer, { minLength: 2, maxLength: 3 }),
        fc.boolean(),
        (capacity, writers, patient) => {
          explore(start(capacity, writers), patient);
        },
      ),
      { numRuns: 60 },
    );
  });
});
