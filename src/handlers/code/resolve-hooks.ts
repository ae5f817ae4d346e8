import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { LoadHook, ResolveHook } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import { isTypedFile } from './handler-name.js';
import { stripTypes } from './strip-types.js';

/** One import that was resolved: what was written, where, and the module it led to. */
export interface ResolvedImport {
  specifier: string;
  parent: string | undefined;
  url: string;
}

/** What a thread tells the hooks that it registers. */
export interface HookOptions {
  /** URL of the module that `sconce` means. */
  sconce: string;
  /** URLs of folders whose node_modules have what the importing file's own folders do not. */
  packageFolders: readonly string[];
  /** Where imports are reported to. */
  trace?: MessagePort;
}

/** Prefix of specifiers that stand for a package as a folder sees it: `?<folder's URL>` follows. */
export const packagePrefix = 'sconce-package:';

let options: HookOptions | undefined;

export function initialize(given: HookOptions): void {
  options = given;
}

/**
 * `sconce` is this package wherever the importing file lies, also where a copy of the package is
 * nearer: a class has to extend our own BaseHandler. Of TypeScript and its JavaScript the one that
 * is there is found by the name of the other.
 */
export const resolve: ResolveHook = async (specifier, context, next) => {
  if (specifier === 'sconce' && options !== undefined) {
    return { url: options.sconce, format: 'module', shortCircuit: true };
  }
  // Node takes over what next() is given.
  const parent = context.parentURL;
  const resolved = await resolveOther(specifier, context, next);
  const { trace } = options ?? {};
  if (trace !== undefined && resolved.url.startsWith('file:')) {
    const found: ResolvedImport = { specifier, parent, url: resolved.url };
    trace.postMessage(found);
  }
  return resolved;
};

const resolveOther: ResolveHook = async (specifier, context, next) => {
  if (specifier.startsWith(packagePrefix)) {
    const [name = '', parentURL] = specifier.slice(packagePrefix.length).split('?', 2);
    return next(name, { ...context, parentURL });
  }
  const twin = existingTwin(specifier, context.parentURL);
  try {
    return await next(twin ?? specifier, context);
  } catch (error) {
    if (!isPackage(specifier)) throw error;
    for (const parentURL of options?.packageFolders ?? []) {
      try {
        return await next(specifier, { ...context, parentURL });
      } catch {
        // What the importing file's own folders lack is what its author is told.
      }
    }
    throw error;
  }
};

function isPackage(specifier: string): boolean {
  return !/^(\.{0,2}\/|[a-z]+:)/.test(specifier);
}

/** The specifier with the other ending, when only that file is there. */
function existingTwin(specifier: string, parent: string | undefined): string | undefined {
  if (!/^\.{1,2}\//.test(specifier) || !parent?.startsWith('file:')) return;
  const isThere = (path: string) => existsSync(fileURLToPath(new URL(path, parent)));
  const [, stem, ending] = /^(.*)(\.m?[jt]s)$/.exec(specifier) ?? [];
  if (stem === undefined || ending === undefined || isThere(specifier)) return;
  const others = ending.endsWith('ts') ? ['.mjs', '.js'] : ['.ts', '.mts'];
  return others.map((other) => stem + other).find(isThere);
}

/** TypeScript without its types. It is always an ES module. */
export const load: LoadHook = async (url, context, next) => {
  if (!url.startsWith('file:') || !isTypedFile(new URL(url).pathname)) return next(url, context);
  const path = fileURLToPath(url);
  const source = await stripTypes(await readFile(path, 'utf8'), path);
  return {
    format: 'module',
    source: `${source}\n//# sourceURL=${pathToFileURL(path).href}`,
    shortCircuit: true,
  };
};
