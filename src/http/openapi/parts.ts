/** The parts that TorchServe's API descriptions consist of, with their members in its order. */

export interface Schema {
  type: 'string' | 'integer' | 'boolean' | 'object' | 'array';
  format?: string;
  required?: readonly string[];
  properties?: Readonly<Record<string, Schema>>;
  items?: Schema;
  description?: string;
  /** Text, whatever the type: so TorchServe writes it. */
  default?: string;
  enum?: readonly string[];
}

export interface Parameter {
  in: 'path' | 'query';
  name: string;
  description: string;
  required: boolean;
  schema: Schema;
}

type Content = Readonly<Record<string, { schema: Schema }>>;

export interface Reply {
  description: string;
  content?: Content;
}

export interface Operation {
  description: string;
  operationId: string;
  parameters: readonly Parameter[];
  requestBody?: { description: string; content: Content; required: boolean };
  responses: Readonly<Record<string, Reply>>;
  deprecated?: boolean;
}

/** The operations of one path by method. */
export type PathItem = Readonly<Record<string, Operation>>;

export type Paths = Readonly<Record<string, PathItem>>;

/** An OpenAPI document. */
export interface ApiDescription {
  openapi: '3.0.1';
  info: { title: string; description?: string; version: string };
  paths: Paths;
}

/** A value of a plain type. */
export function value(type: 'string' | 'integer' | 'boolean', description?: string): Schema {
  return description === undefined ? { type } : { type, description };
}

/** An object whose properties are all required, unless `required` names those that are. */
export function object(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = Object.keys(properties),
): Schema {
  return { type: 'object', required, properties };
}

export function pathParameter(name: string, description: string): Parameter {
  return { in: 'path', name, description, required: true, schema: { type: 'string' } };
}

export function queryParameter(
  name: string,
  description: string,
  schema: Schema = { type: 'string' },
  required = false,
): Parameter {
  return { in: 'query', name, description, required, schema };
}

export function content(type: string, schema: Schema): Content {
  return { [type]: { schema } };
}

/** A JSON reply. */
export function json(description: string, schema: Schema): Reply {
  return { description, content: content('application/json', schema) };
}

/** A reply that says in one sentence what was done. */
export function status(description: string, meaning = 'Error type.'): Reply {
  return json(description, object({ status: value('string', meaning) }));
}

export function failure(description: string): Reply {
  return json(
    description,
    object({
      code: value('integer', 'Error code.'),
      type: value('string', 'Error type.'),
      message: value('string', 'Error message.'),
    }),
  );
}

export const internalError = failure('Internal Server Error');
