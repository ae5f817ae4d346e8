import type { Load } from '../batching/assembler.js';
import type { SconceError } from '../errors.js';
import type { TensorPlan } from '../handlers/tensor/tensor-plan.js';
import type { NativeModelDescription } from '../native/addon.js';
import type { PlanRecord } from '../plans/plan-record.js';
import type { CudaGraphs } from './cuda-graphs.js';
import type { Prediction } from './prediction.js';

/** `stuck`: ready once, and every instance hangs. */
export type ExecutionState = 'loading' | 'ready' | 'stuck' | 'failed' | 'closing' | 'closed';

/** The process that an instance is. */
export interface InstanceProcess {
  pid: number;
  /** Resident bytes when measure() was last called. */
  memory: number;
}

/**
 * A model version while it has instances: loads, serves, drains, closes. A version that is scaled
 * to nothing and back has one after the other.
 */
export interface Execution {
  /** Resolves when requests are answered; rejects with the error that it failed with. */
  readonly loaded: Promise<void>;
  /** Resolves when every thread or process is gone. */
  readonly closed: Promise<void>;
  readonly state: ExecutionState;
  /** Why it has failed or is stuck. */
  readonly failure: SconceError | undefined;
  /** Since when it has failed or is stuck, in performance.now() milliseconds. */
  readonly failedAt: number | undefined;
  /** What the file says of itself; undefined until it is loaded, and where nobody here reads it. */
  readonly description: NativeModelDescription | undefined;
  /** How its plan was chosen; undefined where none is. */
  readonly plan?: PlanRecord | undefined;
  /** What became of its CUDA graphs; undefined where it was to have none, and until it serves. */
  readonly graphs?: CudaGraphs | undefined;
  /** What requests must hold, for people: `features: float32[n, 64]`. */
  readonly inputs: string | undefined;
  /** What its requests hold, when they are tensors and nothing else, and it serves. */
  readonly tensorPlan?: TensorPlan | undefined;
  /** Most rows in a batch: fewer than batchSize when rows are large. */
  readonly rowsPerBatch: number;
  /** Instances that are wanted: they may still be starting or stopping. */
  readonly instances: number;
  /** Resolves when they run; rejects as loaded and scale(). */
  readonly steady: Promise<void>;
  /** Requests admitted and not answered. */
  readonly pending: number;
  /** Requests that no instance has taken yet. */
  readonly queued: number;
  /** What the instances have to do. */
  readonly load: Load;
  /**
   * What the handler says of the model, once it serves.
   *
   * @throws {SconceError} DESCRIBE_TIMEOUT when it does not say it in time, as a rejection.
   */
  describe(): Promise<Record<string, unknown> | undefined>;
  /** Answers a request through its sink; never throws. */
  predict(prediction: Prediction): void;
  /**
   * Changes the number of instances while requests are answered. Instances that go finish their
   * batch first.
   *
   * @returns when the wanted number runs; rejects with the SconceError of an instance that could
   *   not be made.
   */
  scale(instances: number, intraOpThreads: number): Promise<void>;
  /**
   * A device runs nothing more in this process. Without any other it fails: what it was asked is
   * answered with the error at once.
   */
  deviceFailed?(device: string, error: SconceError): void;
  /** The process of a worker that runs; undefined when it does not. None where they are threads. */
  processOf?(workerId: number): InstanceProcess | undefined;
  /** Measures the memory of the processes. */
  measure?(): Promise<void>;
  /** Answers what was admitted, refuses what is new, and ends the threads or processes. */
  close(): Promise<void>;
}
