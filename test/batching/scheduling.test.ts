import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CostModel } from '../../src/batching/cost-model.js';
import { type Asked, Simulation, type SimulationOptions } from './simulation.js';

interface Arrival extends Asked {
  /** Milliseconds since the arrival before. */
  gap: number;
  /** Milliseconds after which its client goes. */
  leavesAfter?: number | undefined;
}

const speed = fc.record({
  alpha: fc.integer({ min: 1, max: 40 }),
  beta: fc.integer({ min: 0, max: 10 }),
});

const options: fc.Arbitrary<SimulationOptions> = fc.record({
  speed,
  instanceCount: fc.integer({ min: 1, max: 3 }),
  batchSize: fc.integer({ min: 1, max: 8 }),
  responseTimeout: fc.constantFrom(60, 300, 120_000),
  clientTimeout: fc.constantFrom(0, 0, 50),
});

function arrivals(leaves: boolean): fc.Arbitrary<Arrival[]> {
  return fc.array(
    fc.record({
      gap: fc.constantFrom(0, 0, 1, 2, 7, 30),
      rows: fc.constantFrom(1, 1, 1, 2, 3, 9),
      shape: fc.integer({ min: 1, max: 3 }),
      within: fc.oneof(
        fc.constant(Number.POSITIVE_INFINITY),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 3000 }),
      ),
      leavesAfter: leaves
        ? fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined })
        : fc.constant(undefined),
    }),
    { minLength: 1, maxLength: 60 },
  );
}

/** Runs the arrivals to the end, looking at each moment at what must always be so. */
function run(simulation: Simulation, given: readonly Arrival[]): void {
  const { clock, instances } = simulation;
  for (const { gap, leavesAfter, ...asked } of given) {
    // Without a gap requests come in one turn of the event loop.
    if (gap > 0) clock.advance(gap);
    assert.ok(gap === 0 || !simulation.wastes, 'an instance is idle while a batch waits');
    const request = simulation.ask(asked);
    if (request === undefined || leavesAfter === undefined) continue;
    clock.after(leavesAfter, () => {
      if (request.endedAt !== undefined) return;
      request.cancelled = true;
      request.reservation?.cancel();
    });
  }
  simulation.drain();
  assert.deepEqual(instances.violations, []);
  for (const { heard, cancelled } of simulation.requests) assert.equal(heard, cancelled ? 0 : 1);
}

describe('whatever arrives', () => {
  test('what was admitted keeps its deadlines, when batches take as long as is known', () => {
    fc.assert(
      fc.property(options, arrivals(false), (given, requests) => {
        const simulation = new Simulation(given);
        run(simulation, requests);
        const { responseTimeout = 0, clientTimeout = 0 } = given;
        for (const request of simulation.requests) {
          const { since, wantedBy, startedAt = 0, endedAt = 0, error, wasAlone } = request;
          assert.ok(endedAt <= wantedBy, `${endedAt} is later than ${wantedBy}`);
          // The model's own timeouts may be too short for any request.
          if (wasAlone) continue;
          assert.equal(error, undefined);
          assert.ok(endedAt <= since + responseTimeout);
          if (clientTimeout > 0) assert.ok(startedAt <= since + clientTimeout);
        }
      }),
      { numRuns: 1500 },
    );
  });

  test('each request is told once, and no instance is idle while a batch waits, when clients go', () => {
    fc.assert(
      fc.property(options, arrivals(true), (given, requests) => {
        run(new Simulation(given), requests);
      }),
      { numRuns: 500 },
    );
  });

  test('batches run in the order of their deadlines', () => {
    fc.assert(
      fc.property(options, arrivals(false), (given, requests) => {
        const simulation = new Simulation({ ...given, clientTimeout: 0, responseTimeout: 1e6 });
        const { instances } = simulation;
        const seal = instances.seal.bind(instances);
        /** The earliest of those in a slab; who is in no hurry gives way for a second. */
        const dueOf = (id: number): number =>
          Math.min(
            ...simulation.requests
              .filter(({ reservation, endedAt }) => reservation?.slab.id === id && !endedAt)
              .map(({ wantedBy, since }) => Math.min(wantedBy, since + 1000)),
          );
        instances.seal = (id) => {
          const others = instances.in('rung').map(dueOf);
          assert.ok(dueOf(id) <= Math.min(...others), 'another batch is more urgent');
          seal(id);
        };
        run(simulation, requests);
      }),
      { numRuns: 500 },
    );
  });

  test('nothing is refused that nothing stands in the way of', () => {
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 8 }), (given, rows) => {
        const simulation = new Simulation({ ...given, clientTimeout: 0, responseTimeout: 1e6 });
        const { alpha, beta } = given.speed;
        const takes = alpha + beta * rows;
        assert.notEqual(simulation.ask({ rows, within: takes }), undefined);
        simulation.drain();
        assert.equal(simulation.ask({ rows, within: takes - 0.5 }), undefined);
        assert.equal(simulation.refusals[0]?.code, 'REQUEST_TIMEOUT_TOO_SHORT');
      }),
    );
  });
});

/** Always the same numbers between 0 and 1. */
function randomNumbers(from: number): () => number {
  let seed = from;
  return () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed + 1) / 2 ** 32;
  };
}

test('under twice the load that can be served few of those that are admitted are late, and few instances idle, when batches take between half and three times as long as usual', () => {
  const uniform = randomNumbers(7);
  const speed = { alpha: 5, beta: 1 };
  const simulation = new Simulation({
    speed,
    instanceCount: 2,
    makeCosts: (capacity) => new CostModel(capacity),
    // One batch of ten is much slower than the others.
    noise: () => (uniform() < 0.1 ? 1 + 2 * uniform() : 0.5 + uniform()),
  });
  const { clock } = simulation;
  const began = clock.now();
  // Two instances can serve 8 rows in 13 ms each: 1.2 a millisecond.
  for (let i = 0; i < 20_000; i += 1) {
    clock.advance(-Math.log(uniform()) / 2.4);
    simulation.ask({ within: 30 + 70 * uniform() });
  }
  const served = simulation.requests.filter(({ endedAt }) => endedAt !== undefined);
  const late = served.filter(({ endedAt = 0, wantedBy }) => endedAt > wantedBy);
  const rate = (served.length - late.length) / (clock.now() - began);
  assert.ok(simulation.refusals.length > 0.3 * 20_000);
  assert.ok(late.length < 0.1 * served.length, `${late.length} of ${served.length} are late`);
  assert.ok(rate > 0.75 * 1.2, `${rate} a millisecond`);
});

describe('requests of another shape', () => {
  test('get their turn while those of one shape never end', () => {
    const simulation = new Simulation({ speed: { alpha: 5, beta: 1 }, instanceCount: 1 });
    const { clock } = simulation;
    for (let i = 0; i < 200; i += 1) {
      simulation.ask({ shape: 1, rows: 4 });
      clock.advance(1);
    }
    // Hundreds of milliseconds of work wait, and more comes all the time.
    const waiting = simulation.assembler.queued;
    const other = simulation.ask({ shape: 2 });
    for (let i = 0; i < 2000; i += 1) {
      simulation.ask({ shape: 1, rows: 4 });
      clock.advance(1);
    }
    // Two requests make a batch, which takes 13 ms; one runs, and one may be half full.
    const turn = 13 * (waiting / 2 + 2);
    assert.ok(other?.startedAt !== undefined && other.startedAt - other.since <= turn);
  });

  test('wait for a second at most for those that are in a hurry', () => {
    const simulation = new Simulation({ speed: { alpha: 5, beta: 1 }, instanceCount: 1 });
    const { clock } = simulation;
    const flood = (milliseconds: number): void => {
      for (let i = 0; i < milliseconds; i += 1) {
        simulation.ask({ shape: 1, rows: 8, within: 40 });
        clock.advance(1);
      }
    };
    flood(100);
    const other = simulation.ask({ shape: 2 });
    flood(3000);
    assert.ok(other?.startedAt !== undefined);
    const waited = other.startedAt - other.since;
    // Those in a hurry that came before its second was over, and the batch that runs.
    assert.ok(waited > 500 && waited <= 1000 + 40 + 13, `${waited} ms`);
  });
});

describe('batches are as large as', () => {
  test('the most urgent of their requests allows', () => {
    // Three rows take 8 ms, four take 9.
    const simulation = new Simulation({ speed: { alpha: 5, beta: 1 }, instanceCount: 1 });
    const running = simulation.ask({ rows: 8 });
    simulation.clock.turn();
    const urgent = simulation.ask({ within: 13 + 8 });
    for (let i = 0; i < 6; i += 1) simulation.ask();
    simulation.drain();
    assert.equal(running?.startedAt, 1000);
    assert.deepEqual(simulation.batches, [8, 3, 4]);
    assert.equal(urgent?.endedAt, urgent?.wantedBy);
  });

  test('the more urgent one that comes later allows, which goes first', () => {
    const simulation = new Simulation({ speed: { alpha: 5, beta: 1 }, instanceCount: 1 });
    simulation.ask({ rows: 8 });
    simulation.clock.turn();
    const patient = [1, 2, 3, 4, 5, 6].map(() => simulation.ask());
    simulation.clock.turn();
    const urgent = simulation.ask({ within: 13 + 6 });
    const last = simulation.ask();
    simulation.drain();
    assert.deepEqual(simulation.batches, [8, 1, 7]);
    assert.equal(urgent?.endedAt, urgent?.wantedBy);
    assert.ok(patient.every((request) => request?.endedAt === last?.endedAt));
  });

  test('one that is more urgent than what waits allows, of which instances hear at once', () => {
    const simulation = new Simulation({ speed: { alpha: 5, beta: 1 }, instanceCount: 1 });
    const { clock, instances } = simulation;
    simulation.ask({ rows: 8 });
    clock.turn();
    simulation.ask({ shape: 2, rows: 8 });
    assert.equal(instances.in('rung').length, 1);
    const patient = simulation.ask({ shape: 3 });
    assert.equal(instances.in('rung').length, 1, 'who is not in a hurry waits for others to come');
    const urgent = simulation.ask({ shape: 4, within: 13 + 6 });
    assert.equal(instances.in('rung').length, 3);
    simulation.drain();
    assert.equal(urgent?.endedAt, urgent?.wantedBy);
    assert.ok(patient?.endedAt);
  });

  test('the closed form says, under a steady load', () => {
    // Between two batches as many rows arrive as the next one holds: b = λ·(α + β·b).
    const [rate, alpha, beta] = [1.2, 10, 0.5];
    const simulation = new Simulation({
      speed: { alpha, beta },
      instanceCount: 1,
      batchSize: 1024,
    });
    const uniform = randomNumbers(42);
    for (let i = 0; i < 60_000; i += 1) {
      simulation.clock.advance(-Math.log(uniform()) / rate);
      simulation.ask();
    }
    simulation.drain();
    const { batches } = simulation;
    const mean = batches.reduce((sum, rows) => sum + rows, 0) / batches.length;
    const expected = (rate * alpha) / (1 - rate * beta);
    // About 2,000 batches, whose sizes deviate by 7 and depend on the one before: 1 % is one σ.
    assert.ok(Math.abs(mean / expected - 1) < 0.05, `${mean} instead of ${expected}`);
  });
});
