import { Bindings } from './bindings.js';
import type { CustomMetricsContext } from './bound-custom-metric.js';
import { BoundCustomMetrics, type CustomMetricCache } from './bound-custom-metrics.js';
import type { CustomMetrics } from './custom-metrics.js';
import { type RequestIds, type Slot, silentSlot } from './family.js';
import type { OwnVersionSeries } from './own-metrics.js';
import type { TorchServeMetrics } from './torchserve-metrics.js';

/** Metrics of one model version, with their labels bound once. */
export interface VersionMetrics {
  /** @param explicitVersion whether the client named the version */
  request(explicitVersion: boolean): void;
  /**
   * @param latencyMilliseconds from arrival to reply
   * @param queueMicroseconds until an instance took the request
   * @param explicitVersion whether the client named the version
   */
  answered(latencyMilliseconds: number, queueMicroseconds: number, explicitVersion: boolean): void;
  /** @param code of the error's row */
  failed(code: string): void;
  /** @param requestIds those of the batch, joined by commas; asked only where a line is written */
  batch(
    rows: number,
    queueMicroseconds: number,
    computeMicroseconds: number,
    requestIds?: RequestIds,
  ): void;
  /** The same for a batch whose worker reports its own times as metrics. */
  workerBatch(rows: number, queueMicroseconds: number, computeMicroseconds: number): void;
  /** @param workerName as TorchServe has it: `W-9000-alpha_1.0` */
  workerLoaded(workerName: string, milliseconds: number): void;
  /** @param requestIds those of the batch that the handler works on */
  custom(requestIds?: () => readonly string[]): CustomMetrics;
  /** The version is unloaded: its gauges disappear, its counters stay. */
  retire(): void;
}

/** The series that belong to the host and not to a version. */
export interface HostSlots {
  queueTime: Slot;
  workerThreadTime: Slot;
}

/** What TorchServe counts of a version's requests. */
interface RequestSlots {
  requests: Slot;
  latency: Slot;
  queue: Slot;
}

export class BoundVersionMetrics implements VersionMetrics {
  readonly #bindings = new Bindings();
  readonly #named: RequestSlots;
  readonly #default: RequestSlots;
  readonly #handlerTime: Slot;
  readonly #predictionTime: Slot;
  readonly #custom: CustomMetricsContext;
  readonly #made: CustomMetricCache = new Map();

  constructor(
    private readonly modelName: string,
    modelVersion: string,
    private readonly own: OwnVersionSeries,
    private readonly families: TorchServeMetrics,
    private readonly host: HostSlots,
    autoDetect: boolean,
  ) {
    this.#custom = { modelName, families, bindings: this.#bindings, autoDetect };
    this.#named = this.#requestSlots(modelVersion);
    this.#default = this.#requestSlots('default');
    this.#handlerTime = this.#modelSlot('HandlerTime');
    this.#predictionTime = this.#modelSlot('PredictionTime');
  }

  request(explicitVersion: boolean): void {
    this.own.requests.value += 1;
    (explicitVersion ? this.#named : this.#default).requests.update(1);
  }

  answered(latencyMilliseconds: number, queueMicroseconds: number, explicitVersion: boolean): void {
    this.own.latency.observe(latencyMilliseconds / 1000);
    const slots = explicitVersion ? this.#named : this.#default;
    // Whole nanoseconds, as TorchServe's clock has them.
    slots.latency.update(Math.round(latencyMilliseconds * 1e6) / 1000);
    slots.queue.update(queueMicroseconds);
    this.host.queueTime.update(Math.floor(queueMicroseconds / 1000));
  }

  failed(code: string): void {
    this.own.failed(code);
  }

  batch(
    rows: number,
    queueMicroseconds: number,
    computeMicroseconds: number,
    requestIds?: RequestIds,
  ): void {
    const milliseconds = Math.round(computeMicroseconds / 10) / 100;
    this.#handlerTime.update(milliseconds, requestIds);
    this.#predictionTime.update(milliseconds, requestIds);
    this.workerBatch(rows, queueMicroseconds, computeMicroseconds);
  }

  workerBatch(rows: number, queueMicroseconds: number, computeMicroseconds: number): void {
    this.own.batchRows.observe(rows);
    this.own.queueTime.observe(queueMicroseconds / 1e6);
    this.own.computeTime.observe(computeMicroseconds / 1e6);
    this.host.workerThreadTime.update(0);
  }

  workerLoaded(workerName: string, milliseconds: number): void {
    this.own.loaded(milliseconds / 1000);
    this.#bindings
      .slot(this.families.system('WorkerLoadTime'), [workerName, 'Host'])
      .update(Math.round(milliseconds));
  }

  custom(requestIds: () => readonly string[] = () => []): CustomMetrics {
    return new BoundCustomMetrics(this.#custom, this.#made, requestIds);
  }

  retire(): void {
    this.#bindings.release();
    this.own.retire();
  }

  #requestSlots(modelVersion: string): RequestSlots {
    const values = [this.modelName, modelVersion];
    const { families } = this;
    return {
      requests: this.#bindings.slot(families.system('ts_inference_requests_total'), values),
      latency: this.#bindings.slot(families.system('ts_inference_latency_microseconds'), values),
      queue: this.#bindings.slot(families.system('ts_queue_latency_microseconds'), values),
    };
  }

  #modelSlot(name: 'HandlerTime' | 'PredictionTime'): Slot {
    const family = this.families.model(name)?.family;
    return family === undefined
      ? silentSlot
      : this.#bindings.slot(family, [this.modelName, 'Model']);
  }
}
