import type { Placed } from '../collections/unordered-set.js';
import type { SconceError } from '../errors.js';
import type { BatchOutputs } from '../tensors/batch-outputs.js';
import type { Assembler } from './assembler.js';
import type { Slab } from './slab.js';

/** Who is waiting for rows. Exactly one of the two is called, once, on the main loop. */
export interface RowsOwner {
  /** For lines of the log that belong to the request. */
  readonly requestId?: string;
  /** True for rows of a request that was admitted before: a full queue does not refuse them. */
  readonly isAdmitted?: boolean;
  /** How many requests the rows belong to; one unless it says so. */
  readonly requests?: number;
  /** The rows' outputs stand in `outputs` from `firstRow` on; call outputs.release() when read. */
  answered(outputs: BatchOutputs, firstRow: number): void;
  failed(error: SconceError): void;
}

/** Adjacent rows of one slab that belong to one request. */
export class Reservation implements Placed {
  /** False once the owner has its answer, or does not want it any more. */
  waiting = true;
  /** Among those that wait. */
  place: number | undefined;
  settled = false;
  /** True when its batch has run without it: its writer had not settled in time. */
  leftBehind = false;

  constructor(
    private readonly assembler: Assembler,
    /** Another one after a move: rows that were left behind go with a later batch. */
    public slab: Slab,
    public row: number,
    readonly rows: number,
    readonly owner: RowsOwner,
    /** When the request arrived, in the clock's milliseconds. */
    readonly since: number,
    /** When it wants its answer, by what it says itself. */
    readonly wantedBy: number,
  ) {}

  /** How many requests the rows belong to. */
  get requests(): number {
    return this.owner.requests ?? 1;
  }

  /** Byte offset of the first reserved row of each input; overwritten by the slab's next call. */
  offsets(): Float64Array {
    const { offsets, layout } = this.slab;
    for (let i = 0; i < offsets.length; i += 1) {
      offsets[i] = (layout.inputs[i]?.offset ?? 0) + this.row * (layout.rowBytes[i] ?? 0);
    }
    return offsets;
  }

  /** The rows are written: the next batch may take them. */
  commit(): void {
    this.assembler.commit(this);
  }

  /**
   * The answer is not wanted any more; the owner is not called. Rows that are not committed yet
   * stay their writer's until it calls commit() or discard().
   */
  cancel(): void {
    this.assembler.cancel(this);
  }

  /** The writer gives up on rows it has not committed. */
  discard(): void {
    this.assembler.discard(this);
  }
}
