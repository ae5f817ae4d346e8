import type { FastifyRequest } from 'fastify';
import { messageOf, SconceError } from '../errors.js';
import type { RegisterRequest } from '../models/model-service.js';
import { mediaTypeOf } from './media-type.js';
import { bodyOf } from './prediction-reply.js';
import { type Query, toBoolean, toInteger } from './query.js';

/** What `POST /models` asks for. */
export interface RegisterCall {
  request: RegisterRequest;
  /** Whether the answer waits until the instances run. */
  synchronous: boolean;
}

/** Fields whose value may be of any type, but no list or object; the others are integers. */
const singleValues = ['url', 'model_name', 'runtime', 'handler', 'synchronous'];

/**
 * Reads a registration from the query, or from a JSON body, which takes the query's place. What is
 * not known of it is passed over.
 *
 * @throws {SconceError} PARAMETER_REQUIRED, MALFORMED_JSON
 */
export function readRegistration(request: FastifyRequest<{ Querystring: Query }>): RegisterCall {
  const isJson = mediaTypeOf(request.headers['content-type'] ?? '') === 'application/json';
  const fields = isJson ? readJson(bodyOf(request)) : request.query;
  const url = textOf(fields.url);
  if (url === undefined) throw new SconceError('PARAMETER_REQUIRED', 'url');
  const integer = (name: string): number | undefined => {
    const value = toInteger(fields[name]);
    // In a query TorchServe passes over what is no number; in JSON it does not.
    if (isJson && value === undefined && (fields[name] ?? null) !== null) {
      throw new SconceError('MALFORMED_JSON', `${name} must be an integer of 32 bits.`);
    }
    return value;
  };
  return {
    request: {
      url,
      name: textOf(fields.model_name) || undefined,
      runtime: textOf(fields.runtime) || undefined,
      handler: textOf(fields.handler) || undefined,
      batchSize: integer('batch_size'),
      maxBatchDelay: integer('max_batch_delay'),
      initialWorkers: integer('initial_workers'),
      responseTimeout: integer('response_timeout'),
      startupTimeout: integer('startup_timeout'),
    },
    synchronous: toBoolean(fields.synchronous, true),
  };
}

function readJson(body: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString());
  } catch (error) {
    const why = messageOf(error);
    throw new SconceError('MALFORMED_JSON', `The body is not JSON: ${why}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SconceError('MALFORMED_JSON', 'The body must be a JSON object.');
  }
  const fields: Record<string, unknown> = { ...value };
  for (const name of singleValues) {
    const field = fields[name];
    if (typeof field === 'object' && field !== null) {
      const what = Array.isArray(field) ? 'a list' : 'an object';
      throw new SconceError('MALFORMED_JSON', `${name} must be one value, not ${what}.`);
    }
  }
  return fields;
}

function textOf(value: unknown): string | undefined {
  const [first] = [value].flat();
  return first === undefined || first === null ? undefined : String(first);
}
