import assert from 'node:assert/strict';
import { Assembler, type AssemblerOptions } from '../../src/batching/assembler.js';
import type { Costs } from '../../src/batching/cost-model.js';
import type { Reservation, RowsOwner } from '../../src/batching/reservation.js';
import { SlabBudget } from '../../src/batching/slab-budget.js';
import { SconceError } from '../../src/errors.js';
import type { BatchEvent } from '../../src/native/addon.js';
import type { BatchOutputs } from '../../src/tensors/batch-outputs.js';
import { FakeInstances, oneFloat } from './fake-instances.js';
import { VirtualClock } from './virtual-clock.js';

/** How long batches take: α + β·b, in milliseconds. */
export interface Speed {
  alpha: number;
  beta: number;
}

export interface SimulationOptions extends Partial<AssemblerOptions> {
  speed: Speed;
  instanceCount: number;
  /** What the time of a batch is multiplied by; 1 unless given. */
  noise?: () => number;
}

export interface Asked {
  rows?: number;
  /** Requests of another shape cannot share a batch. */
  shape?: number;
  /** Milliseconds within which it wants its answer. */
  within?: number;
}

/** What became of a request. Times are the clock's milliseconds. */
export class SimulatedRequest implements RowsOwner {
  reservation: Reservation | undefined;
  readonly wantedBy: number;
  startedAt: number | undefined;
  endedAt: number | undefined;
  /** Times that it was told something. */
  heard = 0;
  error: SconceError | undefined;
  cancelled = false;
  /** True when nothing was ahead of it, and nobody with it. */
  wasAlone = false;

  constructor(
    readonly since: number,
    readonly rows: number,
    readonly shape: number,
    within: number,
    private readonly clock: VirtualClock,
  ) {
    this.wantedBy = since + within;
  }

  answered(outputs: BatchOutputs): void {
    this.#end();
    outputs.release();
  }

  failed(error: SconceError): void {
    this.#end();
    this.error = error;
  }

  #end(): void {
    this.heard += 1;
    this.endedAt = this.clock.now();
  }
}

/** Estimates that are never wrong. */
export class ExactCosts implements Costs {
  readonly ceiling: number;

  constructor(
    private readonly speed: Speed,
    capacity: number,
  ) {
    this.ceiling = this.slow(capacity);
  }

  slow(rows: number): number {
    return 1000 * (this.speed.alpha + this.speed.beta * rows);
  }

  expected(rows: number): number {
    return this.slow(rows);
  }

  seed(): void {}

  observe(): void {}

  isStale(): boolean {
    return false;
  }
}

/** A model version whose instances take as long as its speed says, on a virtual clock. */
export class Simulation {
  readonly clock = new VirtualClock();
  readonly instances = new SimulatedInstances(this);
  readonly assembler: Assembler;
  readonly requests: SimulatedRequest[] = [];
  /** Requests that were not admitted. */
  readonly refusals: SconceError[] = [];
  /** Rows of each batch, in the order in which they were taken. */
  readonly batches: number[] = [];
  #running = 0;

  constructor(readonly options: SimulationOptions) {
    const { speed } = options;
    this.assembler = new Assembler(
      this.instances,
      new SlabBudget(1 << 26),
      {
        modelName: 'm',
        modelVersion: '1.0',
        declaredInputs: 'x: float32[n]',
        batchSize: 8,
        queueSize: 100_000,
        responseTimeout: 120_000,
        clientTimeout: 0,
        batchDelay: 0,
        maxShapes: 64,
        clock: this.clock,
        instances: () => options.instanceCount,
        makeCosts: (capacity) => new ExactCosts(speed, capacity),
        ...options,
      },
      () => oneFloat,
    );
  }

  /** A request arrives now; undefined when it is refused. */
  ask({
    rows = 1,
    shape = 1,
    within = Number.POSITIVE_INFINITY,
  }: Asked = {}): SimulatedRequest | undefined {
    const since = this.clock.now();
    const request = new SimulatedRequest(since, rows, shape, within, this.clock);
    const inputs = [{ dtype: 'float32' as const, dims: [shape] }];
    try {
      const { wantedBy } = request;
      request.reservation = this.assembler.reserve(
        ...([`${shape}`, inputs, rows, request, since, wantedBy] as const),
      );
    } catch (error) {
      assert.ok(error instanceof SconceError, String(error));
      this.refusals.push(error);
      return undefined;
    }
    this.requests.push(request);
    request.reservation.commit();
    return request;
  }

  /** Lets time pass until nothing is left to do. */
  drain(): void {
    for (let i = 0; i < 10_000 && this.assembler.pending > 0; i += 1) this.clock.advance(100);
  }

  /** An instance that is idle takes what is most urgent. */
  pull(): void {
    while (this.#running < this.options.instanceCount) {
      const [id] = this.instances.in('rung');
      if (id === undefined) return;
      this.#take(id);
    }
  }

  /** True when an instance has nothing to do although a batch waits. */
  get wastes(): boolean {
    return this.#running < this.options.instanceCount && this.instances.in('rung').length > 0;
  }

  #take(id: number): void {
    const now = this.clock.now();
    const taken = this.requests.filter(
      ({ reservation }) => reservation?.slab.id === id && reservation.waiting,
    );
    this.#check(id, taken);
    for (const request of taken) {
      request.startedAt = now;
      request.wasAlone = taken.length === 1 && now === request.since;
    }
    this.instances.seal(id);
    const rows = this.instances.reserved(id);
    this.batches.push(rows);
    this.#running += 1;
    const { alpha, beta } = this.options.speed;
    const waited = now - (this.instances.rungAt.get(id) ?? now);
    const { noise = () => 1 } = this.options;
    const takes = (alpha + beta * rows) * noise();
    this.clock.after(takes, () => this.#end(id, waited, takes));
  }

  #end(id: number, waited: number, took: number): void {
    const event = this.instances.complete(id);
    event.queueMicroseconds = 1000 * waited;
    event.computeMicroseconds = 1000 * took;
    this.#running -= 1;
    // An instance does not wait until the main loop has heard of its batch.
    this.pull();
    this.assembler.complete(event);
  }

  /** What is true of every batch. */
  #check(id: number, taken: readonly SimulatedRequest[]): void {
    const { batchSize = 8 } = this.options;
    const rows = this.instances.reserved(id);
    assert.ok(rows <= batchSize || taken.length <= 1, `a batch of ${rows} rows`);
    assert.ok(new Set(taken.map(({ shape }) => shape)).size <= 1, 'shapes share a batch');
  }
}

class SimulatedInstances extends FakeInstances {
  readonly rungAt = new Map<number, number>();

  constructor(private readonly simulation: Simulation) {
    super();
  }

  override ring(id: number, order: number, here: boolean): BatchEvent | undefined {
    this.rungAt.set(id, this.simulation.clock.now());
    const event = super.ring(id, order, here);
    this.simulation.pull();
    return event;
  }
}
