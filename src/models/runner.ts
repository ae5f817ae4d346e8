import { extname } from 'node:path';
import {
  defaultHandler,
  type HandlerFactory,
  unknownHandlerReason,
  userHandlerFactory,
} from '../handlers/registry.js';
import type { ModelSource } from './model-source.js';

/** Which way a model runs: here, in Python processes of its own, or not at all. */
export type Runner =
  | { kind: 'here'; factory: HandlerFactory }
  | { kind: 'process' }
  | { kind: 'refused'; reason: string };

/** Handlers that TorchServe brings. */
const torchServeHandlers: ReadonlySet<string> = new Set([
  'base_handler',
  'dali_image_classifier',
  'image_classifier',
  'image_segmenter',
  'object_detector',
  'text_classifier',
  'trt_llm_handler',
  'vllm_handler',
]);

const runsInPython: Runner = { kind: 'process' };

/**
 * Decides by the handler and the files of a model. A handler that is known here goes before code of
 * the same name in the archive.
 */
export function runnerOf(
  source: ModelSource,
  handlers: ReadonlyMap<string, HandlerFactory>,
): Runner {
  const runner = runnerByHandler(source, handlers);
  if (runner.kind !== 'process' || source.config.isolation !== 'thread') return runner;
  return refused(
    `isolation: thread keeps it in this process, and its handler ${source.handler} is Python. Leave isolation out to run it in processes of its own`,
  );
}

function runnerByHandler(
  source: ModelSource,
  handlers: ReadonlyMap<string, HandlerFactory>,
): Runner {
  const { handler, handlerCode, modelFile, config, problem } = source;
  if (config.isolation === 'process') {
    if (isForPython(source)) return runsInPython;
    return refused(
      `isolation: process runs what TorchServe can run, and ${noneOfTorchServes(source)}. Leave isolation out to run it in this process`,
    );
  }
  if (modelFile !== undefined) {
    if (isForPython(source)) return runsInPython;
    return refused(
      `its archive holds a model in Python (${modelFile}) and its weights, and ${noneOfTorchServes(source)}. Export the model with torch.jit.script or torch.jit.trace, and archive the exported file`,
    );
  }
  const factory = handlers.get(handler);
  if (factory !== undefined) {
    if (problem === undefined) return { kind: 'here', factory };
    return handlerCode?.language === 'python' ? runsInPython : refused(problem);
  }
  if (handlerCode?.language === 'javascript') {
    if (problem !== undefined) return refused(problem);
    return { kind: 'here', factory: userHandlerFactory(handler) };
  }
  if (isForPython(source)) return runsInPython;
  return refused(unknownHandlerReason(handler, handlers.keys()));
}

/** True for a handler that TorchServe's worker can find. */
function isForPython({ handler, handlerCode, runtime }: ModelSource): boolean {
  if (runtime === 'LSP') return false;
  if (handlerCode !== undefined) return handlerCode.language === 'python';
  const [module = '', entry] = handler.split(':', 2);
  const ending = extname(module);
  // `module:function` may be installed beside TorchServe: its worker says when it is not.
  return ending === '.py' || (ending === '' && entry !== undefined) || isTorchServes(handler);
}

function isTorchServes(handler: string): boolean {
  return torchServeHandlers.has(handler);
}

function noneOfTorchServes({ handler, runtime }: ModelSource): string {
  if (runtime === 'LSP') return 'its runtime LSP is for handlers in C++';
  return handler === defaultHandler
    ? `the handler ${handler} is not TorchServe's`
    : `its handler ${handler} is neither TorchServe's nor Python`;
}

function refused(reason: string): Runner {
  return { kind: 'refused', reason };
}
