import type { SlabBudget } from '../batching/slab-budget.js';
import type { SconceError } from '../errors.js';
import type { HandlerFactory } from '../handlers/registry.js';
import type { OffLoop } from '../handlers/tensor/off-loop.js';
import type { VersionMetrics } from '../metrics/metrics.js';
import type { Precision } from '../native/addon.js';
import type { ExecutionPlan, PlanWish } from '../plans/plan.js';
import type { PlanRecord } from '../plans/plan-record.js';
import type { PlanLog, Planner } from '../plans/planner.js';
import type { FileChecks } from '../workers/file-checks.js';
import type { ModelSource } from './model-source.js';

/** Everything about an execution that is settled before it loads. */
export interface NativeExecutionOptions {
  source: ModelSource;
  /** Undefined when there is a problem. */
  handler: HandlerFactory | undefined;
  /** Why it cannot run: it fails at once then. */
  problem: SconceError | undefined;
  /** `cpu`, or GPUs: its instances are dealt out to them. */
  devices: readonly string[];
  instances: number;
  intraOpThreads: number;
  freeze: boolean;
  precision: Precision;
  /** Whether batches on a GPU run as CUDA graphs: where a plan says so, always, never. */
  cudaGraphs: 'auto' | 'always' | 'never';
  /** MiB that they may take on each GPU. */
  cudaGraphMemory: number;
  /** Where cheap batches run: on the main loop if it pays, or not. */
  runOnLoop: 'auto' | 'never';
  /** Whether the fastest plan is searched for. */
  plan: 'auto' | 'off';
  /** Seconds that the search may take. */
  planTime: number;
  /** Largest deviation that it may bring to outputs, relative to the largest of them. */
  tolerance: number;
  /** What a plan may not decide. */
  planFixed: PlanWish['fixed'];
  /** Its share of the cores beside other models. */
  weight: number;
  batchSize: number;
  /** Milliseconds that a batch waits for more rows although an instance is idle. */
  batchDelay: number;
  jobQueueSize: number;
  /** Seconds. */
  responseTimeout: number;
  /** Seconds from the start of the load to its end. */
  startupTimeout: number;
  /** Milliseconds in the queue; 0 for as long as it takes. */
  clientTimeout: number;
  /** Refuse what no idle instance can take at once. */
  useJobTicket: boolean;
  warmUp: boolean;
  /** Threads of a handler that is a class; 0 for what the cores allow. */
  handlerThreads: number;
  /** MiB of JavaScript heap of each of them. */
  handlerMemory: number;
  /** Whether clients read what a handler throws. */
  handlerErrors: boolean;
  /** Whether its handler refuses images of more pixels than TorchServe takes. */
  limitMaxImagePixels: boolean;
}

/** What an execution shares with the others. */
export interface NativeExecutionContext {
  budget: SlabBudget;
  offLoop: OffLoop;
  checks: FileChecks;
  metrics: VersionMetrics;
  planner: Planner;
  /** Where it is told how the search for a plan goes on. */
  planLog: PlanLog;
  /** A plan was chosen; it has so many instances and threads. */
  planned(plan: ExecutionPlan, record: PlanRecord): void;
  /** So many instances can take work; milliseconds that each of the new ones took to get there. */
  instancesStarted(milliseconds: readonly number[], running: number): void;
  /** What the code of the model printed, and how many lines were lost after it. */
  printed(lines: readonly string[], dropped: number, level?: 'info' | 'warn'): void;
  /** It cannot be loaded, or does not serve any more; or a thread of its handler has ended. */
  failed(error: SconceError): void;
  /** A device runs nothing more in this process, for the reason that CUDA gives. */
  deviceFailed(device: string, why: string): void;
  /** These requests were in a batch that ran when a device failed. */
  lost(requestIds: readonly string[]): void;
  /** So many batches have run for longer than responseTimeout; so many instances stand in. */
  hanging(batches: number, replacements: number): void;
  /** Batches of up to so many rows run on the main loop from now on, and why. */
  onLoop(rows: number, why: string): void;
  /** It was stuck, and serves again. */
  recovered(): void;
}
