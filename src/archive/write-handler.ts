import { existsSync } from 'node:fs';
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

/** Others of its own. A file of such a name goes before: Python's ending may be left out. */
const ownHandlers = ['classifier', 'text_embedding'];

/** Endings of handlers in JavaScript and TypeScript. */
const codeEndings = /\.([cm]?js|m?ts)$/;

/** A handler's code that was looked at before: what the archive holds of it. */
export interface HandlerCode {
  /** What the manifest names. */
  name: string;
  files: readonly { name: string; path: string; content?: string }[];
  /** Packages that it imports, and a file that does. */
  packages: readonly { name: string; importer: string }[];
}

/** True for `--handler` that names a file of JavaScript or TypeScript. */
export function isCodeHandler(handler: string): boolean {
  return codeEndings.test(handler.replace(/:[^:/]*$/, ''));
}

/** A handler as the manifest names it, and its file. */
export interface ArchiveHandler {
  name: string;
  /** Undefined for a handler that the server brings. */
  file: string | undefined;
}

/**
 * What `--handler` means: the name of a handler that the server brings, or a file. The ending of a
 * file in Python or C++ may be left out, and `:function` (`:Class` for others) may follow.
 */
export function resolveHandler(handler: string, runtime: Runtime): ArchiveHandler {
  const known = runtime === 'LSP' ? nativeHandlers : pythonHandlers;
  const isOwn = ownHandlers.includes(handler) && !existsSync(`${handler}.py`);
  if (handler === tensorHandler || isOwn || known.includes(handler)) {
    return { name: handler, file: undefined };
  }
  const name = basename(handler);
  const folder = handler.slice(0, handler.lastIndexOf('/') + 1);
  const [file = ''] = name.split(':');
  return { name, file: folder + withEnding(file, runtime) };
}

function withEnding(file: string, runtime: Runtime): string {
  if (codeEndings.test(file)) return file;
  if (runtime !== 'LSP') return file.includes('.py') ? file : `${file}.py`;
  const ending = process.platform === 'darwin' ? '.dylib' : '.so';
  return file.endsWith(ending) ? file : `${file}${ending}`;
}
