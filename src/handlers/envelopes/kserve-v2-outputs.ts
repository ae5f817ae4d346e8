import { asciiString, pythonFloat } from '../api/python-number.js';
import type { ModelIdentity } from './envelope.js';
import { leavesOf, listOf } from './json-text.js';

/** One tensor of a reply. */
export interface KServeOutput {
  name: string;
  /** JSON of the elements; their datatype is theirs. */
  datatype: string;
  /** A list without lists, as json.dumps(list, indent=2) writes it. */
  data: string;
  size: number;
}

/** The reply of KServe's protocol V2. */
export function writeInference(
  id: string,
  { modelName, modelVersion }: ModelIdentity,
  outputs: readonly KServeOutput[],
): string {
  const written = outputs.map(
    ({ name, datatype, data, size }) =>
      `{\n  "name": ${asciiString(name)},\n  "datatype": "${datatype}",\n` +
      `  "data": ${data.replaceAll('\n', '\n  ')},\n  "shape": ${listOf([String(size)], 2)}\n}`,
  );
  return (
    `{\n  "id": ${asciiString(id)},\n  "model_name": ${asciiString(modelName)},\n` +
    `  "model_version": ${asciiString(modelVersion)},\n  "outputs": ${listOf(written, 2)}\n}`
  );
}

/**
 * A result as TorchServe makes a tensor of it: numpy.array(result).flatten(), whose dtype numpy
 * takes from the elements.
 *
 * @param json of the result
 */
export function outputOf(name: string, json: string): KServeOutput {
  const leaves = leavesOf(json);
  if (leaves === undefined) return { name, datatype: 'BYTES', data: listOf([json], 0), size: 1 };
  const { datatype, elements } = unified(leaves);
  return { name, datatype, data: listOf(elements, 0), size: elements.length };
}

/** The elements as one type: that of the widest. */
function unified(leaves: readonly string[]): { datatype: string; elements: readonly string[] } {
  if (leaves.includes('null')) return { datatype: 'BYTES', elements: leaves };
  if (leaves.some((text) => text.startsWith('"'))) {
    return { datatype: 'BYTES', elements: leaves.map(asText) };
  }
  const isBoolean = (text: string): boolean => text === 'true' || text === 'false';
  if (leaves.length > 0 && leaves.every(isBoolean)) return { datatype: 'BOOL', elements: leaves };
  const isInteger = (text: string): boolean => /^-?\d+$/.test(text);
  const whole = leaves.map((text) => (isBoolean(text) ? String(Number(text === 'true')) : text));
  if (whole.length > 0 && whole.every(isInteger)) return { datatype: 'INT64', elements: whole };
  const elements = whole.map((text) => (isInteger(text) ? pythonFloat(Number(text)) : text));
  return { datatype: 'FP64', elements };
}

/** An element beside text, as numpy makes text of it. */
function asText(leaf: string): string {
  if (leaf.startsWith('"')) return leaf;
  return leaf === 'true' ? '"True"' : leaf === 'false' ? '"False"' : `"${leaf}"`;
}
