import type { PythonEnvironment } from './environment.js';
import type { WorkerMetric } from './metric-line.js';

/** Everything about a worker process that is settled before it starts. */
export interface WorkerOptions {
  python: PythonEnvironment;
  /** Its number as TorchServe counts them, from 9000; names the socket. */
  id: number;
  /** `W-9000-model_1.0` */
  name: string;
  modelName: string;
  /** The unpacked archive; the process runs there. */
  folder: string;
  /** `custom_handler.py`, `custom_handler:entry`, `image_classifier`, … */
  handler: string;
  batchSize: number;
  /** Number of the GPU; null for the CPU. */
  gpu: number | null;
  /** `body`, `json`, `kserve`, `kservev2` */
  envelope: string | undefined;
  limitMaxImagePixels: boolean;
  /** Seconds from the start of the process to the loaded model. */
  startupTimeout: number;
  /** Bytes of one reply. */
  maxResponseSize: number;
  /** A metrics.yaml; torchserve's own without one. */
  metricsConfig: string | undefined;
  /** Variables beside those of this process, over which they go. */
  environment: Readonly<Record<string, string>>;
  /** Calls the start off. */
  signal?: AbortSignal | undefined;
}

/** What happens in a worker process beside its answers. */
export interface WorkerListener {
  /** One line of standard output (`info`) or standard error (`warn`), control lines excluded. */
  line(level: 'info' | 'warn', text: string): void;
  /** One metric that the handler, or the worker itself, has reported. */
  metric(metric: WorkerMetric): void;
  /** The process has ended, asked for or not; not called when start() has rejected. */
  exited(end: WorkerEnd): void;
}

/** How a process has ended. */
export interface WorkerEnd {
  code: number | null;
  signal: string | null;
  /** In words, with the exception that the process printed last, if any. */
  reason: string;
}
