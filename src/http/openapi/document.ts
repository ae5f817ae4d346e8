import { fastifySwagger } from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { Type } from 'typebox';
import { sendJson } from '../response.js';
import { optionalBody } from '../schemas/route.js';

export interface DocumentOptions {
  title: string;
  version: string;
  /** Which paths need no token; absent when none does. */
  isOpen?: ((path: string) => boolean) | undefined;
}

const parameterDescriptions: Readonly<Record<string, string>> = {
  model: 'Name of the model.',
  version: 'Version of the model.',
  target: 'Name of the model, with what is asked of it.',
  workflow: 'Name of the workflow.',
};

const bearer = {
  type: 'http',
  scheme: 'bearer',
  description: 'A key of key_file.json: inference, management or, for /token, API.',
} as const;

/**
 * Serves `/openapi.json`: what the schemas of the app's routes say. Only routes whose schema has a
 * tag are in it. To be called before the routes are added.
 */
export function registerOpenApi(
  app: FastifyInstance,
  { title, version, isOpen }: DocumentOptions,
): void {
  const security =
    isOpen === undefined
      ? {}
      : { components: { securitySchemes: { bearer } }, security: [{ bearer: [] }] };
  // Called instead of registered: a registered plugin starts later, and would miss the routes that
  // are added in this turn.
  fastifySwagger(
    app,
    {
      openapi: { openapi: '3.0.3', info: { title, version }, ...security },
      hideUntagged: true,
      transform: ({ schema, url }) => ({ schema: withPath(schema, url, isOpen), url }),
      transformObject: (document) => {
        if (!('openapiObject' in document)) return document.swaggerObject;
        const { paths = {} } = document.openapiObject;
        for (const item of Object.values(paths)) keepOneMethod(item ?? {});
        return document.openapiObject;
      },
    },
    (failure) => {
      if (failure) throw failure;
    },
  );
  app.get('/openapi.json', (_request, reply) => sendJson(reply, 200, app.swagger()));
}

/** A route's schema with what its path says: its parameters, and that no token is needed. */
function withPath(
  // What Fastify gives is absent for a route that has none, whatever its type says.
  schema: FastifySchema | undefined,
  url: string,
  isOpen: DocumentOptions['isOpen'],
): FastifySchema {
  return {
    ...(isOpen?.(url) ? { security: [] } : {}),
    ...parametersOf(url),
    ...schema,
  };
}

function parametersOf(url: string): FastifySchema {
  const names = [...url.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  if (names.length === 0) return {};
  const parameters = names.map((name) => {
    const description = parameterDescriptions[name];
    return [name, Type.String(description === undefined ? {} : { description })];
  });
  return { params: Type.Object(Object.fromEntries(parameters)) };
}

/** A route that takes every method is listed under the one that clients are to use. */
function keepOneMethod(item: Record<string, unknown>): void {
  const methodsOf = new Map<unknown, string[]>();
  for (const [method, operation] of Object.entries(item)) {
    methodsOf.set(operation, [...(methodsOf.get(operation) ?? []), method]);
  }
  for (const [operation, methods] of methodsOf) {
    const usual = hasBody(operation) ? 'post' : 'get';
    const kept = methods.includes(usual) ? usual : methods[0];
    for (const method of methods) if (method !== kept) delete item[method];
    leaveBodyOut(operation);
  }
}

/** Swagger takes every body for required, and has no word for one that is not. */
function leaveBodyOut(operation: unknown): void {
  if (!isObject(operation) || operation[optionalBody] !== true) return;
  delete operation[optionalBody];
  if (isObject(operation.requestBody)) operation.requestBody.required = false;
}

function hasBody(operation: unknown): boolean {
  return isObject(operation) && 'requestBody' in operation;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
