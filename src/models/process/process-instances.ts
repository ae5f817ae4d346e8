import type { InstanceProcess } from '../execution.js';
import {
  type InstanceName,
  ProcessInstance,
  type ProcessInstanceHost,
} from './process-instance.js';

/** The instances of an execution in processes, oldest first; the newest stop first. */
export class ProcessInstances {
  readonly #list: ProcessInstance[] = [];
  /** Those that end, and do not count any more. */
  readonly #leaving = new Set<Promise<void>>();

  /**
   * @param wanted how many there shall be, from the first call of apply() on
   * @param workerAt names the worker of a place; the oldest has place 0
   * @param patience milliseconds that a batch may take whose instance shall go
   */
  constructor(
    public wanted: number,
    private readonly host: ProcessInstanceHost,
    private readonly workerAt: (place: number) => InstanceName,
    private readonly patience: number,
  ) {}

  get list(): readonly ProcessInstance[] {
    return this.#list;
  }

  /** True when one of them serves. */
  get live(): boolean {
    return this.#list.some(({ isLive }) => isLive);
  }

  get idle(): number {
    return this.#count(({ isIdle }) => isIdle);
  }

  get busy(): number {
    return this.#count(({ isBusy }) => isBusy);
  }

  /** Those that are not started again. */
  get dead(): number {
    return this.#count(({ isDead }) => isDead);
  }

  /** True when none of them is started again. */
  get isGivenUp(): boolean {
    return this.#list.length > 0 && this.dead === this.#list.length;
  }

  /** Since when the first of the dead ones has not served, in performance.now() milliseconds. */
  get failingSince(): number | undefined {
    const since = this.#list.flatMap(({ isDead, failingSince = 0 }) =>
      isDead ? [failingSince] : [],
    );
    return since.length === 0 ? undefined : Math.min(...since);
  }

  /**
   * Starts and stops instances until there are as many as wanted, and revives the dead.
   *
   * @returns when they serve and the others are gone; rejects when the first attempt to start one
   *   fails, which is tried again all the same.
   */
  async apply(): Promise<void> {
    const stopped = this.#list.splice(this.wanted).map((each) => this.#stop(each, this.patience));
    const started = this.#list.filter(({ isDead }) => isDead);
    for (const instance of started) instance.revive();
    while (this.#list.length < this.wanted) {
      const instance = new ProcessInstance(this.workerAt(this.#list.length), this.host);
      this.#list.push(instance);
      started.push(instance);
    }
    await Promise.all([...started.map(({ loaded }) => loaded), ...stopped]);
  }

  /** Stops every instance; resolves when all are gone, also those that were stopped before. */
  async end(patience: number): Promise<void> {
    for (const instance of this.#list) this.#stop(instance, patience);
    await Promise.all(this.#leaving);
  }

  processOf(workerId: number): InstanceProcess | undefined {
    return this.#list.find(({ worker }) => worker.id === workerId)?.process;
  }

  async measure(): Promise<void> {
    await Promise.all(this.#list.map((instance) => instance.measure()));
  }

  #stop(instance: ProcessInstance, patience: number): Promise<void> {
    const stopped = instance.stop(patience).finally(() => this.#leaving.delete(stopped));
    this.#leaving.add(stopped);
    return stopped;
  }

  #count(is: (instance: ProcessInstance) => boolean): number {
    return this.#list.filter(is).length;
  }
}
