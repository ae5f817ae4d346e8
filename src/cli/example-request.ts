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

/** Numbers in a body that a terminal still shows well. */
const mostNumbers = 256;

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
  words.push("-H 'content-type: application/json'");
  if (keyFile !== undefined) {
    words.push(`-H "authorization: Bearer $(node -p "require('${keyFile}').inference.key")"`);
  }
  words.push(`-d ${await exampleBody(version)}`);
  return words.join(' ');
}

/** The request.json beside the model, else a row of zeros, else a form to fill in. */
async function exampleBody(version: ModelVersion): Promise<string> {
  const example = join(version.source.folder, 'request.json');
  if (existsSync(example)) return `'@${relative(process.cwd(), example)}'`;
  const { inputs } = await version.describe();
  if (!Value.Check(describedInputs, inputs)) return `'{"instances": [...]}'`;
  const numbers = inputs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  if (numbers > mostNumbers) return `'{"instances": [...]}'`;
  const row = Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => [name, filled(shape, dtype === 'bool' ? false : 0)]),
  );
  return `'${JSON.stringify(row).replaceAll("'", "'\\''")}'`;
}

function filled(shape: readonly number[], value: number | boolean): unknown {
  const [length, ...rest] = shape;
  return length === undefined ? value : Array.from({ length }, () => filled(rest, value));
}
