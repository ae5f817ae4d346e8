import { extname } from 'node:path';

/** Endings of files that hold a handler's code. */
const endings = ['.ts', '.mts', '.js', '.mjs', '.cjs'];

/** Endings of files whose types have to be stripped. */
const typedEndings = ['.ts', '.mts'];

/** A handler as a manifest names it: `alpha_handler.ts:AlphaModelHandler`. */
export interface HandlerName {
  /** A file, or an npm package. */
  module: string;
  /** Which of its classes; undefined for the only one. */
  className: string | undefined;
}

/** Takes the name of a handler apart. */
export function parseHandlerName(handler: string): HandlerName {
  const [, module = handler, className] = /^(.*?):([^:/]*)$/.exec(handler) ?? [];
  return { module, className: className === '' ? undefined : className };
}

/** True for a file of JavaScript or TypeScript. */
export function isCodeFile(path: string): boolean {
  return endings.includes(extname(path));
}

/** True for a file of TypeScript; declarations are none. */
export function isTypedFile(path: string): boolean {
  return typedEndings.includes(extname(path)) && !/\.d\.m?ts$/.test(path);
}

/** Name of the JavaScript that a file of TypeScript becomes: always an ES module. */
export function strippedName(path: string): string {
  return isTypedFile(path) ? path.replace(/\.m?ts$/, '.mjs') : path;
}

/** True for what npm takes as a package's name. */
export function isPackageName(name: string): boolean {
  return /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i.test(name);
}
