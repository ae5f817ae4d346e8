import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SconceError } from '../errors.js';

/** The file of an archive that names a model's classes, as TorchServe's handlers read it. */
export const labelsFile = 'index_to_name.json';

/** Far more than the names of any known label set; a limit because all of it is read at once. */
const largestFile = 16 * 1024 * 1024;

/** Names of a model's classes. */
export interface Labels {
  /** @throws {SconceError} INVALID_OUTPUT naming a class without a label. */
  labelOf(id: number): string;
}

/** Labels of a model that names none: the class ids themselves. */
export const classIds: Labels = { labelOf: String };

/**
 * Labels from index_to_name.json in the model's folder; undefined when there is no such file.
 *
 * @throws {SconceError} INVALID_CONFIGURATION naming the entry that is wrong.
 */
export function readLabels(folder: string): Labels | undefined {
  const path = join(folder, labelsFile);
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return undefined;
  if (size > largestFile) {
    throw invalid(labelsFile, `it has ${size} bytes; at most ${largestFile} are read`);
  }
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw invalid(labelsFile, error instanceof Error ? error.message : String(error));
  }
  return labelsFrom(value, labelsFile);
}

/**
 * Labels from any of TorchServe's forms: `{"0": "tench"}`, `{"0": ["n01440764", "tench"]}` (the last
 * counts), `{"object_type_names": ["background", …]}`; or a plain list in the order of the ids.
 *
 * @param where what the value is called in messages
 * @throws {SconceError} INVALID_CONFIGURATION naming the entry that is wrong.
 */
export function labelsFrom(value: unknown, where: string): Labels {
  if (typeof value !== 'object' || value === null) {
    throw invalid(where, `an object {"<class id>": "<label>"} is expected, ${kindOf(value)} came`);
  }
  const list = Array.isArray(value) ? value : Reflect.get(value, 'object_type_names');
  const entries: [string, unknown][] = Array.isArray(list)
    ? list.map((label, id) => [String(id), label])
    : Object.entries(value);
  const names = new Map<string, string>();
  for (const [id, label] of entries) {
    const name: unknown = Array.isArray(label) ? label.at(-1) : label;
    if (typeof name !== 'string') {
      throw invalid(
        where,
        `the label of class ${JSON.stringify(id)} is ${kindOf(name)}; a string, or a list that ends with one, is expected`,
      );
    }
    names.set(id, name);
  }
  return {
    labelOf(id) {
      const name = names.get(String(id));
      if (name !== undefined) return name;
      throw new SconceError(
        'INVALID_OUTPUT',
        `class ${id} has no label in ${where}, which names ${names.size} classes`,
      );
    },
  };
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return value === null ? 'null' : `a value of type ${typeof value}`;
}

function invalid(where: string, problem: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', `${where}: ${problem}`);
}
