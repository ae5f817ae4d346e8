/** Every metric the server has, one row each; docs/metrics.md is generated from this table. */
const model = ['model_name', 'model_version'] as const;

/** `cuda:N` */
const device = ['device'] as const;

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
  queued: {
    kind: 'gauge',
    name: 'sconce_queued_requests',
    help: 'Requests that no instance has taken yet',
    labels: model,
  },
  instances: {
    kind: 'gauge',
    name: 'sconce_instances',
    help: 'Instances of a model version, with the state that it is in',
    labels: [...model, 'state'],
  },
  modelState: {
    kind: 'gauge',
    name: 'sconce_model_state',
    help: '1 with the state that a model version is in',
    labels: [...model, 'state'],
  },
  loadTime: {
    kind: 'gauge',
    name: 'sconce_model_load_duration_seconds',
    help: 'Time that an instance of a model version took to load, the last one that did',
    labels: model,
  },
  slabBytes: {
    kind: 'gauge',
    name: 'sconce_slab_bytes',
    help: 'Shared memory that batches are assembled in',
    labels: [],
  },
  deviceBatches: {
    kind: 'counter',
    name: 'sconce_device_batches_total',
    help: 'Batches that were run on a GPU',
    labels: device,
  },
  deviceGraphBatches: {
    kind: 'counter',
    name: 'sconce_device_graph_batches_total',
    help: 'Batches that a CUDA graph ran',
    labels: device,
  },
  deviceBusy: {
    kind: 'counter',
    name: 'sconce_device_busy_seconds_total',
    help: 'Time in which at least one batch was computed on a GPU',
    labels: device,
  },
  deviceCopyIn: {
    kind: 'counter',
    name: 'sconce_device_copy_in_seconds_total',
    help: 'Time that the copies of rows to a GPU took, added up',
    labels: device,
  },
  deviceCompute: {
    kind: 'counter',
    name: 'sconce_device_compute_seconds_total',
    help: 'Time that batches took to compute on a GPU, added up, also of those that ran at the same time',
    labels: device,
  },
  deviceCopyOut: {
    kind: 'counter',
    name: 'sconce_device_copy_out_seconds_total',
    help: 'Time that the copies of outputs from a GPU took, added up',
    labels: device,
  },
  deviceAllocated: {
    kind: 'gauge',
    name: 'sconce_device_allocated_bytes',
    help: 'Memory of a GPU that weights and tensors of this process take',
    labels: device,
  },
  deviceReserved: {
    kind: 'gauge',
    name: 'sconce_device_reserved_bytes',
    help: 'Memory of a GPU that the allocator of this process holds, in use or not',
    labels: device,
  },
  deviceGraphs: {
    kind: 'gauge',
    name: 'sconce_device_graph_bytes',
    help: 'Memory of a GPU that CUDA graphs hold',
    labels: device,
  },
  deviceMemoryUsed: {
    kind: 'gauge',
    name: 'sconce_device_memory_used_bytes',
    help: 'Memory of a GPU that is in use, by whichever process',
    labels: device,
  },
  deviceMemoryTotal: {
    kind: 'gauge',
    name: 'sconce_device_memory_total_bytes',
    help: 'Memory that a GPU has',
    labels: device,
  },
  deviceUtilization: {
    kind: 'gauge',
    name: 'sconce_device_utilization_ratio',
    help: 'Share of the time in which a GPU ran kernels, of whichever process, 0 to 1',
    labels: device,
  },
  cpuSeconds: {
    kind: 'counter',
    name: 'process_cpu_seconds_total',
    help: 'Time that all threads of the process have used of the cores, user and system',
    labels: [],
  },
  residentBytes: {
    kind: 'gauge',
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process that is in RAM',
    labels: [],
  },
  startTime: {
    kind: 'gauge',
    name: 'process_start_time_seconds',
    help: 'When the process started, since 1970',
    labels: [],
  },
  eventLoopMean: {
    kind: 'gauge',
    name: 'nodejs_eventloop_lag_mean_seconds',
    help: 'Mean delay of the main loop since the last scrape',
    labels: [],
  },
  eventLoopP99: {
    kind: 'gauge',
    name: 'nodejs_eventloop_lag_p99_seconds',
    help: 'Delay of the main loop since the last scrape that 99 in 100 did not exceed',
    labels: [],
  },
  eventLoopMax: {
    kind: 'gauge',
    name: 'nodejs_eventloop_lag_max_seconds',
    help: 'Longest delay of the main loop since the last scrape',
    labels: [],
  },
} as const;
