import type { SystemProperties } from '../api/context.js';
import type { RequestHandler } from '../handler.js';
import type { TensorPlan } from '../tensor/tensor-plan.js';

/** Where the class of a handler is. */
export type HandlerCode =
  /** Of Sconce: a URL of a module, and what it exports. */
  | { from: 'module'; url: string; className: string }
  /** Of the model's archive: what its manifest names. */
  | { from: 'archive'; folder: string; handler: string };

/** Everything that a thread needs to make a handler; it can be cloned. */
export interface HandlerSpec {
  code: HandlerCode;
  modelName: string;
  modelVersion: string;
  manifest: Record<string, unknown>;
  systemProperties: SystemProperties;
  modelConfig: Record<string, unknown>;
  plan: TensorPlan;
  /** How requests are wrapped: a name of envelopes/. */
  envelope: string | undefined;
}

/** Runs handlers on threads. workers/ does it. */
export type HandlerThreads = (spec: HandlerSpec) => RequestHandler;
