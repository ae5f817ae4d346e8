import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { firstViolation } from '../config/violation.js';
import { SconceError } from '../errors.js';

/**
 * The `handler` section of a model's configuration, with the schema's defaults filled in.
 *
 * @param config the model's configuration file, every key
 * @throws {SconceError} INVALID_CONFIGURATION naming `handler.<key>`.
 */
export function handlerOptions<S extends TSchema>(schema: S, config: object): Static<S> {
  const section = 'handler' in config && config.handler !== null ? config.handler : {};
  const filled = Value.Default(schema, structuredClone(section ?? {}));
  if (Value.Check(schema, filled)) return filled;
  const { path, what } = firstViolation(schema, filled);
  throw new SconceError('INVALID_CONFIGURATION', `${['handler', ...path].join('.')} ${what}`);
}

/** Labels in the configuration, in any form that index_to_name.json may have. */
export const labelsOption = Type.Optional(
  Type.Union([Type.Array(Type.Unknown()), Type.Record(Type.String(), Type.Unknown())], {
    description: 'Names of the classes; goes before index_to_name.json.',
  }),
);
