import { realpathSync } from 'node:fs';
import { findHandlerModule } from './find-module.js';
import { chooseHandlerClass, type HandlerClass } from './handler-class.js';
import { parseHandlerName } from './handler-name.js';
import { importFailure } from './load-failure.js';
import { registerHooks } from './register-hooks.js';

const steps = ['initialize', 'preprocess', 'inference', 'postprocess', 'explain'] as const;
export type HandlerStep = (typeof steps)[number];

/** A handler's class, ready to be made. */
export interface LoadedHandler {
  HandlerClass: HandlerClass;
  className: string;
  /** For messages: the file within the folder, or the package. */
  file: string;
  /** Steps that are async functions. Others may return promises all the same. */
  asyncSteps: ReadonlySet<HandlerStep>;
}

/**
 * Imports a handler's code into this thread, which should be a thread for it alone.
 *
 * @param folder the model's files
 * @param handler as the manifest names it: `alpha_handler.ts`, `alpha_handler.mjs:AlphaHandler`, or
 *   an npm package
 * @throws {SconceError} INVALID_CONFIGURATION naming file and place, as a rejection.
 */
export async function loadHandlerClass(folder: string, handler: string): Promise<LoadedHandler> {
  const { module, className } = parseHandlerName(handler);
  const { specifier, file } = findHandlerModule(folder, module);
  registerHooks();
  const namespace: Record<string, unknown> = await import(specifier).catch(async (error) => {
    throw await importFailure(error, realpathSync(folder), file);
  });
  const chosen = chooseHandlerClass(namespace, className, file);
  return {
    HandlerClass: chosen,
    className: chosen.name,
    file,
    asyncSteps: new Set(steps.filter((step) => isAsync(chosen.prototype[step]))),
  };
}

function isAsync(method: unknown): boolean {
  return typeof method === 'function' && method.constructor.name.startsWith('Async');
}
