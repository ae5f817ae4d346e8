import { isErrorCode, SconceError, toSconceError } from '../errors.js';
import type { BatchEvent, RowError } from '../native/addon.js';
import { BatchOutputs, blockOffsets, type OutputSignature } from '../tensors/batch-outputs.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { longestTimer } from '../timers.js';
import { HangWatch } from './hang-watch.js';
import { Reservation, type RowsOwner } from './reservation.js';
import type { Slab } from './slab.js';
import type { SlabBudget } from './slab-budget.js';
import { slabHeader } from './slab-layout.js';
import { cancelRows, settleRows } from './slab-protocol.js';
import { type SlabHost, type SlabInRing, SlabRing, slabCapacity } from './slab-ring.js';

export interface AssemblerOptions {
  /** For messages. */
  modelName: string;
  modelVersion: string;
  /** What the model says it takes, for messages: `features: float32[n, 64]`. */
  declaredInputs: string;
  /** Most rows in a batch. */
  batchSize: number;
  /** Most requests that wait for an instance. */
  queueSize: number;
  /** Milliseconds from the arrival of a request to its answer. */
  responseTimeout: number;
  /**
   * Milliseconds within which an instance must have taken a request, batchDelay not counted; 0 for
   * as long as it takes.
   */
  clientTimeout: number;
  /**
   * Milliseconds that a slab which is not full waits for more rows although an instance may be
   * idle: TorchServe's way. 0 rings at the end of the turn.
   */
  batchDelay: number;
  /** Shape keys kept at the same time; the least recently used goes first. */
  maxShapes: number;
}

/** Turns of the event loop that the bell waits for the one in which no request comes. */
const mostTurnsDeferred = 4;

/** Shape keys whose slabs are kept when the configuration does not say. */
export const defaultMaxShapes = 64;

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
 * slab that has something new; an idle instance takes the slab as it is at that moment.
 */
export class Assembler {
  readonly #rings = new Map<string, SlabRing>();
  readonly #slabs = new Map<number, SlabInRing>();
  /** Slabs with rows that were settled since the bell was last rung. */
  readonly #toRing: Slab[] = [];
  #bell: NodeJS.Immediate | undefined;
  /** Slabs that wait for more rows before the bell is rung; only with a batchDelay. */
  readonly #delayed = new Map<Slab, NodeJS.Timeout>();
  /** True when no rows were settled since the last turn ended. */
  #quietTurn = false;
  #turnsDeferred = 0;
  /** Unanswered reservations. */
  readonly #waiting = new Set<Reservation>();
  #deadline: NodeJS.Timeout | undefined;
  /** When #deadline is due, in performance.now() milliseconds. */
  #deadlineAt = Number.POSITIVE_INFINITY;
  #outputBytesPerRow = 0;
  #closed = false;
  #drained: (() => void) | undefined;
  readonly #hangWatch: HangWatch;

  /** @param stuck told how many batches have run for longer than responseTimeout, at each change */
  constructor(
    private readonly host: SlabHost,
    private readonly budget: SlabBudget,
    private readonly options: AssemblerOptions,
    private readonly signatureOf: (id: number) => OutputSignature,
    stuck: (batches: number) => void = () => {},
  ) {
    this.#hangWatch = new HangWatch(this.#slabs, options.responseTimeout, stuck);
  }

  /** Requests admitted and not answered. */
  get pending(): number {
    return this.#waiting.size;
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
    const bytes = blockOffsets(signature.outputs, this.options.batchSize).at(-1) ?? 0;
    this.#outputBytesPerRow = Math.max(
      this.#outputBytesPerRow,
      Math.ceil(bytes / this.options.batchSize),
    );
  }

  /**
   * Reserves adjacent rows for a request. `key` names the row shape (`inputs`); the time to
   * answer counts from `since`, in performance.now() milliseconds.
   *
   * The rows of a request stay together: more than batchSize are a batch of their own.
   *
   * @throws {SconceError} NO_CAPACITY when the queue is full, MEMORY_FULL, INVALID_REQUEST when
   *   the rows are more than memory allows for, MODEL_CLOSED after close().
   */
  reserve(
    key: string,
    inputs: readonly TensorSpec[],
    rows: number,
    owner: RowsOwner,
    since = performance.now(),
  ): Reservation {
    const { modelName, modelVersion, queueSize } = this.options;
    if (this.#closed) throw new SconceError('MODEL_CLOSED', modelName, modelVersion);
    const mayWait = owner.isAdmitted === true || this.#waiting.size < queueSize;
    if (!mayWait && this.#queueFull()) {
      throw new SconceError('NO_CAPACITY', modelName);
    }
    if (rows < 1) throw new SconceError('INVALID_REQUEST', 'the request has no rows');
    const ring = this.#ringFor(key, inputs, rows);
    const reservation = this.#place(ring, rows, owner, since);
    this.#waiting.add(reservation);
    const due = this.#deadlineOf(reservation);
    if (due < this.#deadlineAt) this.#watchDeadline(due);
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
    slab.returned = true;
    this.#hangWatch.returned(slab);
    if (ring.open === slab) ring.open = undefined;
    slab.leases = 1; // ours, until every owner has been called
    const outputs = event.rows > 0 ? this.#outputsOf(event, slab, ring) : undefined;
    const thrown: unknown[] = [];
    for (const reservation of slab.reservations) {
      // Until its writer settles the memory is the writer's.
      if (!reservation.settled) this.#leaveBehind(reservation);
      if (!reservation.waiting) continue;
      try {
        this.#answer(reservation, outputs, event);
      } catch (error) {
        // An owner that fails may not cost the others of its batch their answers.
        thrown.push(error);
      }
    }
    this.#release(slab, ring);
    if (thrown.length > 0) throw thrown[0];
  }

  /**
   * Refuses new rows and resolves when everything admitted is answered and every slab is back.
   */
  async close(): Promise<void> {
    this.#closed = true;
    for (const slab of [...this.#delayed.keys()]) this.#ringDelayed(slab);
    if (!this.#idle()) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    clearTimeout(this.#deadline);
    for (const ring of this.#rings.values()) ring.close();
    this.#rings.clear();
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
  #queueFull(): boolean {
    const { queueSize, batchSize } = this.options;
    const { queued } = this;
    if (queued < queueSize) return false;
    for (const { slab } of this.#slabs.values()) if (slab.rung && !slab.returned) return true;
    return queued >= queueSize + batchSize;
  }

  #idle(): boolean {
    if (this.#waiting.size > 0 || this.#toRing.length > 0 || this.#delayed.size > 0) return false;
    for (const ring of this.#rings.values()) if (!ring.idle) return false;
    return true;
  }

  #ringFor(key: string, inputs: readonly TensorSpec[], rows: number): SlabRing {
    const { batchSize } = this.options;
    const ring = this.#rings.get(key) ?? this.#makeRing(key, inputs, batchSize, false);
    if (rows <= ring.capacity) return ring;
    const most = slabCapacity(inputs, slabHeader.maxCapacity, this.budget.limit);
    if (rows > most) {
      throw new SconceError(
        'INVALID_REQUEST',
        `the request has ${rows} rows; slabMemory allows for ${most} of this shape`,
      );
    }
    // Powers of two: few sizes of slabs serve requests of every size.
    const capacity = Math.min(most, 2 ** Math.ceil(Math.log2(rows)));
    const ownKey = `${key} in ${capacity}`;
    return this.#rings.get(ownKey) ?? this.#makeRing(ownKey, inputs, capacity, true);
  }

  #makeRing(
    key: string,
    inputs: readonly TensorSpec[],
    rows: number,
    exclusive: boolean,
  ): SlabRing {
    if (this.#rings.size >= this.options.maxShapes) this.#dropOldestRing();
    const { host, budget } = this;
    const outputBytes = this.#outputBytesPerRow * rows;
    const ring = new SlabRing(host, this.#slabs, budget, inputs, rows, outputBytes, exclusive);
    this.#rings.set(key, ring);
    return ring;
  }

  #dropOldestRing(): void {
    let oldest: [string, SlabRing] | undefined;
    for (const entry of this.#rings) {
      if (!entry[1].idle) continue;
      if (oldest === undefined || entry[1].lastUsed < oldest[1].lastUsed) oldest = entry;
    }
    if (oldest === undefined) throw new SconceError('NO_CAPACITY', this.options.modelName);
    oldest[1].close();
    this.#rings.delete(oldest[0]);
  }

  #place(ring: SlabRing, rows: number, owner: RowsOwner, since: number): Reservation {
    const { slab, row } = this.#take(ring, rows);
    const reservation = new Reservation(this, slab, row, rows, owner, since);
    this.#join(reservation);
    ring.lastUsed = since;
    return reservation;
  }

  #join(reservation: Reservation): void {
    const { slab } = reservation;
    slab.reservations.push(reservation);
    slab.waiting += 1;
  }

  /** Takes adjacent rows of the open slab, or of another. */
  #take(ring: SlabRing, rows: number): { slab: Slab; row: number } {
    let slab = ring.open;
    let row = slab === undefined ? -1 : slab.reserve(rows);
    if (slab === undefined || row < 0) {
      // Nothing more will come into the one before.
      if (slab !== undefined && this.#delayed.has(slab)) this.#ringDelayed(slab);
      slab = ring.nextOpen(this.options.modelName);
      row = slab.reserve(rows);
      if (row < 0) throw new SconceError('INTERNAL', 'a fresh slab refused a reservation');
    }
    if (ring.exclusive) ring.open = undefined;
    return { slab, row };
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
      reservation.leftBehind = false;
      const ring = this.#slabs.get(slab.id)?.ring;
      if (reservation.waiting) this.#move(reservation);
      if (ring !== undefined) this.#release(slab, ring);
      return;
    }
    if (slab.rung || slab.sealed) return;
    if (this.options.batchDelay > 0) {
      if (slab.full) this.#ringDelayed(slab);
      else this.#delay(slab);
      return;
    }
    if (!this.#toRing.includes(slab)) this.#toRing.push(slab);
    // A full slab gains nothing by waiting.
    if (slab.full) {
      this.#ring();
      return;
    }
    this.#quietTurn = false;
    this.#bell ??= setImmediate(() => this.#turnEnded());
  }

  #delay(slab: Slab): void {
    if (this.#closed) {
      this.#ringDelayed(slab);
    } else if (!this.#delayed.has(slab)) {
      const timer = setTimeout(() => this.#ringDelayed(slab), this.options.batchDelay);
      this.#delayed.set(slab, timer);
    }
  }

  #ringDelayed(slab: Slab): void {
    clearTimeout(this.#delayed.get(slab));
    this.#delayed.delete(slab);
    this.#toRing.push(slab);
    this.#ring();
  }

  /**
   * Rings at the end of a turn in which no request came, so that all requests that are there to be
   * read run together: small batches cost the main loop more in wake-ups than they gain.
   */
  #turnEnded(): void {
    if (!this.#quietTurn && this.#turnsDeferred < mostTurnsDeferred) {
      this.#quietTurn = true;
      this.#turnsDeferred += 1;
      this.#bell = setImmediate(() => this.#turnEnded());
      return;
    }
    this.#ring();
  }

  #ring(): void {
    clearImmediate(this.#bell);
    this.#bell = undefined;
    this.#turnsDeferred = 0;
    this.#hangWatch.start();
    for (const slab of this.#toRing.splice(0)) {
      slab.rung = true;
      try {
        this.host.ring(slab.id);
      } catch (error) {
        // The instances are gone: nobody else will send the slab back.
        this.complete(unrun(slab, toSconceError(error)));
      }
    }
  }

  #outputsOf(event: BatchEvent, slab: Slab, ring: SlabRing): BatchOutputs {
    const signature = this.signatureOf(event.signature);
    if (event.overflow !== undefined) {
      ring.growOutputs(blockOffsets(signature.outputs, ring.capacity).at(-1) ?? 0);
    }
    return new BatchOutputs(
      signature,
      event.overflow ?? slab.outputArea,
      event.rows,
      event.queueMicroseconds,
      () => this.#release(slab, ring),
    );
  }

  #answer(reservation: Reservation, outputs: BatchOutputs | undefined, event: BatchEvent): void {
    const { owner, row, rows, slab } = reservation;
    const error = event.errors?.find(
      (failure) => failure.row < row + rows && row < failure.row + failure.rows,
    );
    if (error !== undefined && error.code !== 'WRITER_TIMEOUT') {
      this.#finish(reservation);
      owner.failed(this.#rowError(error));
      return;
    }
    const firstRow = slab.outputRow(row);
    if (error !== undefined || outputs === undefined || firstRow < 0) {
      // Settled by now, but not when the batch began.
      if (reservation.settled) this.#move(reservation);
      return;
    }
    this.#finish(reservation);
    slab.leases += 1;
    owner.answered(outputs, firstRow);
  }

  /** A batch has run without these rows; the slab is not used again before they are settled. */
  #leaveBehind(reservation: Reservation): void {
    reservation.leftBehind = true;
    reservation.slab.leases += 1;
  }

  /** Copies rows that came too late for their batch to the next, and commits them there. */
  #move(reservation: Reservation): void {
    const { slab, row, rows, owner } = reservation;
    const ring = this.#slabs.get(slab.id)?.ring;
    if (ring === undefined) return;
    try {
      const place = this.#take(ring, rows);
      place.slab.copyRows(place.row, slab, row, rows);
      slab.waiting -= 1;
      Object.assign(reservation, place);
      this.#join(reservation);
    } catch (error) {
      this.#finish(reservation);
      owner.failed(toSconceError(error));
      return;
    }
    reservation.settled = false;
    this.#settle(reservation, slabHeader.rowCommitted);
  }

  #rowError(error: RowError): SconceError {
    const { modelName, modelVersion, declaredInputs } = this.options;
    if (error.code === 'MODEL_CLOSED') return new SconceError(error.code, modelName, modelVersion);
    return new SconceError(
      isErrorCode(error.code) ? error.code : 'INTERNAL',
      `${error.message} to model "${modelName}" version ${modelVersion}, which takes ${declaredInputs}`,
    );
  }

  #release(slab: Slab, ring: SlabRing): void {
    slab.leases -= 1;
    if (slab.leases > 0) return;
    ring.recycle(slab);
    this.#checkDrained();
  }

  #finish(reservation: Reservation): void {
    if (!this.#waiting.delete(reservation)) return;
    reservation.waiting = false;
    reservation.slab.waiting -= 1;
  }

  #checkDrained(): void {
    if (this.#drained === undefined || !this.#idle()) return;
    this.#drained();
    this.#drained = undefined;
  }

  /** @param due performance.now() milliseconds */
  #watchDeadline(due: number): void {
    clearTimeout(this.#deadline);
    this.#deadlineAt = due;
    if (due === Number.POSITIVE_INFINITY) return;
    const delay = Math.min(longestTimer, Math.max(1, due - performance.now()));
    this.#deadline = setTimeout(() => this.#expire(), delay);
    this.#deadline.unref();
  }

  /** When a reservation is next to be looked at, in performance.now() milliseconds. */
  #deadlineOf({ since, slab }: Reservation): number {
    const { clientTimeout, batchDelay, responseTimeout } = this.options;
    if (clientTimeout === 0 || slab.sealed) return since + responseTimeout;
    return since + Math.min(clientTimeout + batchDelay, responseTimeout);
  }

  #expire(): void {
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const reservation of this.#waiting) {
      const error = this.#expiry(reservation, now);
      if (error === undefined) {
        next = Math.min(next, this.#deadlineOf(reservation));
      } else {
        reservation.cancel();
        reservation.owner.failed(error);
      }
    }
    this.#watchDeadline(next);
  }

  #expiry({ since, slab }: Reservation, now: number): SconceError | undefined {
    const { modelName, modelVersion, responseTimeout, clientTimeout, batchDelay } = this.options;
    if (since + responseTimeout <= now) {
      return new SconceError('RESPONSE_TIMEOUT', modelName, modelVersion, responseTimeout);
    }
    if (clientTimeout > 0 && !slab.sealed && since + clientTimeout + batchDelay <= now) {
      return new SconceError('CLIENT_TIMEOUT', modelName, modelVersion, clientTimeout);
    }
    return undefined;
  }
}

/** The event of a slab that was never run. */
function unrun(slab: Slab, { code, message }: Pick<RowError, 'code' | 'message'>): BatchEvent {
  return {
    kind: 'batch',
    model: 0,
    slab: slab.id,
    rows: 0,
    signature: -1,
    errors: [{ row: 0, rows: slab.layout.capacity, code, message }],
    queueMicroseconds: 0,
    computeMicroseconds: 0,
  };
}
