import type { TensorPlan } from '../handlers/tensor/tensor-plan.js';
import type { OutputSignature } from '../tensors/batch-outputs.js';
import type { PlanMessage } from './messages.js';

/** Bundles of a batch: the rows of several turns and threads fill it well. */
const bundlesOfBatch = 4;

/** What a model version's requests hold. */
export interface ServedPlan {
  tensors: TensorPlan;
  rowsPerBatch: number;
}

/** One that a thread was told of. */
export class AnnouncedPlan {
  readonly #described = new Set<number>();

  constructor(
    readonly tensors: TensorPlan,
    readonly model: string,
    readonly version: string | undefined,
  ) {}

  /** True the first time: the thread does not know the signature. */
  describes({ id }: OutputSignature): boolean {
    if (this.#described.has(id)) return false;
    this.#described.add(id);
    return true;
  }
}

/** The model versions whose rows one acceptor thread prepares. */
export class Plans {
  readonly #plans = new Map<number, AnnouncedPlan>();
  /** By the names and versions that clients use. */
  readonly #numbers = new Map<string, Map<string | undefined, number>>();
  #next = 1;

  get(number: number): AnnouncedPlan | undefined {
    return this.#plans.get(number);
  }

  /** The message that tells of a plan; undefined when the thread knows it, or there is none. */
  announce(
    plan: ServedPlan | undefined,
    model: string,
    version: string | undefined,
  ): PlanMessage | undefined {
    if (plan === undefined) return undefined;
    const { tensors, rowsPerBatch } = plan;
    const versions = this.#numbers.get(model) ?? new Map<string | undefined, number>();
    const known = versions.get(version);
    if (known !== undefined && this.#plans.get(known)?.tensors === tensors) return undefined;
    if (known !== undefined) this.forget(known);
    const number = this.#next;
    this.#next += 1;
    this.#plans.set(number, new AnnouncedPlan(tensors, model, version));
    versions.set(version, number);
    this.#numbers.set(model, versions);
    return {
      plan: number,
      model,
      version,
      tensors,
      rows: Math.ceil(rowsPerBatch / bundlesOfBatch),
    };
  }

  /** The model does not want it any more. */
  forget(number: number): void {
    this.#plans.delete(number);
  }
}
