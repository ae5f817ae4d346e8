import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ModelVersion } from '../models/model-version.js';

/** What the tensor handler says of its inputs when every dimension is known. */
const describedInputs = Type.Array(
  Type.Object({
    name: Type.String(),
    dtype: Type.String(),
    shape: Type.Array(Type.Integer({ minimum: 0 })),
  }),
  { minItems: 1 },
);

const jsonType = 'application/json';

/** Numbers in a body that a terminal still shows well. */
const mostNumbers = 256;

/** Requests that may lie beside a model, with what curl is told about each. */
const exampleFiles: readonly (readonly [name: string, type: string])[] = [
  ['request.json', jsonType],
  ['request.jpg', 'image/jpeg'],
  ['request.png', 'image/png'],
  ['request.txt', 'text/plain'],
];

/** A form to fill in. */
const blank = { type: jsonType, body: `'{"instances": [...]}'` };

/** Code of the model's own takes what only its author knows. */
const ownBlank = { type: jsonType, body: "'{...}'" };

/** Handlers whose requests are numbers, as the model's inputs say. */
const numberHandlers = new Set(['tensor', 'base_handler', 'classifier']);

/** What a handler takes that is not described by its inputs, also as a form to fill in. */
const blanks: ReadonlyMap<string, { type: string; body: string }> = new Map([
  ['image_classifier', { type: 'image/jpeg', body: "'@image.jpg'" }],
  ['image_segmenter', { type: 'image/jpeg', body: "'@image.jpg'" }],
  ['object_detector', { type: 'image/jpeg', body: "'@image.jpg'" }],
  ['text_classifier', { type: 'text/plain', body: "'some text'" }],
  ['text_embedding', { type: 'text/plain', body: "'some text'" }],
]);

/**
 * A command that asks a model and works when it is pasted, as far as that can be known.
 *
 * @param address of the inference API, as the server gives it
 * @param keyFile where the keys are, when tokens are asked for
 */
export async function exampleRequest(
  address: string,
  version: ModelVersion,
  keyFile: string | undefined,
): Promise<string> {
  const path = `/predictions/${version.name}`;
  const words = ['curl -X POST'];
  if (address.startsWith('unix:')) {
    words.push(`--unix-socket ${address.slice('unix:'.length)} http://localhost${path}`);
  } else {
    // A certificate that was made for this start is known to nobody.
    if (address.startsWith('https:')) words.push('--insecure');
    words.push(address + path);
  }
  const { type, body } = await exampleBody(version);
  words.push(`-H 'content-type: ${type}'`);
  if (keyFile !== undefined) {
    words.push(`-H "authorization: Bearer $(node -p "require('${keyFile}').inference.key")"`);
  }
  // curl takes line breaks out of what it sends as -d.
  words.push(`${type === jsonType ? '-d' : '--data-binary'} ${body}`);
  return words.join(' ');
}

/** The request beside the model, else a row of zeros, else a form to fill in. */
async function exampleBody(version: ModelVersion): Promise<{ type: string; body: string }> {
  const { folder, handler } = version.source;
  for (const [name, type] of exampleFiles) {
    const path = join(folder, name);
    if (existsSync(path)) return { type, body: `'@${relative(process.cwd(), path)}'` };
  }
  const given = blanks.get(handler);
  if (given !== undefined) return given;
  if (!numberHandlers.has(handler)) return ownBlank;
  // A handler in Python would have to be asked for its description.
  if (version.inputs === undefined) return blank;
  const { inputs } = (await version.describe()) ?? {};
  if (!Value.Check(describedInputs, inputs)) return blank;
  const numbers = inputs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  if (numbers > mostNumbers) return blank;
  const row = Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => [name, filled(shape, dtype === 'bool' ? false : 0)]),
  );
  return { type: jsonType, body: `'${JSON.stringify(row).replaceAll("'", "'\\''")}'` };
}

function filled(shape: readonly number[], value: number | boolean): unknown {
  const [length, ...rest] = shape;
  return length === undefined ? value : Array.from({ length }, () => filled(rest, value));
}
