import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/process.mjs';
import { root } from '../lib/root.mjs';
import { SetupError } from '../lib/setup-error.mjs';
import { folderOf, servedFolder } from './list.mjs';
import { examplesFolder } from './paths.mjs';

/** The module behind the command torch-model-archiver. */
const archiver = 'model_archiver.model_packaging';

/**
 * What `--models` takes for the models of an example. Those with a handler are archived: one in
 * Python with torch-model-archiver where the interpreter has it, others with `sconce archive`.
 *
 * @param {import('./list.mjs').Example} example
 * @param {string} store folder for the archives
 * @param {string | undefined} python
 * @returns {Promise<string[]>}
 */
export async function modelEntries(example, store, python) {
  const entries = [];
  for (const model of example.models) {
    const path = model.handler === undefined ? servedFolder(example) : `${model.name}.mar`;
    if (model.handler !== undefined) await archive(example, model, store, python);
    entries.push(`${model.name}=${path}`);
  }
  return entries;
}

async function archive(example, { name, handler, serializedFile }, store, python) {
  const folder = folderOf(example);
  const serialized =
    serializedFile === undefined
      ? join(folder, 'model.pt')
      : join(examplesFolder, ...serializedFile.split('/'));
  const config = join(folder, 'model-config.yaml');
  const flags = ['--model-name', name, '--version', '1.0', '--handler', join(folder, handler)];
  flags.push('--serialized-file', serialized, '--export-path', store);
  if (existsSync(config)) flags.push('--config-file', config);
  const [program, ...args] = await archiverFor(handler, python);
  const { code, stdout, stderr } = await run(program, [...args, ...flags]);
  if (code !== 0) throw new SetupError(`${name} was not archived:\n${stdout}${stderr}`);
}

async function archiverFor(handler, python) {
  if (handler.endsWith('.py') && python !== undefined && (await hasModule(python, archiver))) {
    return [python, '-m', archiver];
  }
  return [process.execPath, join(root, 'dist/src/cli/main.js'), 'archive'];
}

/**
 * Whether an interpreter can import a module.
 *
 * @param {string} python
 * @param {string} module
 */
export async function hasModule(python, module) {
  const find =
    'import importlib.util as u, sys\ntry: sys.exit(u.find_spec(sys.argv[1]) is None)\nexcept ImportError: sys.exit(1)';
  return (await run(python, ['-c', find, module])).code === 0;
}
