import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, freemem } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { ensureDependencies } from './lib/dependencies.mjs';
import { listFiles } from './lib/files.mjs';
import { withLock } from './lib/lock.mjs';
import { runAsScript } from './lib/main.mjs';
import { runVisible } from './lib/process.mjs';
import { stopwatch } from './lib/progress.mjs';
import { root } from './lib/root.mjs';
import { SetupError } from './lib/setup-error.mjs';
import { requireTools } from './lib/tools.mjs';
import { findLibTorch } from './libtorch.mjs';

const cmakeFolder = join(root, 'build/cmake');
const outputFolder = join(root, 'build/Release');
const addon = join(outputFolder, 'sconce.node');
const stampFile = join(root, 'build/native-stamp.json');
const bytesPerJob = 1.5e9;

/**
 * Builds native/ to build/Release/sconce.node when anything that it depends on has changed.
 */
export async function buildNative() {
  const libtorch = await findLibTorch();
  await withLock(join(root, 'build/native.lock'), 'Another build is running: waiting', async () => {
    const stamp = currentStamp(libtorch);
    const last = readStamp();
    if (existsSync(addon) && last.configuration === stamp.configuration) {
      if (last.sources === stamp.sources) {
        console.log('The native addon is up to date');
        return;
      }
    }
    requireTools(['cmake', 'a C++ compiler', 'make or ninja'], 'Building the native addon');
    await compile(libtorch, stamp, last.configuration !== stamp.configuration);
  });
}

async function compile(libtorch, stamp, reconfigure) {
  console.log(`Building the native addon in ${relative(process.cwd(), cmakeFolder) || '.'}`);
  const elapsed = stopwatch();
  rmSync(stampFile, { force: true });
  // What CMake has cached of another LibTorch is not to be trusted.
  if (reconfigure) rmSync(cmakeFolder, { recursive: true, force: true });
  const configured = existsSync(join(cmakeFolder, 'CMakeCache.txt'));
  const steps = configured ? ['build'] : ['configure', 'build'];
  for (const step of steps) {
    const code = await runVisible(process.execPath, cmakeJsArguments(step, libtorch), {
      cwd: root,
    });
    if (code === 0) continue;
    if (step === 'configure') rmSync(join(cmakeFolder, 'CMakeCache.txt'), { force: true });
    throw new SetupError(`Building the native addon failed after ${elapsed()}: see above.`);
  }
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, JSON.stringify(stamp));
  console.log(`Built ${relative(process.cwd(), addon)} in ${elapsed()}`);
}

function cmakeJsArguments(step, libtorch) {
  const require = createRequire(import.meta.url);
  const cmakeJs = join(packageFolder(require, 'cmake-js'), 'bin/cmake-js');
  const definitions = {
    CMAKE_LIBRARY_OUTPUT_DIRECTORY: outputFolder,
    LIBTORCH_ROOT: libtorch.root,
    LIBTORCH_CUDA_VERSION: libtorch.cudaVersion ?? '',
    SIMDJSON_DIR: join(packageFolder(require, '@nozbe/simdjson'), 'src'),
    SCONCE_SANITIZE: process.env.SCONCE_SANITIZE ?? '',
  };
  return [
    ...[cmakeJs, step, '--directory', root, '--out', cmakeFolder, '--log-level', 'error'],
    ...['--parallel', String(compileJobs())],
    ...Object.entries(definitions).map(([name, value]) => `--CD${name}=${value}`),
  ];
}

/** One compiler that reads torch/script.h takes about a gigabyte. */
function compileJobs() {
  const byMemory = Math.floor(freemem() / bytesPerJob);
  return Math.max(1, Math.min(availableParallelism(), byMemory));
}

function packageFolder(require, name) {
  return dirname(require.resolve(`${name}/package.json`));
}

/** Sources: compiled again one by one. Configuration: a change builds all from nothing. */
function currentStamp(libtorch) {
  const require = createRequire(import.meta.url);
  const versionOf = (name) => require(`${name}/package.json`).version;
  const sources = createHash('sha256');
  const files = [
    join(root, 'CMakeLists.txt'),
    ...listFiles(join(root, 'cmake'), ['.cmake']),
    ...listFiles(join(root, 'native'), ['.cc', '.h']),
  ];
  for (const file of files) {
    sources.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  const { root: folder, version, variant, cudaVersion } = libtorch;
  const configuration = JSON.stringify({
    libtorch: [folder, version, variant, cudaVersion],
    packages: ['node-addon-api', 'node-api-headers', '@nozbe/simdjson'].map(versionOf),
    sanitizer: process.env.SCONCE_SANITIZE ?? '',
    compiler: [process.env.CXX ?? '', process.env.CXXFLAGS ?? ''],
    platform: [process.platform, process.arch],
  });
  return { sources: sources.digest('hex'), configuration };
}

function readStamp() {
  return existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : {};
}

await runAsScript(import.meta.url, async () => {
  await ensureDependencies();
  await buildNative();
});
