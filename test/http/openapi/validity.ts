import assert from 'node:assert/strict';

/** An OpenAPI 3.0 document, as far as tests look at it. */
export interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema>; securitySchemes?: Record<string, unknown> };
  security?: Record<string, string[]>[];
}

export interface Operation {
  parameters?: Parameter[];
  requestBody?: { description?: string; required?: boolean; content: Content };
  responses: Record<string, { description?: string; content?: Content }>;
  security?: Record<string, string[]>[];
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: Schema;
}

type Content = Record<string, { schema: Schema }>;

export interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  additionalProperties?: Schema | boolean;
}

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

/** The members that the specification gives to each of its objects, where one of ours has them. */
const members = {
  document: ['openapi', 'info', 'paths', 'components', 'security'],
  operation: [
    ...['tags', 'summary', 'description', 'parameters', 'requestBody', 'responses'],
    ...['deprecated', 'security'],
  ],
  parameter: ['name', 'in', 'description', 'required', 'schema'],
  body: ['description', 'content', 'required'],
  response: ['description', 'content'],
  schema: [
    ...['type', 'description', 'properties', 'required', 'items', 'anyOf', 'enum', 'format'],
    ...['additionalProperties', 'nullable', 'minimum', 'maximum'],
  ],
};

const types = ['string', 'integer', 'number', 'boolean', 'object', 'array'];

/** Every operation with where it is. */
export function operationsOf(
  document: Document,
): { path: string; method: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
}

/** Asserts what OpenAPI 3.0.3 asks of a document. */
export function assertValid(document: Document): Document {
  assertMembers(document, members.document, 'document');
  assert.equal(document.openapi, '3.0.3');
  assert.deepEqual(Object.keys(document.info), ['title', 'version']);
  const shapes = Object.keys(document.paths).map((path) => path.replace(/\{\w+\}/g, '{}'));
  assert.equal(new Set(shapes).size, shapes.length, 'paths that differ in names alone');
  for (const path of Object.keys(document.paths)) assert.match(path, /^\//);
  for (const { path, method, operation } of operationsOf(document)) {
    const where = `${method} ${path}`;
    assert.ok(methods.includes(method), where);
    assertMembers(operation, members.operation, where);
    assertParameters(path, operation.parameters ?? [], where);
    assertBody(method, operation.requestBody, where);
    assertResponses(operation.responses, where);
    assertSecurity(operation.security ?? document.security ?? [], document, where);
  }
  return document;
}

function assertParameters(path: string, parameters: Parameter[], where: string): void {
  const keys = parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
  assert.equal(new Set(keys).size, keys.length, where);
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  assert.deepEqual(
    inPath.map(({ name }) => name),
    [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
    `${where}: the parameters of the path`,
  );
  for (const parameter of parameters) {
    assertMembers(parameter, members.parameter, where);
    assert.ok(['path', 'query'].includes(parameter.in), where);
    if (parameter.in === 'path') assert.equal(parameter.required, true, where);
    assertSchema(parameter.schema, `${where} ${parameter.name}`);
  }
}

function assertBody(method: string, body: Operation['requestBody'], where: string): void {
  if (body === undefined) return;
  assert.ok(['put', 'post', 'patch'].includes(method), `${where} has a body`);
  assertMembers(body, members.body, where);
  assertContent(body.content, where);
}

function assertResponses(responses: Operation['responses'], where: string): void {
  assert.ok(Object.keys(responses).length > 0, where);
  for (const [code, response] of Object.entries(responses)) {
    assert.match(code, /^([1-5]\d\d|[1-5]XX)$/, where);
    assertMembers(response, members.response, `${where} ${code}`);
    assert.ok((response.description ?? 'Default Response') !== 'Default Response', where);
    if (response.content !== undefined) assertContent(response.content, `${where} ${code}`);
  }
}

function assertContent(content: Content, where: string): void {
  assert.ok(Object.keys(content).length > 0, where);
  for (const [type, media] of Object.entries(content)) {
    assert.match(type, /^[\w-]+\/[\w-]+$/, where);
    assertMembers(media, ['schema'], where);
    assertSchema(media.schema, `${where} ${type}`);
  }
}

function assertSchema(schema: Schema, where: string): void {
  assertMembers(schema, members.schema, where);
  if (schema.type !== undefined) assert.ok(types.includes(schema.type), where);
  if (schema.type === 'array') assert.ok(schema.items !== undefined, `${where} has no items`);
  const properties = schema.properties ?? {};
  for (const name of schema.required ?? []) assert.ok(name in properties, `${where}.${name}`);
  const parts = [...Object.entries(properties), ...(schema.anyOf ?? []).entries()];
  for (const [name, part] of parts) assertSchema(part, `${where}.${name}`);
  if (schema.items !== undefined) assertSchema(schema.items, `${where}[]`);
  const { additionalProperties: others } = schema;
  if (typeof others === 'object') assertSchema(others, `${where}.*`);
}

function assertSecurity(
  requirements: Record<string, string[]>[],
  { components }: Document,
  where: string,
): void {
  for (const name of requirements.flatMap((each) => Object.keys(each))) {
    assert.ok(name in (components?.securitySchemes ?? {}), `${where}: ${name}`);
  }
}

function assertMembers(value: object, known: string[], where: string): void {
  const unknown = Object.keys(value).filter((name) => !known.includes(name));
  assert.deepEqual(unknown, [], `${where}: members that the specification does not know`);
}
