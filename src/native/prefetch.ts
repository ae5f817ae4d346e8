import { fileURLToPath } from 'node:url';

/** Where the build puts native/prefetch.cc. */
const library = fileURLToPath(
  new URL('../../../build/Release/sconce_prefetch.so', import.meta.url),
);

/** What it exports. */
interface Prefetch {
  /** Blocks until the addon is loaded, or has failed to. */
  wait(): void;
}

/**
 * Begins to load the addon, and LibTorch with it, on a thread: addon() then finds it there. Where that
 * is not built nothing happens, and addon() says what is missing.
 */
export function prefetchAddon(): void {
  const module: { exports: Partial<Prefetch> } = { exports: {} };
  try {
    process.dlopen(module, library);
  } catch {
    return;
  }
  const { wait } = module.exports;
  // Libraries must not be torn down while the thread still sets them up.
  if (wait !== undefined) process.once('exit', () => wait());
}
