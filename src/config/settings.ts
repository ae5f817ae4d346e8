import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { SconceError } from '../errors.js';
import { firstViolation } from './violation.js';

/** A device setting; `expected` is what a message says about the pattern. */
export const devicePattern = {
  pattern: '^(auto|cpu|cuda|cuda:[0-9]+)$',
  expected: 'auto, cpu, cuda or cuda:N',
};

const port = (fallback: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: fallback, description });

/**
 * The server's settings: one schema for validation, types, command-line flags and
 * docs/configuration.md. A property `inferencePort` is the flag `--inference-port`.
 */
export const settingsSchema = Type.Object(
  {
    host: Type.String({
      minLength: 1,
      default: '127.0.0.1',
      description: 'Address to listen on; 0.0.0.0 for every interface.',
    }),
    inferencePort: port(8080, 'Port of the inference API; 0 takes any free port.'),
    managementPort: port(8081, 'Port of the management API; 0 takes any free port.'),
    metricsPort: port(8082, 'Port of the Prometheus metrics; 0 takes any free port.'),
    modelStore: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Folder that model paths are relative to, and that `--models all` serves.',
      }),
    ),
    models: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description:
        'Models to serve: `name=path` or `path` of a TorchScript file or of a folder with one; `all` for everything in the model store.',
    }),
    device: Type.String({
      ...devicePattern,
      default: 'auto',
      description: 'Where models run: `auto` (the first GPU if there is one), `cpu`, `cuda:N`.',
    }),
    instances: Type.Integer({
      minimum: 1,
      maximum: 256,
      default: 1,
      description: 'Execution threads per model version; they share one copy of the weights.',
    }),
    intraOpThreads: Type.Integer({
      minimum: 0,
      maximum: 1024,
      default: 0,
      description:
        'Threads that one instance uses inside an operation on the CPU; 0 divides the cores, less one for the main loop, among the instances.',
    }),
    batchSize: Type.Integer({
      minimum: 1,
      maximum: 65_536,
      default: 32,
      description: 'Most rows in a batch, for models whose own configuration does not say.',
    }),
    jobQueueSize: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 100,
      description: 'Most requests of a model version that wait for an instance; more get 503.',
    }),
    responseTimeout: Type.Number({
      exclusiveMinimum: 0,
      maximum: 86_400,
      default: 120,
      description: 'Seconds from the admission of a request to its answer; later it gets 504.',
    }),
    maxRequestSize: Type.Integer({
      minimum: 1,
      maximum: 2_147_483_647,
      default: 6_553_500,
      description: 'Largest request body in bytes; larger ones get 413.',
    }),
    slabMemory: Type.Integer({
      minimum: 1,
      maximum: 1_048_576,
      default: 1024,
      description: 'MiB of shared memory for the batches of all models.',
    }),
    freeze: Type.Boolean({
      default: true,
      description: 'Freeze modules at load: parameters become constants and the graph is folded.',
    }),
    poolThreads: Type.Integer({
      minimum: 0,
      maximum: 64,
      default: 0,
      description:
        'Threads that parse and write large bodies; 0 takes the cores less one, at most 4.',
    }),
    drainTimeout: Type.Number({
      exclusiveMinimum: 0,
      maximum: 3600,
      default: 30,
      description: 'Seconds that a shutdown waits for requests in flight.',
    }),
    logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      default: 'info',
      description: 'Least severe messages that are logged.',
    }),
  },
  { additionalProperties: false },
);

export type Settings = Static<typeof settingsSchema>;

/**
 * Fills in the defaults and checks every value.
 *
 * @throws {SconceError} INVALID_CONFIGURATION naming the setting and what it must be.
 */
export function parseSettings(given: Record<string, unknown>): Settings {
  const settings: unknown = Value.Default(settingsSchema, structuredClone(given));
  if (Value.Check(settingsSchema, settings)) return settings;
  const { path, what } = firstViolation(settingsSchema, settings);
  const [name = ''] = path;
  const shown = name === '' ? '' : ` ${JSON.stringify(given[name])}`;
  throw new SconceError('INVALID_CONFIGURATION', `Invalid configuration: ${name}${shown} ${what}`);
}
