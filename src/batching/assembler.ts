import { UnorderedSet } from '../collections/unordered-set.js';
import { SconceError, toSconceError } from '../errors.js';
import type { BatchEvent } from '../native/addon.js';
import { blockOffsets, type OutputSignature } from '../tensors/batch-outputs.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { Backlog } from './backlog.js';
import { Bell } from './bell.js';
import { type Clock, realClock } from './clock.js';
import { type AnswerNames, Completion, unrun } from './completion.js';
import { Deadlines, lateness, type TimeLimits } from './deadlines.js';
import { HangWatch } from './hang-watch.js';
import { Placement } from './placement.js';
import { Reservation, type RowsOwner } from './reservation.js';
import type { RingsOptions } from './rings.js';
import type { Slab } from './slab.js';
import type { SlabBudget } from './slab-budget.js';
import { slabHeader } from './slab-layout.js';
import { cancelRows, settleRows } from './slab-protocol.js';
import type { SlabHost, SlabInRing, SlabRing } from './slab-ring.js';

export interface AssemblerOptions extends TimeLimits, AnswerNames, RingsOptions {
  /** Most requests that wait for an instance. */
  queueSize: number;
  /** Instances that take batches; one unless given. */
  instances?: () => number;
  /** Node's unless given. */
  clock?: Clock;
}

/** What the instances have to do. */
export interface Load {
  /** Requests that an instance could take. */
  waiting: number;
  /** Batches that are with an instance. */
  running: number;
}

/**
 * Puts requests' rows into slabs and takes the answers apart again, for one model version. Runs on
 * the main loop; the slabs themselves are shared with the instances.
 *
 * A row is reserved, written, committed; at the end of the turn the bell is rung once for each
 * slab that has something new; an idle instance takes the most urgent slab as it is at that moment.
 */
export class Assembler {
  readonly #slabs = new Map<number, SlabInRing>();
  /** Unanswered reservations. */
  readonly #waiting = new UnorderedSet<Reservation>();
  /** Requests that these are. */
  #pending = 0;
  readonly #clock: Clock;
  readonly #bell: Bell;
  readonly #backlog: Backlog;
  readonly #placement: Placement;
  readonly #completion: Completion;
  readonly #deadlines: Deadlines;
  readonly #hangWatch: HangWatch;
  /** True until the end of a turn in which a batch has run on the main loop. */
  #hasRunHere = false;
  #closed = false;
  #drained: (() => void) | undefined;

  /** @param stuck told how many batches have run for longer than responseTimeout, at each change */
  constructor(
    private readonly host: SlabHost,
    budget: SlabBudget,
    private readonly options: AssemblerOptions,
    signatureOf: (id: number) => OutputSignature,
    stuck: (batches: number) => void = () => {},
  ) {
    const { clock = realClock, instances = () => 1, batchDelay, responseTimeout } = options;
    this.#clock = clock;
    this.#bell = new Bell(clock, batchDelay, (slab) => this.#ring(slab));
    this.#backlog = new Backlog(instances);
    this.#placement = new Placement(
      { host, slabs: this.#slabs, budget, bell: this.#bell, backlog: this.#backlog, instances },
      options,
    );
    this.#completion = new Completion(options, {
      slabs: this.#slabs,
      placement: this.#placement,
      signatureOf,
      finish: (reservation) => this.#finish(reservation),
      commit: (reservation) => this.commit(reservation),
      released: () => this.#checkDrained(),
    });
    this.#deadlines = new Deadlines(this.#waiting, options, clock);
    this.#hangWatch = new HangWatch(this.#slabs, responseTimeout, stuck);
  }

  /** Requests admitted and not answered. */
  get pending(): number {
    return this.#pending;
  }

  /** Requests that no instance has taken yet. */
  get queued(): number {
    let count = 0;
    for (const { slab } of this.#slabs.values()) {
      if (!slab.sealed) count += slab.waiting;
    }
    return count;
  }

  get load(): Load {
    const load = { waiting: 0, running: 0 };
    for (const { slab } of this.#slabs.values()) {
      if (!slab.rung) continue;
      if (!slab.sealed) load.waiting += slab.waiting;
      else if (!slab.returned) load.running += 1;
    }
    return load;
  }

  /** Sizes the output areas from what warm-up returned. */
  expectOutputs(signature: OutputSignature): void {
    const { batchSize } = this.options;
    const bytes = blockOffsets(signature.outputs, batchSize).at(-1) ?? 0;
    this.#placement.rings.expectOutputs(Math.ceil(bytes / batchSize));
  }

  /** What warm-up has measured: microseconds of batches of so many rows of a shape. */
  expectCosts(
    inputs: readonly TensorSpec[],
    rows: readonly number[],
    microseconds: readonly number[],
  ): void {
    this.#placement.rings.expectCosts(inputs, rows, microseconds);
  }

  /**
   * Reserves adjacent rows for a request. `key` names the row shape (`inputs`); the time to
   * answer counts from `since`.
   *
   * The rows of a request stay together: more than batchSize are a batch of their own.
   *
   * @param since when the request arrived, in the clock's milliseconds
   * @param wantedBy when it wants its answer; what cannot be in time is not admitted
   * @throws {SconceError} NO_CAPACITY when the queue is full, MEMORY_FULL, INVALID_REQUEST when
   *   the rows are more than memory allows for, RESPONSE_TIMEOUT and CLIENT_TIMEOUT when it is too
   *   late already, REQUEST_TIMEOUT_TOO_SHORT and BACKLOG_TOO_LONG when it will be, MODEL_CLOSED
   *   after close().
   */
  reserve(
    key: string,
    inputs: readonly TensorSpec[],
    rows: number,
    owner: RowsOwner,
    since = this.#clock.now(),
    wantedBy = Number.POSITIVE_INFINITY,
  ): Reservation {
    const { modelName, modelVersion, queueSize } = this.options;
    if (this.#closed) throw new SconceError('MODEL_CLOSED', modelName, modelVersion);
    const isAdmitted = owner.isAdmitted === true;
    const { requests = 1 } = owner;
    if (!isAdmitted && this.#pending + requests > queueSize && this.#queueFull(requests)) {
      throw new SconceError('NO_CAPACITY', modelName);
    }
    if (rows < 1) throw new SconceError('INVALID_REQUEST', 'the request has no rows');
    const now = this.#clock.now();
    const late = lateness(this.options, since, false, now);
    if (late !== undefined) throw late;
    const arrival = { rows, since, wantedBy };
    const { slab, row } = this.#placement.place(key, inputs, arrival, isAdmitted, now);
    const reservation = new Reservation(this, slab, row, rows, owner, since, wantedBy);
    this.#placement.join(reservation);
    this.#waiting.add(reservation);
    this.#pending += requests;
    this.#deadlines.watch(reservation);
    return reservation;
  }

  commit(reservation: Reservation): void {
    this.#settle(reservation, slabHeader.rowCommitted);
  }

  discard(reservation: Reservation): void {
    this.#finish(reservation);
    this.#settle(reservation, slabHeader.rowCancelled);
  }

  cancel(reservation: Reservation): void {
    if (!reservation.waiting) return;
    this.#finish(reservation);
    if (reservation.settled) {
      cancelRows(reservation.slab.words, reservation.row, reservation.rows);
    }
  }

  /** The requests of a batch that has come back and is not completed yet. */
  requestIds(slabId: number): string[] {
    const reservations = this.#slabs.get(slabId)?.slab.reservations ?? [];
    return reservations.flatMap(({ owner }) => owner.requestId ?? []);
  }

  /** Hands out the answers of a batch. */
  complete(event: BatchEvent): void {
    const entry = this.#slabs.get(event.slab);
    if (entry === undefined) return;
    const { slab, ring } = entry;
    this.#returned(slab, ring, event);
    this.#completion.complete(event, slab, ring);
  }

  /** Refuses new rows and resolves when everything admitted is answered and every slab is back. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#bell.hurry();
    if (!this.#idle()) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    this.#deadlines.stop();
    this.#placement.rings.close();
  }

  /**
   * Answers every request with an error, at once: its rows are dropped, or their outputs. Throws
   * what an owner has thrown, after all have been told.
   */
  fail(error: SconceError): void {
    const thrown: unknown[] = [];
    for (const reservation of this.#waiting.all) {
      if (!reservation.waiting) continue;
      reservation.cancel();
      try {
        reservation.owner.failed(error);
      } catch (mistake) {
        thrown.push(mistake);
      }
    }
    if (thrown.length > 0) throw thrown[0];
  }

  /**
   * Answers what was with the instances: they are gone, and no batch comes back any more.
   *
   * @param reason why, for the clients
   */
  abandon(reason: string): void {
    const error = { code: 'MODEL_FAILED', message: `${reason}; lost is what was given` };
    for (const { slab } of [...this.#slabs.values()]) {
      if (slab.rung && !slab.returned) this.complete(unrun(slab, error));
    }
  }

  /**
   * As many requests wait as may. While no batch is with the instances, the requests of the next
   * one do not count: it would be theirs already if it were rung for each request.
   */
  #queueFull(requests: number): boolean {
    const { queueSize, batchSize } = this.options;
    const { queued } = this;
    if (queued + requests <= queueSize) return false;
    for (const { slab } of this.#slabs.values()) if (slab.rung && !slab.returned) return true;
    return queued + requests > queueSize + batchSize;
  }

  #idle(): boolean {
    return this.#waiting.size === 0 && this.#bell.idle && this.#placement.rings.idle;
  }

  #settle(
    reservation: Reservation,
    state: typeof slabHeader.rowCommitted | typeof slabHeader.rowCancelled,
  ): void {
    if (reservation.settled) return;
    reservation.settled = true;
    const { slab } = reservation;
    const wanted = reservation.waiting ? state : slabHeader.rowCancelled;
    settleRows(slab.words, reservation.row, reservation.rows, wanted);
    if (reservation.leftBehind) {
      this.#completion.caughtUp(reservation);
      return;
    }
    if (!slab.rung && !slab.sealed) this.#bell.settled(slab);
  }

  /** Tells the instances of a slab. */
  #ring(slab: Slab): void {
    slab.rung = true;
    this.#hangWatch.start();
    this.#backlog.rung(slab, this.#clock.now());
    try {
      // One batch in each turn runs on the main loop: more of them would keep it from the requests
      // that it could read while an instance computes the rest.
      const event = this.host.ring(slab.id, slab.order, !this.#hasRunHere);
      if (event === undefined) return;
      this.#hasRunHere = true;
      this.#clock.atEndOfTurn(() => {
        this.#hasRunHere = false;
      });
      // Not at once: whoever rings may be in the middle of committing rows that this answers.
      queueMicrotask(() => this.complete(event));
    } catch (error) {
      // The instances are gone: nobody else will send the slab back.
      this.complete(unrun(slab, toSconceError(error)));
    }
  }

  #returned(slab: Slab, ring: SlabRing, event: BatchEvent): void {
    const now = this.#clock.now();
    slab.returned = true;
    this.#hangWatch.returned(slab);
    this.#backlog.returned(slab, now);
    if (ring.open === slab) ring.open = undefined;
    // What failed was tried more than once.
    if (event.errors !== undefined) return;
    this.#backlog.ran(slab, event.queueMicroseconds + event.computeMicroseconds, now);
    this.#placement.ran(ring, event.rows, event.computeMicroseconds, now);
  }

  #finish(reservation: Reservation): void {
    if (!this.#waiting.delete(reservation)) return;
    reservation.waiting = false;
    this.#pending -= reservation.requests;
    reservation.slab.waiting -= reservation.requests;
  }

  #checkDrained(): void {
    if (this.#drained === undefined || !this.#idle()) return;
    this.#drained();
    this.#drained = undefined;
  }
}
