import { resolve } from 'node:path';
import { privateLibTorch } from './lib/libtorch-download.mjs';
import {
  describeLibTorch,
  missingFromLibTorch,
  supportedVersions,
  versionSupport,
} from './lib/libtorch-folder.mjs';
import { runAsScript } from './lib/main.mjs';
import { run } from './lib/process.mjs';
import { SetupError } from './lib/setup-error.mjs';

/**
 * @typedef {object} LibTorch
 * @property {string} root holds include/, lib/ and share/cmake
 * @property {string} version
 * @property {'cpu' | 'cuda'} variant
 * @property {string | null} cudaVersion
 * @property {string} source where it was found, in words
 */

/**
 * The LibTorch to build with: what LIBTORCH names, else the torch of python3, else a private copy
 * in the cache folder, which is downloaded when it is not there.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<LibTorch>}
 */
export async function findLibTorch(env = process.env) {
  const found = fromEnvironment(env) ?? (await fromPython(env)) ?? (await fromPrivateCopy(env));
  console.log(`LibTorch ${found.version} (${variantInWords(found)}) from ${found.source}`);
  if (versionSupport(found.version) === 'untried') {
    console.warn(
      `Warning: Sconce is tried with LibTorch ${supportedVersions}; ${found.version} is newer ` +
        'and may not build.',
    );
  }
  return found;
}

function variantInWords({ variant, cudaVersion }) {
  return cudaVersion ? `${variant} ${cudaVersion}` : variant;
}

function fromEnvironment(env) {
  if (!env.LIBTORCH) return null;
  const root = resolve(env.LIBTORCH);
  const source = `LIBTORCH=${env.LIBTORCH}`;
  const missing = missingFromLibTorch(root);
  if (missing.length > 0) {
    throw new SetupError(
      `${source} is no LibTorch: it lacks ${missing.join(', ')}.\n` +
        'Name an unpacked libtorch, or the torch folder of an installed PyTorch wheel.',
    );
  }
  const found = { ...describeLibTorch(root), source };
  if (versionSupport(found.version) === 'too old') {
    throw new SetupError(
      `${source} is LibTorch ${found.version}; Sconce needs ${supportedVersions}.`,
    );
  }
  return found;
}

async function fromPython(env) {
  // Asking for the place does not run torch, which would take seconds. The working folder is left
  // so that a folder named torch in it does not count.
  const code =
    'import importlib.util as u; s = u.find_spec("torch"); ' +
    'print(*(s.submodule_search_locations or []) if s else [], sep="\\n")';
  const { code: status, stdout } = await run('python3', ['-c', code], { env, cwd: '/' });
  const root = stdout.split('\n')[0];
  if (status !== 0 || !root || missingFromLibTorch(root).length > 0) return null;
  const found = { ...describeLibTorch(root), source: `python3's torch, ${root}` };
  if (versionSupport(found.version) !== 'too old') return found;
  console.log(
    `The torch of python3 is ${found.version}, and Sconce needs ${supportedVersions}: not used`,
  );
  return null;
}

async function fromPrivateCopy(env) {
  const root = await privateLibTorch(env);
  return { ...describeLibTorch(root), source: root };
}

await runAsScript(import.meta.url, async () => {
  await findLibTorch();
});
