import { basename, extname, join } from 'node:path';
import { isFileInside } from './model-file.js';

/** Code of a handler that came with the model. */
export interface HandlerCode {
  language: 'python' | 'javascript';
  /** The file; of an npm package its package.json. */
  path: string;
}

const scriptEndings = ['.ts', '.mts', '.js', '.mjs', '.cjs'];

/**
 * The code that a handler's name means, if the folder has it: `x.py` and `x.ts` with or without
 * `:name`, `x` for `x.py`, or the name of an npm package.
 */
export async function findHandlerCode(
  folder: string,
  handler: string,
): Promise<HandlerCode | undefined> {
  const [name = ''] = handler.split(':', 1);
  for (const candidate of candidates(folder, name)) {
    if (await isFileInside(folder, candidate.path)) return candidate;
  }
  return undefined;
}

function candidates(folder: string, name: string): HandlerCode[] {
  const script = (path: string): HandlerCode => ({ language: 'javascript', path });
  // TorchServe imports the module by its last name from the archive's root.
  const module = (path: string): HandlerCode => ({ language: 'python', path });
  if (extname(name) === '.py') return [module(join(folder, basename(name)))];
  if (scriptEndings.includes(extname(name))) return [script(join(folder, name))];
  return [
    module(join(folder, `${basename(name)}.py`)),
    script(join(folder, 'node_modules', name, 'package.json')),
    script(join(folder, name, 'package.json')),
  ];
}
