import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { SconceError } from '../errors.js';
import type { NativeAddon } from './addon.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const require = createRequire(import.meta.url);

let loaded: NativeAddon | undefined;

/**
 * The native addon; the only place that touches the .node file. Loaded on first use, so that
 * everything that needs no model works without it.
 *
 * @throws {SconceError} NATIVE_ADDON_MISSING when it is not built or cannot be loaded.
 */
export function addon(): NativeAddon {
  if (loaded === undefined) {
    try {
      const load: (folder: string) => NativeAddon = require('node-gyp-build');
      loaded = load(root);
    } catch (error) {
      throw new SconceError(
        'NATIVE_ADDON_MISSING',
        error instanceof Error ? error.message.split('\n', 1).join() : String(error),
      );
    }
  }
  return loaded;
}
