import { realpathSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, SconceError } from '../../errors.js';
import type { HandlerCode } from './handler-spec.js';

/** Where a handler's code has thrown: `alpha_handler.js:12:5`; undefined when that is not known. */
function placeOf(error: unknown, { from, ...code }: HandlerCode): string | undefined {
  if (from !== 'archive' || !('folder' in code) || !(error instanceof Error)) return undefined;
  const folder = realpathSync(code.folder) + sep;
  for (const line of error.stack?.split('\n') ?? []) {
    const [, location = ''] = /\(?((?:file:\/\/|\/)[^()]*:\d+:\d+)\)?$/.exec(line) ?? [];
    const [, file = '', position = ''] = /^(.*?)(:\d+:\d+)$/.exec(location) ?? [];
    const path = file.startsWith('file:') ? fileURLToPath(file.replace(/\?.*$/, '')) : file;
    if (path.startsWith(folder)) return relative(folder, path) + position;
  }
  return undefined;
}

/** What a handler has thrown when it was made, with the place in its code. */
export function initializationFailure(error: unknown, code: HandlerCode): SconceError {
  if (error instanceof SconceError) return error;
  const place = placeOf(error, code);
  const message = messageOf(error);
  return new SconceError('HANDLER_FAILED').because(
    place === undefined ? message : `${message} (${place})`,
  );
}
