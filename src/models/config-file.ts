import { access, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import {
  type ModelConfig,
  misspeltKeys,
  parseModelConfig,
  readModelConfig,
} from '../config/model-config.js';
import { modelFilesIn } from './model-file.js';

const configName = 'model-config.yaml';

/**
 * The configuration file of a model: the one the manifest names, `<file>.yaml` beside the model
 * file, or model-config.yaml when the folder holds no other model.
 */
export async function findConfig(
  modelFile: string,
  { named }: { named?: string | undefined } = {},
): Promise<string | undefined> {
  const folder = dirname(modelFile);
  if (named !== undefined) return join(folder, basename(named));
  const own = join(folder, `${basename(modelFile, extname(modelFile))}.yaml`);
  if (await exists(own)) return own;
  const shared = join(folder, configName);
  if (!(await exists(shared))) return undefined;
  const models = await modelFilesIn(folder);
  return models.length <= 1 ? shared : undefined;
}

/**
 * @param archived written for TorchServe, perhaps: what it would ignore is a note then
 * @throws {SconceError} INVALID_CONFIGURATION naming the file, the line and the key.
 */
export async function readConfig(
  path: string | undefined,
  archived: boolean,
): Promise<{ config: ModelConfig; notes: string[] }> {
  if (path === undefined) return { config: {}, notes: [] };
  const text = await readFile(path, 'utf8');
  const { config, notes } = archived
    ? readModelConfig(text, path)
    : { config: parseModelConfig(text, path), notes: [] };
  const misspelt = misspeltKeys(config).map(
    ({ key, meant }) => `${path}: "${key}" is not a key of ours; did you mean "${meant}"?`,
  );
  return { config, notes: [...notes, ...misspelt] };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
