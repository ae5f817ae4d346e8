import type { Load } from '../batching/assembler.js';
import { mostInstances } from '../config/api-bounds.js';
import { toSconceError } from '../errors.js';
import type { Log } from '../logging/log.js';
import type { ModelVersion } from './model-version.js';

/** How soon the autoscaler acts. */
export interface Pace {
  /** Milliseconds between two looks at the queues. */
  interval: number;
  /** Looks in a row that find requests waiting before an instance is added. */
  looksToGrow: number;
  /** Looks in a row that find an instance without work before one is taken away. */
  looksToShrink: number;
}

/**
 * One second to grow: while a batch runs the next one gathers, so that one look alone finds requests
 * waiting now and then. Half a minute to shrink: an instance that was taken away in a lull has to be
 * loaded again.
 */
const usualPace: Pace = { interval: 250, looksToGrow: 4, looksToShrink: 120 };

/** What the autoscaler has seen of one version. */
export interface Observation {
  /** Looks in a row with requests that no instance had taken. */
  busy: number;
  /** Looks in a row with an instance that had nothing to do. */
  idle: number;
}

/** What a look at a version comes to: one instance more, one less, or none of it. */
export function decide(
  observation: Observation,
  { waiting, running }: Load,
  instances: number,
  { looksToGrow, looksToShrink }: Pace,
): -1 | 0 | 1 {
  observation.busy = waiting > 0 ? observation.busy + 1 : 0;
  observation.idle = waiting === 0 && running < instances ? observation.idle + 1 : 0;
  if (observation.busy >= looksToGrow) {
    observation.busy = 0;
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
 * requests wait although every instance is at work, down when one had nothing to do for a while.
 */
export class Autoscaler {
  readonly #observations = new WeakMap<ModelVersion, Observation>();
  readonly #scaling = new WeakSet<ModelVersion>();
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly versions: () => readonly ModelVersion[],
    private readonly log: Log,
    private readonly pace = usualPace,
  ) {
    this.#timer = setInterval(() => this.#look(), pace.interval);
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
    if (this.#scaling.has(version)) return;
    const observation = this.#observations.get(version) ?? { busy: 0, idle: 0 };
    this.#observations.set(version, observation);
    const from = version.workers.length;
    const wanted = from + decide(observation, version.load, from, this.pace);
    // The last instance stays: without one nobody would see the next request wait.
    const fewest = Math.max(1, version.minWorkers);
    const most = Math.min(version.maxWorkers, mostInstances);
    const to = Math.max(fewest, Math.min(most, wanted));
    if (to === from) return;
    this.#scaling.add(version);
    this.log.info({ model: version.name, version: version.version, from, to }, 'autoscaling');
    version
      .setInstances(to)
      .catch((error) => this.#failed(error))
      .finally(() => this.#scaling.delete(version));
  }

  #failed(thrown: unknown): void {
    const { code, message } = toSconceError(thrown);
    // Unloaded in the meantime: that is no failure.
    if (code !== 'MODEL_CLOSED') this.log.error(message);
  }
}
