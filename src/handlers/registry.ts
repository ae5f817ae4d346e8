import type { CustomMetrics } from '../metrics/custom-metrics.js';
import type { NativeModelDescription } from '../native/addon.js';
import type { Handler } from './handler.js';
import type { OffLoop } from './tensor/off-loop.js';
import { TensorHandler } from './tensor/tensor-handler.js';
import { planTensors, type TensorNames } from './tensor/tensor-plan.js';

/** What a handler is made from, once the model file is loaded. */
export interface HandlerContext {
  modelName: string;
  modelVersion: string;
  /** Folder with the files of the model's archive. */
  folder: string;
  config: TensorNames;
  description: NativeModelDescription;
  offLoop: OffLoop;
  /** For what the handler itself measures. */
  metrics: CustomMetrics;
}

/** @throws {SconceError} INVALID_CONFIGURATION when the configuration and the file disagree. */
export type HandlerFactory = (context: HandlerContext) => Handler;

const tensor: HandlerFactory = ({ config, description, offLoop }) =>
  new TensorHandler(planTensors(config, description), offLoop);

/** Handler of models that name none. */
export const defaultHandler = 'tensor';

/**
 * Handlers that need no code of the archive, by the name that a manifest gives. TorchServe's
 * base_handler does with numbers what `tensor` does.
 */
export const builtInHandlers: ReadonlyMap<string, HandlerFactory> = new Map([
  [defaultHandler, tensor],
  ['base_handler', tensor],
]);

/** Why a handler that is not in the registry cannot run, and what to do. */
export function unknownHandlerReason(handler: string, known: Iterable<string>): string {
  const remedy = `Handlers here: ${[...known].join(', ')}. A model that takes and returns tensors needs no code: archive it with --handler tensor, or register it with handler=tensor`;
  return /\.py(:|$)/.test(handler)
    ? `its handler ${handler} is Python, which does not run in this process. ${remedy}`
    : `its handler ${handler} is not known. ${remedy}`;
}
