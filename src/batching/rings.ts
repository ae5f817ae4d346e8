import { SconceError } from '../errors.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { CostModel, type Costs } from './cost-model.js';
import type { SlabBudget } from './slab-budget.js';
import { slabHeader } from './slab-layout.js';
import { type SlabHost, type SlabInRing, SlabRing, slabCapacity } from './slab-ring.js';

/** Shape keys whose slabs are kept when the configuration does not say. */
export const defaultMaxShapes = 64;

export interface RingsOptions {
  modelName: string;
  /** Most rows in a batch. */
  batchSize: number;
  /** Shape keys kept at the same time; the least recently used goes first. */
  maxShapes: number;
  /** What is known of the costs of a shape at first; nothing unless given. */
  makeCosts?: (capacity: number) => Costs;
}

/** What batches of one shape took at warm-up. */
interface Measured {
  shape: string;
  rows: readonly number[];
  microseconds: readonly number[];
}

/** The rings of one model version: one for each row shape that is in use. */
export class Rings {
  readonly #rings = new Map<string, SlabRing>();
  /** Bytes of the outputs of one row. */
  #outputBytes = 0;
  #measured: Measured | undefined;

  /** @param slabs every slab of the model with its ring, by native id; the rings keep theirs in it */
  constructor(
    private readonly host: SlabHost,
    private readonly slabs: Map<number, SlabInRing>,
    private readonly budget: SlabBudget,
    private readonly options: RingsOptions,
  ) {}

  /** True when no slab is with an instance or being answered. */
  get idle(): boolean {
    for (const ring of this.#rings.values()) if (!ring.idle) return false;
    return true;
  }

  /** The outputs of a row take so many bytes, as far as is known. */
  expectOutputs(bytes: number): void {
    this.#outputBytes = Math.max(this.#outputBytes, bytes);
  }

  /** What warm-up has measured: microseconds of batches of so many rows of a shape. */
  expectCosts(
    inputs: readonly TensorSpec[],
    rows: readonly number[],
    microseconds: readonly number[],
  ): void {
    this.#measured = { shape: shapeOf(inputs), rows, microseconds };
  }

  /**
   * The ring for rows of a shape, which `key` names. More rows than a batch takes have one of their
   * own.
   *
   * @throws {SconceError} INVALID_REQUEST when the rows are more than memory allows for, NO_CAPACITY
   *   when all shapes that may be kept are in use.
   */
  ringFor(key: string, inputs: readonly TensorSpec[], rows: number, now: number): SlabRing {
    const ring = this.#rings.get(key) ?? this.#makeUsual(key, inputs, now);
    if (rows <= ring.capacity) return ring;
    const { limit, setting } = this.budget;
    const most = slabCapacity(inputs, slabHeader.maxCapacity, limit);
    if (rows > most) {
      throw new SconceError(
        'INVALID_REQUEST',
        `the request has ${rows} rows; ${setting} allows for ${most} of this shape`,
      );
    }
    // Powers of two: few sizes of slabs serve requests of every size.
    const capacity = Math.min(most, 2 ** Math.ceil(Math.log2(rows)));
    const ownKey = `${key} in ${capacity}`;
    return (
      this.#rings.get(ownKey) ??
      this.#make(ownKey, inputs, { rows: capacity, exclusive: true, costs: ring.costs }, now)
    );
  }

  /** Gives everything back. Only when idle. */
  close(): void {
    for (const ring of this.#rings.values()) ring.close();
    this.#rings.clear();
  }

  #makeUsual(key: string, inputs: readonly TensorSpec[], now: number): SlabRing {
    const { batchSize, makeCosts = (capacity) => new CostModel(capacity) } = this.options;
    const costs = makeCosts(slabCapacity(inputs, batchSize, this.budget.limit));
    const measured = this.#measured;
    if (measured?.shape === shapeOf(inputs)) costs.seed(measured.rows, measured.microseconds);
    return this.#make(key, inputs, { rows: batchSize, exclusive: false, costs }, now);
  }

  #make(
    key: string,
    inputs: readonly TensorSpec[],
    { rows, exclusive, costs }: { rows: number; exclusive: boolean; costs: Costs },
    now: number,
  ): SlabRing {
    if (this.#rings.size >= this.options.maxShapes) this.#dropOldest();
    const ring = new SlabRing(this.host, this.slabs, this.budget, {
      inputs,
      batchSize: rows,
      outputBytes: this.#outputBytes * rows,
      exclusive,
      costs,
      now,
    });
    this.#rings.set(key, ring);
    return ring;
  }

  #dropOldest(): void {
    let oldest: [string, SlabRing] | undefined;
    for (const entry of this.#rings) {
      if (!entry[1].idle) continue;
      if (oldest === undefined || entry[1].lastUsed < oldest[1].lastUsed) oldest = entry;
    }
    if (oldest === undefined) throw new SconceError('NO_CAPACITY', this.options.modelName);
    oldest[1].close();
    this.#rings.delete(oldest[0]);
  }
}

function shapeOf(inputs: readonly TensorSpec[]): string {
  return inputs.map(({ dtype, dims }) => `${dtype}[${dims}]`).join();
}
