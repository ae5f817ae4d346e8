import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, SconceError } from '../../errors.js';
import { isCodeFile, isTypedFile } from './handler-name.js';
import { stripTypes } from './strip-types.js';

/** Files that are searched for a mistake of syntax whose place is not told. */
const mostFiles = 200;

const remedies: readonly [said: RegExp, remedy: string][] = [
  [
    /does not provide an export named/,
    '; look at its spelling, and import what is a type only with "import type"',
  ],
  [
    /^Invalid or unexpected token$/,
    '; decorators are no JavaScript: compile the file and use what the compiler writes',
  ],
];

/**
 * Why a handler's code could not be imported, with the place where it can be found.
 *
 * @param folder the real path of the model's files
 * @param file the handler's, for messages
 */
export async function importFailure(
  error: unknown,
  folder: string,
  file: string,
): Promise<SconceError> {
  const message = withoutFolder(messageOf(error), folder);
  // What the hooks throw says its place already.
  if (codeOf(error) === 'INVALID_CONFIGURATION') return invalid(message);
  if (codeOf(error)?.endsWith('MODULE_NOT_FOUND')) {
    const [first = ''] = message.split('\n', 1);
    return invalid(`${first}: ${missing(first, folder)}`);
  }
  const place = placeOf(error, folder);
  if (error instanceof SyntaxError) {
    const mistake = place === undefined ? await firstMistake(folder, file) : undefined;
    const remedy = remedies.find(([said]) => said.test(message))?.[1] ?? '';
    return invalid(mistake ?? `${place ?? file}: ${message}${remedy}`);
  }
  return invalid(`${place ?? file} failed when it was imported: ${message}`);
}

/** What to do about a module that is not there. */
function missing(message: string, folder: string): string {
  const [, name = ''] = /^Cannot find (?:module|package) '([^']*)'/.exec(message) ?? [];
  const twin = ['.ts', '.mts', '.js', '.mjs', '.cjs', '/index.ts', '/index.js']
    .map((ending) => name + ending)
    .find((path) => name !== '' && existsSync(join(folder, path)));
  if (twin !== undefined) {
    return `an import names a file with its ending, and there is ${twin}`;
  }
  return /\.[cm]?[jt]s$|^\.{1,2}\/|^\//.test(name)
    ? 'there is no such file'
    : 'it is not in the archive; install it with npm install --prefix deps, and archive with --extra-files deps';
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** The first place of the error's stack that lies in the folder: `alpha_handler.mjs:3:9`. */
function placeOf(error: unknown, folder: string): string | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return;
  const places = withoutFolder(error.stack, folder, '\0').matchAll(/\0([^\s()]+:\d+)/g);
  return [...places].map(([, place]) => place).find((place) => !place?.startsWith('node_modules'));
}

function withoutFolder(text: string, folder: string, mark = ''): string {
  const url = pathToFileURL(folder + sep).href;
  return text.replaceAll(url, mark).replaceAll(folder + sep, mark);
}

/**
 * Node does not say where a module's syntax is wrong: the parser for types does. TypeScript went
 * through it already.
 */
async function firstMistake(folder: string, file: string): Promise<string | undefined> {
  const paths = await readdir(folder, { recursive: true });
  const others = paths.filter((path) => path !== file && !path.includes('node_modules'));
  const own = [file, ...others].filter((path) => isCodeFile(path) && !isTypedFile(path));
  for (const path of own.slice(0, mostFiles)) {
    try {
      await stripTypes(await readFile(join(folder, path), 'utf8'), path);
    } catch (error) {
      if (codeOf(error) === 'INVALID_CONFIGURATION') return messageOf(error);
    }
  }
  return undefined;
}

function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}
