import { SconceError } from '../errors.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { Admission, type Arrival } from './admission.js';
import type { Backlog } from './backlog.js';
import type { Bell } from './bell.js';
import type { TimeLimits } from './deadlines.js';
import type { Reservation } from './reservation.js';
import { Rings, type RingsOptions } from './rings.js';
import type { Slab } from './slab.js';
import type { SlabBudget } from './slab-budget.js';
import type { SlabHost, SlabInRing, SlabRing } from './slab-ring.js';

/** Rows that are reserved. */
export interface Place {
  slab: Slab;
  row: number;
}

/** What placement works with. */
export interface PlacementContext {
  host: SlabHost;
  /** Every slab of the model, by native id. */
  slabs: Map<number, SlabInRing>;
  budget: SlabBudget;
  bell: Bell;
  backlog: Backlog;
  /** How many there are. */
  instances: () => number;
}

/** Finds places for rows: in the open slab of their ring as a rule. */
export class Placement {
  readonly rings: Rings;
  readonly #admission: Admission;
  #nextSequence = 0;

  constructor(
    private readonly context: PlacementContext,
    private readonly options: RingsOptions & TimeLimits,
  ) {
    const { host, slabs, budget, backlog, instances } = context;
    this.rings = new Rings(host, slabs, budget, options);
    this.#admission = new Admission(slabs, backlog, options, instances);
  }

  /**
   * Reserves rows of a shape, which `key` names.
   *
   * @param mustTake the request was admitted before: only a time of its own refuses it
   * @throws {SconceError} as Assembler.reserve()
   */
  place(
    key: string,
    inputs: readonly TensorSpec[],
    arrival: Arrival,
    mustTake: boolean,
    now: number,
  ): Place {
    const ring = this.rings.ringFor(key, inputs, arrival.rows, now);
    ring.lastUsed = now;
    const isEasy = this.#admission.isEasy(ring, arrival, now);
    const place = isEasy
      ? this.take(ring, arrival.rows)
      : this.#choose(ring, arrival, mustTake, now);
    const { slab } = place;
    const isMoreUrgent = this.#admission.placed(arrival, slab);
    if (!slab.rung) {
      if (!isEasy && this.#admission.hurries(arrival, slab, now)) slab.hurries = true;
    } else if (isMoreUrgent) {
      this.context.host.advance(slab.id, slab.order);
      this.context.backlog.moved(slab);
    }
    return place;
  }

  /** A request has its rows there. */
  join(reservation: Reservation): void {
    const { slab } = reservation;
    if (slab.reservations.length === 0) {
      this.#nextSequence += 1;
      slab.sequence = this.#nextSequence;
    }
    slab.reservations.push(reservation);
    slab.waiting += reservation.requests;
  }

  /** Reserves adjacent rows of the open slab, or of another. */
  take(ring: SlabRing, rows: number): Place {
    const { open } = ring;
    const row = open === undefined ? -1 : open.reserve(rows);
    if (open === undefined || row < 0) return this.#takeNew(ring, rows);
    return { slab: open, row };
  }

  /** A request that came too late for its batch has its rows elsewhere now. */
  moved(reservation: Reservation): void {
    this.join(reservation);
    this.#admission.placed(reservation, reservation.slab);
  }

  /** A batch has run; more is known of what batches take. */
  ran(ring: SlabRing, rows: number, microseconds: number, now: number): void {
    ring.costs.observe(rows, microseconds, now);
    this.#admission.learned(ring);
  }

  #choose(ring: SlabRing, arrival: Arrival, mustTake: boolean, now: number): Place {
    // Each turn that fails has found a slab that an instance took meanwhile.
    for (;;) {
      const slab = this.#admission.choose(ring, arrival, mustTake, now);
      if (slab === undefined) return this.#takeNext(ring, arrival);
      const row = slab.reserve(arrival.rows);
      if (row >= 0) return { slab, row };
    }
  }

  /** A slab of its own. The open one stays open for those who are in less of a hurry. */
  #takeNext(ring: SlabRing, { rows, wantedBy }: Arrival): Place {
    const { open } = ring;
    const place = this.#takeNew(ring, rows);
    if (open !== undefined && !open.sealed && wantedBy < open.order) ring.open = open;
    return place;
  }

  #takeNew(ring: SlabRing, rows: number): Place {
    // Nothing more will come into the one before.
    if (ring.open !== undefined) this.context.bell.closed(ring.open);
    const slab = ring.nextOpen(this.options.modelName);
    const row = slab.reserve(rows);
    if (row < 0) throw new SconceError('INTERNAL', 'a fresh slab refused a reservation');
    if (ring.exclusive) ring.open = undefined;
    return { slab, row };
  }
}
