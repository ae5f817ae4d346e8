import { SconceError } from '../errors.js';
import type { NativeModel } from '../native/addon.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import type { Costs } from './cost-model.js';
import { Slab } from './slab.js';
import type { SlabBudget, SlabHolder } from './slab-budget.js';
import { layOut } from './slab-layout.js';

/** What batching needs of a model; the real one is native. */
export interface SlabHost extends Pick<NativeModel, 'addSlab' | 'removeSlab' | 'ring' | 'advance'> {
  /** Shared memory of `bytes` bytes, aligned to 64 bytes. Throws RangeError when there is none. */
  allocate(bytes: number): Uint8Array;
}

/** Largest part of the budget that one slab may take: bigger rows mean fewer rows per slab. */
const budgetShare = 8;

/** Rows in a slab: the batch size, or what fits a share of the budget. */
export function slabCapacity(
  inputs: readonly TensorSpec[],
  batchSize: number,
  budget: number,
): number {
  const share = Math.floor(budget / budgetShare / layOut(inputs, 1, 0).bytes);
  return Math.max(1, Math.min(batchSize, share));
}

export interface SlabRingOptions {
  inputs: readonly TensorSpec[];
  /** Most rows in a slab. */
  batchSize: number;
  /** Room for the outputs of a slab. */
  outputBytes: number;
  exclusive: boolean;
  costs: Costs;
  /** The clock's milliseconds. */
  now: number;
}

export interface SlabInRing {
  slab: Slab;
  ring: SlabRing;
}

/**
 * The slabs of one shape key. One of them is open for reservations; the others are with the
 * instances, being answered, or free. Slabs are made when all are busy.
 */
export class SlabRing implements SlabHolder {
  /** The slab that takes reservations. */
  open: Slab | undefined;
  lastUsed: number;
  readonly inputs: readonly TensorSpec[];
  readonly capacity: number;
  /** Each of its slabs holds the rows of one request, which are more than a batch else takes. */
  readonly exclusive: boolean;
  /** How long its batches take. */
  readonly costs: Costs;
  /** Slabs of this ring that exist. */
  #count = 0;
  readonly #free: Slab[] = [];
  #outputBytes = 0;

  /**
   * @param slabs every slab of the model with its ring, by native id; the ring keeps its own in it
   * @throws {SconceError} INVALID_REQUEST when not even one row fits the budget.
   */
  constructor(
    private readonly host: SlabHost,
    private readonly slabs: Map<number, SlabInRing>,
    private readonly budget: SlabBudget,
    { inputs, batchSize, outputBytes, exclusive, costs, now }: SlabRingOptions,
  ) {
    const perRow = layOut(inputs, 1, 0).bytes;
    if (perRow > budget.limit) {
      throw new SconceError(
        'INVALID_REQUEST',
        `a row of this shape takes ${perRow} bytes; ${budget.setting} allows ${budget.limit}`,
      );
    }
    this.inputs = inputs;
    this.exclusive = exclusive;
    this.costs = costs;
    this.lastUsed = now;
    this.capacity = slabCapacity(inputs, batchSize, budget.limit);
    this.growOutputs(outputBytes);
    budget.join(this);
  }

  /**
   * Room for the outputs of a full slab; slabs that have less are replaced as they come back. Outputs
   * beyond a share of the budget go to memory of their own: one huge answer may not make every slab
   * of the model too large to be had.
   */
  growOutputs(bytes: number): void {
    const share = Math.floor(this.budget.limit / budgetShare);
    this.#outputBytes = Math.min(share, Math.max(this.#outputBytes, bytes));
  }

  /** The next open slab. Throws SconceError MEMORY_FULL when the budget is used up. */
  nextOpen(modelName: string): Slab {
    this.open = this.#free.pop() ?? this.#make(modelName);
    return this.open;
  }

  /** Takes a slab back whose batch is answered, and which nobody writes to any more. */
  recycle(slab: Slab): void {
    if (slab.layout.outputBytes < this.#outputBytes) {
      this.#drop(slab);
    } else {
      slab.recycle();
      this.#free.push(slab);
    }
  }

  releaseIdle(): number {
    let bytes = 0;
    for (const slab of this.#free.splice(0)) bytes += this.#drop(slab);
    return bytes;
  }

  /** Gives everything back. Only when idle. */
  close(): void {
    this.releaseIdle();
    this.budget.leave(this);
    const { open } = this;
    this.open = undefined;
    if (open !== undefined && open.reservations.length === 0) this.#drop(open);
  }

  /** True when no slab is with an instance or being answered. */
  get idle(): boolean {
    const open = this.open === undefined || this.open.reservations.length > 0 ? 0 : 1;
    return this.#count === this.#free.length + open;
  }

  #make(modelName: string): Slab {
    let layout = layOut(this.inputs, this.capacity, this.#outputBytes);
    if (this.budget.take(layout.bytes, this) !== undefined) {
      // Without room for outputs perhaps: they have memory of their own then.
      layout = layOut(this.inputs, this.capacity, 0);
      const full = this.budget.take(layout.bytes, this);
      if (full !== undefined) {
        throw new SconceError('MEMORY_FULL', modelName, full.setting, full.limit);
      }
    }
    try {
      const slab = new Slab(this.host.allocate(layout.bytes), layout);
      slab.id = this.host.addSlab(slab.memory, layout);
      this.slabs.set(slab.id, { slab, ring: this });
      this.#count += 1;
      return slab;
    } catch (error) {
      this.budget.give(layout.bytes);
      if (error instanceof RangeError) throw new SconceError('OUT_OF_MEMORY', error.message);
      throw error;
    }
  }

  #drop(slab: Slab): number {
    if (!this.slabs.delete(slab.id)) return 0;
    this.#count -= 1;
    this.host.removeSlab(slab.id);
    this.budget.give(slab.layout.bytes);
    return slab.layout.bytes;
  }
}
