import { toSconceError } from '../errors.js';
import type { Log } from '../logging/log.js';
import type { ModelVersion } from './model-version.js';

/** Milliseconds between two looks at the queues. */
const interval = 250;

/** Looks in a row that find requests waiting before an instance is added. */
const looksToGrow = 2;

/** Looks in a row that find nothing to do before an instance is taken away: half a minute. */
const looksToShrink = 120;

/** What the autoscaler has seen of one version. */
export interface Observation {
  /** Looks in a row with requests that no instance had taken. */
  waiting: number;
  /** Looks in a row without a request. */
  idle: number;
}

/** What a look at a version's requests comes to: one instance more, one less, or none of it. */
export function decide(
  observation: Observation,
  { queued, pending }: { queued: number; pending: number },
): -1 | 0 | 1 {
  observation.waiting = queued > 0 ? observation.waiting + 1 : 0;
  observation.idle = pending === 0 ? observation.idle + 1 : 0;
  if (observation.waiting >= looksToGrow) {
    observation.waiting = 0;
    return 1;
  }
  if (observation.idle >= looksToShrink) {
    observation.idle = 0;
    return -1;
  }
  return 0;
}

/**
 * Moves the number of instances of each version that wants it between its bounds: up while
 * requests wait although every instance is at work, down when none came for a while.
 */
export class Autoscaler {
  readonly #observations = new WeakMap<ModelVersion, Observation>();
  readonly #busy = new WeakSet<ModelVersion>();
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly versions: () => readonly ModelVersion[],
    private readonly log: Log,
  ) {
    this.#timer = setInterval(() => this.#look(), interval);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const version of this.versions()) {
      const { options, state, minWorkers, maxWorkers } = version;
      if (options.autoscale && state === 'ready' && maxWorkers > minWorkers) this.#scale(version);
    }
  }

  #scale(version: ModelVersion): void {
    if (this.#busy.has(version)) return;
    const observation = this.#observations.get(version) ?? { waiting: 0, idle: 0 };
    this.#observations.set(version, observation);
    const from = version.workers.length;
    // The last instance stays: without one nobody would see the next request wait.
    const fewest = Math.max(1, version.minWorkers);
    const to = Math.max(fewest, Math.min(version.maxWorkers, from + decide(observation, version)));
    if (to === from) return;
    this.#busy.add(version);
    this.log.info({ model: version.name, version: version.version, from, to }, 'autoscaling');
    version
      .setInstances(to)
      .catch((error) => this.log.error(toSconceError(error).message))
      .finally(() => this.#busy.delete(version));
  }
}
