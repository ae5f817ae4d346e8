import { basename } from 'node:path';
import type { Manifest } from './manifest.js';

type Runtime = Manifest['runtime'];

/** Handlers of TorchServe that an archive names and does not hold. */
const pythonHandlers = [
  'base_handler',
  'text_classifier',
  'image_classifier',
  'object_detector',
  'image_segmenter',
  'dali_image_classifier',
  'vllm_handler',
  'trt_llm_handler',
];
const nativeHandlers = ['BaseHandler', 'TorchScriptHandler'];

/** Sconce's own handler, which any runtime's archive may name. */
export const tensorHandler = 'tensor';

/** A handler as the manifest names it, and its file. */
export interface ArchiveHandler {
  name: string;
  /** Undefined for a handler that the server brings. */
  file: string | undefined;
}

/**
 * What `--handler` means: the name of a handler that the server brings, or a file. The file's
 * ending may be left out, and `:function` (`:Class` for LSP) may follow.
 */
export function resolveHandler(handler: string, runtime: Runtime): ArchiveHandler {
  const known = runtime === 'LSP' ? nativeHandlers : pythonHandlers;
  if (handler === tensorHandler || known.includes(handler)) {
    return { name: handler, file: undefined };
  }
  const name = basename(handler);
  const folder = handler.slice(0, handler.lastIndexOf('/') + 1);
  const [file = ''] = name.split(':');
  return { name, file: folder + withEnding(file, runtime) };
}

function withEnding(file: string, runtime: Runtime): string {
  if (runtime !== 'LSP') return file.includes('.py') ? file : `${file}.py`;
  const ending = process.platform === 'darwin' ? '.dylib' : '.so';
  return file.endsWith(ending) ? file : `${file}${ending}`;
}
