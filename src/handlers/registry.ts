import type { CustomMetrics } from '../metrics/custom-metrics.js';
import type { NativeModelDescription } from '../native/addon.js';
import type { SystemProperties } from './api/context.js';
import { type BuiltInClass, builtInClasses } from './built-in.js';
import { classifier } from './classifier/classifier-handler.js';
import type { Handler } from './handler.js';
import type { HandlerCode, HandlerThreads } from './host/handler-spec.js';
import type { OffLoop } from './tensor/off-loop.js';
import { TensorHandler } from './tensor/tensor-handler.js';
import { planTensors, type TensorNames } from './tensor/tensor-plan.js';

/** What a handler is made from, once the model file is loaded. */
export interface HandlerContext {
  modelName: string;
  modelVersion: string;
  /** Folder with the files of the model's archive. */
  folder: string;
  /** The model's configuration with every key, also those that only handlers read. */
  config: TensorNames & Readonly<Record<string, unknown>>;
  description: NativeModelDescription;
  offLoop: OffLoop;
  /** For what a handler on the main loop measures. */
  metrics: CustomMetrics;
  /** MAR-INF/MANIFEST.json; an empty object without one. */
  manifest: Record<string, unknown>;
  systemProperties: SystemProperties;
  /** Runs handlers that are classes. */
  threads: HandlerThreads;
  /** How requests are wrapped, for handlers that open them themselves. */
  envelope?: string | undefined;
}

/** @throws {SconceError} INVALID_CONFIGURATION when the configuration and the file disagree. */
export type HandlerFactory = (context: HandlerContext) => Handler;

const tensor: HandlerFactory = ({ config, description, offLoop }) =>
  new TensorHandler(planTensors(config, description), offLoop);

/** A handler that is a class, which runs on threads of its own. */
function onThreads(code: (context: HandlerContext) => HandlerCode): HandlerFactory {
  return (context) => {
    const { modelName, modelVersion, manifest, systemProperties, config, description, envelope } =
      context;
    return context.threads({
      code: code(context),
      modelName,
      modelVersion,
      manifest,
      systemProperties,
      modelConfig: { ...config },
      plan: planTensors(config, description),
      envelope,
    });
  };
}

function builtIn({ module, className }: BuiltInClass): HandlerFactory {
  return onThreads(() => ({
    from: 'module',
    url: new URL(module, import.meta.url).href,
    className,
  }));
}

/**
 * A handler whose code came with the model.
 *
 * @param handler as the manifest names it: `alpha_handler.js`, `alpha_handler.js:AlphaHandler`, or an
 *   npm package
 */
export function userHandlerFactory(handler: string): HandlerFactory {
  return onThreads(({ folder }) => ({ from: 'archive', folder, handler }));
}

/** Handler of models that name none. */
export const defaultHandler = 'tensor';

/**
 * Handlers that need no code of the archive, by the name that a manifest gives. TorchServe's
 * base_handler does with numbers what `tensor` does.
 */
export const builtInHandlers: ReadonlyMap<string, HandlerFactory> = new Map([
  [defaultHandler, tensor],
  ['base_handler', tensor],
  ['classifier', classifier],
  ['classifier', classifier],
  ...[...builtInClasses].map(([name, row]): [string, HandlerFactory] => [name, builtIn(row)]),
]);

/** Why a handler that is not in the registry cannot run, and what to do. */
export function unknownHandlerReason(handler: string, known: Iterable<string>): string {
  const remedy = `Handlers here: ${[...known].join(', ')}. A model that takes and returns tensors needs no code: archive it with --handler tensor, or register it with handler=tensor`;
  return /\.py(:|$)/.test(handler)
    ? `its handler ${handler} is Python, which does not run in this process. ${remedy}`
    : `its handler ${handler} is not known. ${remedy}`;
}
