import Module, { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { HookOptions, ResolvedImport } from './resolve-hooks.js';

const sconce = new URL('../../index.js', import.meta.url).href;

let isRegistered = false;

/**
 * Makes this thread find `sconce`, and load TypeScript, in files anywhere. Once for a thread, which
 * should be one of its own: all modules that it imports afterwards go through the hooks, and they
 * take a thread more.
 */
export function registerHooks(trace?: MessagePort, packageFolders: readonly string[] = []): void {
  if (isRegistered) return;
  isRegistered = true;
  const data: HookOptions = {
    sconce,
    packageFolders,
    ...(trace === undefined ? {} : { trace }),
  };
  register(new URL('./resolve-hooks.js', import.meta.url), {
    data,
    transferList: trace === undefined ? [] : [trace],
  });
  redirectRequire();
}

/** Hooks do not see what CommonJS requires. */
function redirectRequire(): void {
  const original: unknown = Reflect.get(Module, '_resolveFilename');
  if (typeof original !== 'function') return;
  const path = fileURLToPath(sconce);
  Reflect.set(Module, '_resolveFilename', (request: unknown, ...more: unknown[]) =>
    request === 'sconce' ? path : Reflect.apply(original, Module, [request, ...more]),
  );
}

/**
 * Registers the hooks and lists what is imported from then on; call the result to read it.
 *
 * @param packageFolders URLs of folders that hold node_modules beside those of the importing files
 */
export function traceImports(packageFolders: readonly string[]): () => ResolvedImport[] {
  const { port1, port2 } = new MessageChannel();
  port1.unref();
  registerHooks(port2, packageFolders);
  return () => {
    const imports: ResolvedImport[] = [];
    for (;;) {
      const received: { message: ResolvedImport } | undefined = receiveMessageOnPort(port1);
      if (received === undefined) return imports;
      imports.push(received.message);
    }
  };
}

/** Files that CommonJS has loaded in this thread, without our own. */
export function requiredFiles(): string[] {
  const cache: unknown = Reflect.get(Module, '_cache');
  if (typeof cache !== 'object' || cache === null) return [];
  const own = fileURLToPath(sconce);
  return Object.keys(cache).filter((path) => path !== own);
}
