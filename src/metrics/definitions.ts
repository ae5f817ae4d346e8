/** Every metric the server has, one row each; docs/metrics.md is generated from this table. */
const model = ['model_name', 'model_version'] as const;

/** Seconds, from 100 µs: a batch of a small model takes less than a millisecond. */
const seconds = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

export const metricDefinitions = {
  requests: {
    kind: 'counter',
    name: 'sconce_requests_total',
    help: 'Prediction requests received',
    labels: model,
  },
  errors: {
    kind: 'counter',
    name: 'sconce_request_errors_total',
    help: 'Prediction requests that ended in an error, by error code',
    labels: [...model, 'code'],
  },
  latency: {
    kind: 'histogram',
    name: 'sconce_request_duration_seconds',
    help: 'Time from the arrival of a request to its reply',
    labels: model,
    buckets: seconds,
  },
  queueTime: {
    kind: 'histogram',
    name: 'sconce_queue_duration_seconds',
    help: 'Time a batch waited for an idle instance',
    labels: model,
    buckets: seconds,
  },
  computeTime: {
    kind: 'histogram',
    name: 'sconce_compute_duration_seconds',
    help: 'Time an instance took to run a batch',
    labels: model,
    buckets: seconds,
  },
  batchRows: {
    kind: 'histogram',
    name: 'sconce_batch_rows',
    help: 'Rows in a batch that was run',
    labels: model,
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
  },
  pending: {
    kind: 'gauge',
    name: 'sconce_pending_requests',
    help: 'Requests admitted and not answered yet',
    labels: model,
  },
  slabBytes: {
    kind: 'gauge',
    name: 'sconce_slab_bytes',
    help: 'Shared memory that batches are assembled in',
    labels: [],
  },
} as const;
