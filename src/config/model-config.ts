import { closest, distance } from 'fastest-levenshtein';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { parseDocument } from 'yaml';
import { SconceError } from '../errors.js';
import { dtypes } from '../native/dtype.js';
import { devicePattern } from './settings.js';
import { firstViolation } from './violation.js';

const field = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200, description: 'Name of the field in JSON.' }),
    dtype: Type.Optional(
      Type.Enum([...dtypes], { description: 'Element type; by default what the model says.' }),
    ),
    shape: Type.Optional(
      Type.Array(Type.Integer({ minimum: -1, maximum: 2_147_483_647 }), {
        maxItems: 16,
        description: 'Dimensions of one row, without the batch; -1 for any.',
      }),
    ),
  },
  { additionalProperties: false },
);

/**
 * One model's own configuration: `model-config.yaml` in its folder, or `<file>.yaml` beside a
 * single file. Keys that other servers' handlers read may stand in the same file.
 */
export const modelConfigSchema = Type.Object({
  version: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9_.\\-]*$',
      expected: 'letters, digits, "_", "-" and ".", beginning with a letter or digit',
      description: 'Version that the model is served under; 1.0 by default.',
    }),
  ),
  inputs: Type.Optional(
    Type.Array(field, {
      minItems: 1,
      maxItems: 64,
      description: 'Fields of a request, in the order of the arguments of `forward`.',
    }),
  ),
  outputs: Type.Optional(
    Type.Array(Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) }), {
      minItems: 1,
      maxItems: 64,
      description: 'Names of the outputs, in the order in which `forward` returns them.',
    }),
  ),
  batchSize: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 65_536, description: 'Most rows in a batch.' }),
  ),
  jobQueueSize: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Most requests that wait.' }),
  ),
  responseTimeout: Type.Optional(
    Type.Number({ exclusiveMinimum: 0, maximum: 86_400, description: 'Seconds to an answer.' }),
  ),
  instances: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 256, description: 'Execution threads.' }),
  ),
  intraOpThreads: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 1024, description: 'Threads inside an operation.' }),
  ),
  device: Type.Optional(Type.String({ ...devicePattern, description: 'Where it runs.' })),
  freeze: Type.Optional(Type.Boolean({ description: 'Freeze the module at load.' })),
  warmUp: Type.Optional(
    Type.Boolean({
      description:
        'Run zeros of the declared shapes at load (true by default); a model that rejects them is not served.',
    }),
  ),
});

export type ModelConfig = Static<typeof modelConfigSchema>;

/**
 * Reads the text of a model's configuration.
 *
 * @param file name for messages
 * @throws {SconceError} INVALID_CONFIGURATION naming the file, the line and the key.
 */
export function parseModelConfig(text: string, file: string): ModelConfig {
  const document = parseDocument(text, { prettyErrors: true });
  const [syntaxError] = document.errors;
  if (syntaxError !== undefined) {
    throw new SconceError('INVALID_CONFIGURATION', `${file}: ${syntaxError.message}`);
  }
  const config = contentOf(document, file) ?? {};
  if (Value.Check(modelConfigSchema, config)) return config;
  const { path, what } = firstViolation(modelConfigSchema, config);
  throw new SconceError(
    'INVALID_CONFIGURATION',
    `${file}${lineOf(text, document, path)}: ${path.join('.') || 'the document'} ${what}`,
  );
}

/** What the document holds; yaml refuses one whose aliases would expand without end. */
function contentOf(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SconceError('INVALID_CONFIGURATION', `${file}: ${why}`);
  }
}

/** Edits within which a foreign key counts as a misspelt one of ours. */
const nearMiss = 2;

/**
 * Keys that look like misspelt ones, each with what was probably meant. Other unknown keys are no
 * mistake: handlers of other servers keep theirs in the same file.
 */
export function misspeltKeys(config: ModelConfig): { key: string; meant: string }[] {
  const known = Object.keys(modelConfigSchema.properties);
  return Object.keys(config)
    .filter((key) => !known.includes(key))
    .map((key) => ({ key, meant: closest(key, known) }))
    .filter(({ key, meant }) => distance(key, meant) <= nearMiss);
}

function lineOf(text: string, document: ReturnType<typeof parseDocument>, path: string[]): string {
  const keys = path.map((key) => (/^\d+$/.test(key) ? Number(key) : key));
  const node = document.getIn(keys, true);
  if (typeof node !== 'object' || node === null || !('range' in node)) return '';
  const { range } = node;
  if (!Array.isArray(range) || typeof range[0] !== 'number') return '';
  return `:${text.slice(0, range[0]).split('\n').length}`;
}
