import { isErrorCode, SconceError, toSconceError } from '../errors.js';
import type { BatchEvent, RowError } from '../native/addon.js';
import { BatchOutputs, blockOffsets, type OutputSignature } from '../tensors/batch-outputs.js';
import type { Placement } from './placement.js';
import type { Reservation } from './reservation.js';
import type { Slab } from './slab.js';
import type { SlabInRing, SlabRing } from './slab-ring.js';

/** Whose answers they are, for messages. */
export interface AnswerNames {
  modelName: string;
  modelVersion: string;
  /** What the model says it takes: `features: float32[n, 64]`. */
  declaredInputs: string;
}

/** The assembler, as the completion of a batch needs it. */
export interface CompletionContext {
  readonly slabs: ReadonlyMap<number, SlabInRing>;
  readonly placement: Placement;
  signatureOf(id: number): OutputSignature;
  /** A reservation has its answer. */
  finish(reservation: Reservation): void;
  /** Rows of a reservation have come to another slab, and are written. */
  commit(reservation: Reservation): void;
  /** A slab is free. */
  released(): void;
}

/** Hands out the answers of a batch, and takes its slab back when the last of them is read. */
export class Completion {
  constructor(
    private readonly names: AnswerNames,
    private readonly context: CompletionContext,
  ) {}

  /** Throws what an owner has thrown, after all have been told. */
  complete(event: BatchEvent, slab: Slab, ring: SlabRing): void {
    slab.leases = 1; // ours, until every owner has been called
    const outputs = event.rows > 0 ? this.#outputsOf(event, slab, ring) : undefined;
    const thrown: unknown[] = [];
    for (const reservation of slab.reservations) {
      // Until its writer settles the memory is the writer's.
      if (!reservation.settled) leaveBehind(reservation);
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

  /** A writer that was left behind has settled its rows: the next batch may have them. */
  caughtUp(reservation: Reservation): void {
    const { slab } = reservation;
    reservation.leftBehind = false;
    const ring = this.context.slabs.get(slab.id)?.ring;
    if (reservation.waiting) this.#move(reservation);
    if (ring !== undefined) this.#release(slab, ring);
  }

  #outputsOf(event: BatchEvent, slab: Slab, ring: SlabRing): BatchOutputs {
    const signature = this.context.signatureOf(event.signature);
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
      this.context.finish(reservation);
      owner.failed(this.#rowError(error));
      return;
    }
    const firstRow = slab.outputRow(row);
    if (error !== undefined || outputs === undefined || firstRow < 0) {
      // Settled by now, but not when the batch began.
      if (reservation.settled) this.#move(reservation);
      return;
    }
    this.context.finish(reservation);
    slab.leases += 1;
    owner.answered(outputs, firstRow);
  }

  /** Copies rows that came too late for their batch to the next, and commits them there. */
  #move(reservation: Reservation): void {
    const { slab, row, rows, owner } = reservation;
    const { slabs, placement, finish, commit } = this.context;
    const ring = slabs.get(slab.id)?.ring;
    if (ring === undefined) return;
    try {
      const place = placement.take(ring, rows);
      place.slab.copyRows(place.row, slab, row, rows);
      slab.waiting -= reservation.requests;
      Object.assign(reservation, place);
      placement.moved(reservation);
    } catch (error) {
      finish(reservation);
      owner.failed(toSconceError(error));
      return;
    }
    reservation.settled = false;
    commit(reservation);
  }

  #rowError({ code, message }: RowError): SconceError {
    const { modelName, modelVersion, declaredInputs } = this.names;
    if (code === 'MODEL_CLOSED') return new SconceError(code, modelName, modelVersion);
    if (code === 'DEVICE_FAILED') return new SconceError(code, message);
    return new SconceError(
      isErrorCode(code) ? code : 'INTERNAL',
      `${message} to model "${modelName}" version ${modelVersion}, which takes ${declaredInputs}`,
    );
  }

  #release(slab: Slab, ring: SlabRing): void {
    slab.leases -= 1;
    if (slab.leases > 0) return;
    ring.recycle(slab);
    this.context.released();
  }
}

/** A batch has run without these rows; the slab is not used again before they are settled. */
function leaveBehind(reservation: Reservation): void {
  reservation.leftBehind = true;
  reservation.slab.leases += 1;
}

/** The event of a slab that was never run. */
export function unrun(
  slab: Slab,
  { code, message }: Pick<RowError, 'code' | 'message'>,
): BatchEvent {
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
