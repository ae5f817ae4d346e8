import { mostInstances } from '../config/api-bounds.js';
import { isErrorCode, SconceError } from '../errors.js';
import type { ScaledEvent } from '../native/addon.js';
import { Deferred } from './deferred.js';

/** Instances that stand in for hanging ones at the same time. */
const mostReplacements = 3;

/** The execution whose instances they are. */
export interface InstancesHost {
  /** Resolves when instances can be asked for. */
  readonly loaded: Promise<void>;
  readonly serves: boolean;
  /** Asks for so many instances; each call is answered by one event. Throws MODEL_CLOSED. */
  scale(instances: number, intraOpThreads: number): void;
  /** So many batches have run for longer than responseTimeout; so many instances stand in. */
  hanging(batches: number, replacements: number): void;
  /** Every instance hangs. */
  stuck(): void;
  /** They did, and do not any more. */
  recovered(): void;
}

/** How many instances an execution has: those that are wanted, and those that stand in for others. */
export class Instances {
  #wanted: number;
  #intraOpThreads: number;
  #replacements = 0;
  /** Batches that have run for longer than responseTimeout. */
  #hanging = 0;
  #stuckSince: number | undefined;
  #steady: Promise<void>;
  /** Whether somebody has said how many there are to be since it began. */
  #isAsked = false;
  /** Changes of the number that are under way, oldest first. */
  readonly #scalings: Deferred<void>[] = [];

  constructor(
    wanted: number,
    intraOpThreads: number,
    private readonly host: InstancesHost,
  ) {
    this.#wanted = wanted;
    this.#intraOpThreads = intraOpThreads;
    this.#steady = host.loaded;
  }

  /** Those that are wanted: they may still be starting or stopping. */
  get wanted(): number {
    return this.#wanted;
  }

  /** With those that stand in for others. */
  get all(): number {
    return this.#wanted + this.#replacements;
  }

  /** Resolves when those that are wanted run; rejects as scale(). */
  get steady(): Promise<void> {
    return this.#steady;
  }

  /** Since when every one hangs, in performance.now() milliseconds. */
  get stuckSince(): number | undefined {
    return this.#stuckSince;
  }

  /** So many begin, with so many threads, as a plan has it. False when somebody wants it otherwise. */
  plan({ instances, intraOpThreads }: { instances: number; intraOpThreads: number }): boolean {
    if (this.#isAsked) return false;
    this.#wanted = instances;
    this.#intraOpThreads = intraOpThreads;
    return true;
  }

  /**
   * @returns when the wanted number runs; rejects with the SconceError of an instance that could
   *   not be made.
   */
  scale(wanted: number, intraOpThreads: number): Promise<void> {
    this.#isAsked = true;
    this.#wanted = wanted;
    this.#intraOpThreads = intraOpThreads;
    this.#replacements = this.#replacementsFor(this.#hanging);
    this.#steady = this.#apply();
    this.#checkStuck();
    return this.#steady;
  }

  /** Each call of the host's scale() has its event, in the order of the calls. */
  scaled({ instances, error }: ScaledEvent): void {
    const scaling = this.#scalings.shift();
    if (error === undefined) {
      scaling?.resolve();
      return;
    }
    scaling?.reject(
      new SconceError(isErrorCode(error.code) ? error.code : 'INTERNAL', error.message),
    );
    if (this.#scalings.length > 0) return;
    // The others could not be made; whoever wants them has to ask again.
    this.#wanted = Math.min(this.#wanted, instances);
    this.#replacements = Math.min(this.#replacements, instances - this.#wanted);
    this.#steady = Promise.resolve();
    this.#checkStuck();
  }

  /**
   * So many batches do not end. Nothing can end a batch in this process: another instance takes the
   * place of one that hangs, and goes when the batch ends after all.
   */
  replaceHanging(batches: number): void {
    const more = batches > this.#hanging;
    this.#hanging = batches;
    if (!this.host.serves) return;
    const replacements = this.#replacementsFor(batches);
    if (replacements !== this.#replacements) {
      this.#replacements = replacements;
      // What becomes of it shows in scaled().
      this.#apply().catch(() => {});
    }
    if (more) this.host.hanging(batches, replacements);
    this.#checkStuck();
  }

  /** They are gone: what was asked for will not come. */
  ended(error: SconceError): void {
    for (const scaling of this.#scalings.splice(0)) scaling.reject(error);
  }

  async #apply(): Promise<void> {
    await this.host.loaded;
    this.host.scale(this.all, this.#intraOpThreads);
    const done = new Deferred<void>();
    this.#scalings.push(done);
    return done.promise;
  }

  #replacementsFor(batches: number): number {
    return Math.max(0, Math.min(batches, mostReplacements, mostInstances - this.#wanted));
  }

  #checkStuck(): void {
    const isStuck = this.#hanging >= this.all;
    if (isStuck === (this.#stuckSince !== undefined)) return;
    this.#stuckSince = isStuck ? performance.now() : undefined;
    if (isStuck) this.host.stuck();
    else this.host.recovered();
  }
}
