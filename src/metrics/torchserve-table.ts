import type { MetricKind, MetricSpecification, MetricsConfiguration } from './specification.js';

interface Row {
  section: 'system' | 'model';
  kind: MetricKind;
  unit: string;
  dimensions: readonly string[];
  /** For docs/metrics.md. */
  meaning: string;
}

const host = ['Level', 'Hostname'] as const;
const request = ['model_name', 'model_version', 'hostname'] as const;
const gpu = ['Level', 'DeviceId', 'Hostname'] as const;
const model = ['ModelName', 'Level', 'Hostname'] as const;

/**
 * TorchServe's metrics as its own configuration declares them, in its order. The values of the
 * labels are known by their position: a configuration may call them otherwise.
 */
export const torchServeMetrics = {
  Requests2XX: {
    section: 'system',
    kind: 'counter',
    unit: 'Count',
    dimensions: host,
    meaning: 'HTTP responses with a status below 400.',
  },
  Requests4XX: {
    section: 'system',
    kind: 'counter',
    unit: 'Count',
    dimensions: host,
    meaning: 'HTTP responses with a status from 400 to 499.',
  },
  Requests5XX: {
    section: 'system',
    kind: 'counter',
    unit: 'Count',
    dimensions: host,
    meaning: 'HTTP responses with a status from 500 on.',
  },
  ts_inference_requests_total: {
    section: 'system',
    kind: 'counter',
    unit: 'Count',
    dimensions: request,
    meaning:
      'Prediction requests received. `model_version` is the version that was asked for, or `default`.',
  },
  ts_inference_latency_microseconds: {
    section: 'system',
    kind: 'counter',
    unit: 'Microseconds',
    dimensions: request,
    meaning: 'Sum of the times from arrival to reply, of requests that were answered.',
  },
  ts_queue_latency_microseconds: {
    section: 'system',
    kind: 'counter',
    unit: 'Microseconds',
    dimensions: request,
    meaning: 'Sum of the times that requests waited for an instance, of those that were answered.',
  },
  QueueTime: {
    section: 'system',
    kind: 'gauge',
    unit: 'Milliseconds',
    dimensions: host,
    meaning: 'Time that the last answered request waited, in whole milliseconds.',
  },
  WorkerThreadTime: {
    section: 'system',
    kind: 'gauge',
    unit: 'Milliseconds',
    dimensions: host,
    meaning:
      'Time that the last batch spent between server and worker process. There is no such process: always 0.',
  },
  WorkerLoadTime: {
    section: 'system',
    kind: 'gauge',
    unit: 'Milliseconds',
    dimensions: ['WorkerName', 'Level', 'Hostname'],
    meaning: 'Time that a worker took to load its model. Gone when the version is unloaded.',
  },
  CPUUtilization: {
    section: 'system',
    kind: 'gauge',
    unit: 'Percent',
    dimensions: host,
    meaning:
      'Share of the time of all cores that was used since the last measurement; the first is since the machine started.',
  },
  MemoryUsed: {
    section: 'system',
    kind: 'gauge',
    unit: 'Megabytes',
    dimensions: host,
    meaning: 'Memory in use, without buffers and caches.',
  },
  MemoryAvailable: {
    section: 'system',
    kind: 'gauge',
    unit: 'Megabytes',
    dimensions: host,
    meaning: 'Memory that can be had without swapping.',
  },
  MemoryUtilization: {
    section: 'system',
    kind: 'gauge',
    unit: 'Percent',
    dimensions: host,
    meaning: 'Share of the memory that is not available.',
  },
  DiskUsage: {
    section: 'system',
    kind: 'gauge',
    unit: 'Gigabytes',
    dimensions: host,
    meaning: 'Used part of the file system of `/`.',
  },
  DiskUtilization: {
    section: 'system',
    kind: 'gauge',
    unit: 'Percent',
    dimensions: host,
    meaning: 'Used share of the file system of `/`.',
  },
  DiskAvailable: {
    section: 'system',
    kind: 'gauge',
    unit: 'Gigabytes',
    dimensions: host,
    meaning: 'Part of the file system of `/` that users may still fill.',
  },
  GPUMemoryUtilization: {
    section: 'system',
    kind: 'gauge',
    unit: 'Percent',
    dimensions: gpu,
    meaning: 'Share of the memory of a GPU that is in use, by whichever process.',
  },
  GPUMemoryUsed: {
    section: 'system',
    kind: 'gauge',
    unit: 'Megabytes',
    dimensions: gpu,
    meaning: 'Memory of a GPU that is in use, in whole megabytes.',
  },
  GPUUtilization: {
    section: 'system',
    kind: 'gauge',
    unit: 'Percent',
    dimensions: gpu,
    meaning: 'Share of the time in which a GPU ran kernels, of whichever process.',
  },
  HandlerTime: {
    section: 'model',
    kind: 'gauge',
    unit: 'ms',
    dimensions: model,
    meaning: 'Time that the last batch of the model took to run, to two decimals.',
  },
  PredictionTime: {
    section: 'model',
    kind: 'gauge',
    unit: 'ms',
    dimensions: model,
    meaning: 'The same time: no process stands around the handler.',
  },
} as const satisfies Record<string, Row>;

/** The only metrics that TorchServe exposed when its others went to log files. */
export const legacyNames: ReadonlySet<string> = new Set([
  'ts_inference_requests_total',
  'ts_inference_latency_microseconds',
  'ts_queue_latency_microseconds',
]);

function section(wanted: Row['section']): MetricSpecification[] {
  return Object.entries<Row>(torchServeMetrics)
    .filter(([, row]) => row.section === wanted)
    .map(([name, { kind, unit, dimensions }]) => ({ kind, name, unit, dimensions }));
}

/** What TorchServe declares when nothing else is configured. */
export const defaultMetricsConfiguration: MetricsConfiguration = {
  system: section('system'),
  model: section('model'),
};
