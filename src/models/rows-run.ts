import type { Reservation, RowsOwner } from '../batching/reservation.js';
import type { Placed } from '../collections/unordered-set.js';
import { SconceError } from '../errors.js';
import type { RowOutputs } from '../handlers/handler.js';
import type { BatchOutputs } from '../tensors/batch-outputs.js';

/** Rows of one request that are with a batch, or on their way to one. */
export class RowsRun implements RowsOwner, Placed {
  /** Among those of its request. */
  place: number | undefined;
  readonly isAdmitted = true;
  readonly promise: Promise<RowOutputs>;
  reservation: Reservation | undefined;
  #resolve!: (outputs: RowOutputs) => void;
  #reject!: (error: SconceError) => void;

  constructor(
    readonly requestId: string,
    private readonly rows: number,
    private readonly settled: (run: RowsRun, queueMicroseconds: number) => void,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Rows that are given up before anybody waits for them.
    this.promise.catch(() => {});
  }

  answered(outputs: BatchOutputs, firstRow: number): void {
    this.settled(this, outputs.queueMicroseconds);
    this.#resolve({ outputs, firstRow, rows: this.rows });
  }

  failed(error: SconceError): void {
    this.settled(this, 0);
    this.#reject(error);
  }

  /** Nobody wants the outputs any more; the owner of the reservation is not called then. */
  cancel(): void {
    this.reservation?.cancel();
    this.#reject(new SconceError('REQUEST_CANCELLED'));
  }
}
