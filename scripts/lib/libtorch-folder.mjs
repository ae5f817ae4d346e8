import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './setup-error.mjs';

const oldest = [2, 11];
const newestTried = [2, 14];

/** Libraries carry another ending on macOS. */
const libraryEnding = process.platform === 'darwin' ? '.dylib' : '.so';

/**
 * What a folder must hold to be a LibTorch that the addon can be built with, less what it holds.
 *
 * @param {string} root
 */
export function missingFromLibTorch(root) {
  const wanted = [
    'include/torch/script.h',
    'include/torch/csrc/api/include/torch',
    'include/c10',
    `lib/libc10${libraryEnding}`,
    `lib/libtorch_cpu${libraryEnding}`,
    `lib/libtorch${libraryEnding}`,
  ];
  return wanted.filter((path) => !existsSync(join(root, path)));
}

/**
 * Version and variant of a LibTorch folder: an unpacked libtorch, or the `torch` folder of a
 * wheel.
 *
 * @param {string} root
 * @returns {{ root: string, version: string, variant: 'cpu' | 'cuda', cudaVersion: string | null }}
 */
export function describeLibTorch(root) {
  const versionPy = readIfThere(join(root, 'version.py'));
  const full =
    /^__version__\s*(?::[^=]*)?=\s*'([^']+)'/m.exec(versionPy)?.[1] ??
    (readIfThere(join(root, 'build-version')).trim() || versionFromHeader(root));
  const variant = existsSync(join(root, `lib/libtorch_cuda${libraryEnding}`)) ? 'cuda' : 'cpu';
  const cudaVersion =
    variant === 'cpu'
      ? null
      : (/^cuda\s*(?::[^=]*)?=\s*'([^']+)'/m.exec(versionPy)?.[1] ??
        /\+cu(\d+)(\d)$/.exec(full)?.slice(1).join('.') ??
        null);
  return { root, version: full.split('+')[0], variant, cudaVersion };
}

function versionFromHeader(root) {
  const header =
    readIfThere(join(root, 'include/torch/headeronly/version.h')) ||
    readIfThere(join(root, 'include/torch/csrc/api/include/torch/version.h'));
  const part = (name) => new RegExp(`#define TORCH_VERSION_${name} (\\d+)`).exec(header)?.[1];
  const parts = ['MAJOR', 'MINOR', 'PATCH'].map(part);
  if (parts.includes(undefined)) {
    throw new SetupError(
      `${root} does not say which version of LibTorch it is: it has no version.py, ` +
        'no build-version and no version.h that does.',
    );
  }
  return parts.join('.');
}

function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/**
 * Whether the addon is known to build with a version.
 *
 * @param {string} version
 * @returns {'supported' | 'untried' | 'too old'}
 */
export function versionSupport(version) {
  const parts = version.split('.').map(Number);
  if (comparePairs(parts, oldest) < 0) return 'too old';
  return comparePairs(parts, newestTried) > 0 ? 'untried' : 'supported';
}

function comparePairs(a, b) {
  return a[0] - b[0] || a[1] - b[1];
}

/** The versions that are known to work, in words. */
export const supportedVersions = `${oldest.join('.')} to ${newestTried.join('.')}`;
