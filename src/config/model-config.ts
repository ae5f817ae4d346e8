import { closest, distance } from 'fastest-levenshtein';
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { SconceError } from '../errors.js';
import { ownModelKeys } from './schemas/own-model-keys.js';
import { torchserveModelKeys } from './schemas/torchserve-model-keys.js';
import { firstViolation } from './violation.js';
import { readYaml, type YamlText } from './yaml-text.js';

/**
 * One model's own configuration: `model-config.yaml` in its folder or archive, or `<file>.yaml`
 * beside a single file. Keys that handlers read may stand in the same file.
 */
export const modelConfigSchema = Type.Object({ ...ownModelKeys, ...torchserveModelKeys });

export type ModelConfig = Static<typeof modelConfigSchema>;

/**
 * Reads the text of a model's configuration; every wrong value is an error.
 *
 * @param file name for messages
 * @throws {SconceError} INVALID_CONFIGURATION naming the file, the line and the key.
 */
export function parseModelConfig(text: string, file: string): ModelConfig {
  const yaml = readYaml(text, file, { version: '1.2', uniqueKeys: true });
  return checked(yaml.content ?? {}, yaml);
}

/**
 * Reads the configuration of an archive, as TorchServe does: YAML 1.1, where the last of repeated
 * keys counts, and a wrong value of one of its keys is passed over. A wrong value of ours is an
 * error all the same.
 *
 * @param file name for messages
 * @returns also what was passed over and why, one sentence each
 * @throws {SconceError} INVALID_CONFIGURATION naming the file, the line and the key.
 */
export function readModelConfig(
  text: string,
  file: string,
): { config: ModelConfig; notes: string[] } {
  const yaml = readYaml(text, file, { version: '1.1', uniqueKeys: false });
  const { content } = yaml;
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return { config: checked(content ?? {}, yaml), notes: [] };
  }
  const notes: string[] = [];
  const kept = Object.entries(content).flatMap(([key, value]): [string, unknown][] => {
    const schema = torchserveKey(key);
    if (schema === undefined) return [[key, value]];
    if (value === null) return [];
    const taken = 'atLeastOne' in schema && isNotPositive(value) ? 1 : value;
    if (Value.Check(schema, taken)) return [[key, taken]];
    const { path, what } = firstViolation(schema, taken);
    const where = `${file}${yaml.lineOf([key, ...path])}`;
    notes.push(`${where}: ${[key, ...path].join('.')} ${what}; it is passed over`);
    return [];
  });
  const config = checked(Object.fromEntries(kept), yaml);
  for (const { key, why } of keysWithoutEffect(config)) {
    notes.push(`${file}${yaml.lineOf([key])}: ${key} has no effect: ${why}`);
  }
  return { config, notes };
}

function checked(content: unknown, { file, lineOf }: YamlText): ModelConfig {
  if (Value.Check(modelConfigSchema, content)) return content;
  const { path, what } = firstViolation(modelConfigSchema, content);
  throw new SconceError(
    'INVALID_CONFIGURATION',
    `${file}${lineOf(path)}: ${path.join('.') || 'the document'} ${what}`,
  );
}

function torchserveKey(key: string): TSchema | undefined {
  return Object.entries(torchserveModelKeys).find(([name]) => name === key)?.[1];
}

function isNotPositive(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) < 1;
}

/** Keys that are given and not switched off, but have no effect here, each with the reason. */
export function keysWithoutEffect(config: ModelConfig): { key: string; why: string }[] {
  return Object.entries(config).flatMap(([key, value]) => {
    const schema = torchserveKey(key);
    if (schema === undefined || !('unused' in schema) || value === false || value === 0) return [];
    return [{ key, why: String(schema.unused) }];
  });
}

/** Edits within which a foreign key counts as a misspelt one of ours. */
const nearMiss = 2;

/**
 * Keys that look like misspelt ones, each with what was probably meant. Other unknown keys are no
 * mistake: handlers keep theirs in the same file.
 */
export function misspeltKeys(config: ModelConfig): { key: string; meant: string }[] {
  const known = Object.keys(modelConfigSchema.properties);
  return Object.keys(config)
    .filter((key) => !known.includes(key))
    .map((key) => ({ key, meant: closest(key, known) }))
    .filter(({ key, meant }) => distance(key, meant) <= nearMiss);
}
