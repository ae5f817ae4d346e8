import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeLibTorch, missingFromLibTorch } from './libtorch-folder.mjs';
import { run } from './process.mjs';
import { reportGrowth, stopwatch } from './progress.mjs';
import { SetupError } from './setup-error.mjs';
import { makeFolderWhole, removeFolderWhole } from './staged-folder.mjs';
import { missingToolsMessage, requireTools } from './tools.mjs';

const unpackScript = join(dirname(fileURLToPath(import.meta.url)), 'unpack-wheel.py');

/**
 * The LibTorch that is fetched when the machine has none. The wheel is only a container for the
 * C++ libraries, so one Python tag serves every python3.
 */
const pinned = {
  version: '2.13.0',
  pythonTag: '3.11',
  cpu: { index: 'https://download.pytorch.org/whl/cpu', local: 'cpu', size: 'about 190 MB' },
  cuda: { index: 'https://download.pytorch.org/whl/cu130', local: 'cu130', size: 'about 2.8 GB' },
  // The `crt/` headers that cuda_runtime_api.h includes; PyTorch does not ask for them itself.
  cudaHeaders: 'nvidia-cuda-crt==13.0.*',
};

/**
 * The folder that keeps what Sconce downloads.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function cacheFolder(env, platform = process.platform) {
  if (env.SCONCE_CACHE) return env.SCONCE_CACHE;
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'sconce');
  const home = env.HOME || homedir();
  return platform === 'darwin' ? join(home, 'Library/Caches/sconce') : join(home, '.cache/sconce');
}

/**
 * The private copy of LibTorch, downloaded with pip when it is not there yet.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} the root of the copy
 */
export async function privateLibTorch(env) {
  const variant = wantedVariant(env);
  const key = `libtorch-${pinned.version}-${variant}-${process.platform}-${process.arch}`;
  const target = join(cacheFolder(env), key);
  const torch = join(target, 'torch');
  if (existsSync(target)) {
    if (missingFromLibTorch(torch).length === 0) return torch;
    console.log(`${target} is damaged: downloading it again`);
    removeFolderWhole(target);
  }
  await requirePip(env);
  console.log(
    `LibTorch ${pinned.version} (${variant}) is not on this machine: ` +
      `downloading ${pinned[variant].size} to ${target}`,
  );
  const elapsed = stopwatch();
  await makeFolderWhole(target, async (staging, content, signal) => {
    const pip = { staging, signal, env, variant, expected: pinned[variant].size };
    const wheels = variant === 'cpu' ? await downloadCpu(pip) : await downloadCuda(pip);
    console.log(`Downloaded in ${elapsed()}, unpacking`);
    await python([unpackScript, 'unpack', content, ...wheels], pip);
    checkUnpacked(join(content, 'torch'), variant);
  });
  console.log(`LibTorch is in place after ${elapsed()}`);
  return torch;
}

function wantedVariant(env) {
  const variant = env.SCONCE_LIBTORCH_VARIANT || 'cpu';
  if (variant === 'cpu' || variant === 'cuda') return variant;
  throw new SetupError(`SCONCE_LIBTORCH_VARIANT is "${variant}"; it can be cpu or cuda.`);
}

async function requirePip(env) {
  const purpose = 'Downloading LibTorch (or set LIBTORCH to a copy that you have)';
  requireTools(['python3'], purpose, env);
  if ((await run('python3', ['-m', 'pip', '--version'], { env })).code !== 0) {
    throw new SetupError(missingToolsMessage(['pip'], purpose));
  }
}

async function downloadCpu(pip) {
  // On Linux the plain version may be a CUDA build of gigabytes; macOS has CPU builds only.
  const local = process.platform === 'linux' ? `+${pinned.cpu.local}` : '';
  return pipDownload([`torch==${pinned.version}${local}`], ['--no-deps'], pip);
}

async function downloadCuda(pip) {
  const [wheel] = await pipDownload([`torch==${pinned.version}`], ['--no-deps'], pip);
  const { stdout } = await python([unpackScript, 'requires', wheel], pip);
  const libraries = stdout.split('\n').filter((line) => /^(nvidia-|cuda-toolkit\b)/.test(line));
  if (libraries.length === 0) throw new SetupError(wrongVariant('cuda', 'CPU'));
  return pipDownload([...libraries, pinned.cudaHeaders], [], pip);
}

/** Asks PyTorch's own index first, then the indexes that pip is configured with. */
async function pipDownload(requirements, options, pip) {
  const wheels = join(pip.staging, 'wheels');
  const scratch = join(pip.staging, 'pip');
  mkdirSync(wheels, { recursive: true });
  mkdirSync(scratch, { recursive: true });
  const index = pip.env.SCONCE_TORCH_INDEX || pinned[pip.variant].index;
  const attempts = [['--index-url', index, '--retries', '1', '--timeout', '15'], []];
  const visible = process.stdout.isTTY;
  const failures = [];
  for (const attempt of attempts) {
    const stopReport = visible ? () => {} : reportGrowth(pip.staging, pip.expected);
    const { code, stderr } = await run(
      'python3',
      [
        ...['-m', 'pip', 'download', '--disable-pip-version-check', '--no-cache-dir'],
        ...['--only-binary', ':all:', '--python-version', pinned.pythonTag, '--dest', wheels],
        ...['--progress-bar', visible ? 'on' : 'off', ...options, ...attempt, ...requirements],
      ],
      {
        env: { ...pip.env, TMPDIR: scratch },
        signal: pip.signal,
        stdio: ['ignore', visible ? 'inherit' : 'ignore', 'pipe'],
      },
    ).finally(stopReport);
    pip.signal.throwIfAborted();
    if (code === 0) return readdirSync(wheels).map((name) => join(wheels, name));
    failures.push(lastError(stderr));
  }
  throw new SetupError(downloadFailed(requirements[0], index, failures, pip.variant));
}

function lastError(stderr) {
  const lines = stderr.trim().split('\n');
  const line = lines.findLast((text) => text.startsWith('ERROR:')) ?? lines.at(-1) ?? '';
  return line.replace(/^ERROR: /, '').slice(0, 200);
}

function downloadFailed(requirement, index, failures, variant) {
  const other =
    variant === 'cpu'
      ? '  SCONCE_LIBTORCH_VARIANT=cuda  to take the CUDA build (gigabytes)\n'
      : '  SCONCE_LIBTORCH_VARIANT=cpu   to take the CPU build\n';
  return (
    `pip could not download ${requirement}:\n` +
    `  from ${index}: ${failures[0]}\n` +
    `  from the indexes that pip is configured with: ${failures[1]}\n` +
    'Ways on, as environment variables:\n' +
    '  LIBTORCH=/path/to/libtorch    to use a copy that you have\n' +
    other +
    '  SCONCE_TORCH_INDEX=URL        to name another package index'
  );
}

function checkUnpacked(torch, variant) {
  const missing = missingFromLibTorch(torch);
  if (missing.length > 0) {
    throw new SetupError(`The downloaded wheel lacks ${missing.join(', ')}: it is no LibTorch.`);
  }
  if (variant === 'cpu' && describeLibTorch(torch).variant === 'cuda') {
    throw new SetupError(wrongVariant('cpu', 'CUDA'));
  }
}

function wrongVariant(asked, found) {
  const other = asked === 'cpu' ? 'cuda' : 'cpu';
  return (
    `The indexes offer only a ${found} build of torch ${pinned.version}, and ${asked} was asked for.\n` +
    `Set SCONCE_LIBTORCH_VARIANT=${other} to take it, SCONCE_TORCH_INDEX to name another index, ` +
    'or LIBTORCH=/path/to/libtorch to use a copy that you have.'
  );
}

async function python(args, pip) {
  const result = await run('python3', args, { env: pip.env, signal: pip.signal });
  pip.signal.throwIfAborted();
  if (result.code === 0) return result;
  throw new SetupError(`Unpacking LibTorch failed: ${lastError(result.stderr)}`);
}
