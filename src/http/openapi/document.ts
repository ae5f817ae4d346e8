import { fastifySwagger } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { sendJson } from '../response.js';

export interface DocumentInfo {
  title: string;
  version: string;
}

/**
 * Serves `/openapi.json`: what the schemas of the app's routes say. Only routes whose schema has a
 * tag are in it. To be called before the routes are added.
 */
export function registerOpenApi(app: FastifyInstance, info: DocumentInfo): void {
  // Called instead of registered: a registered plugin starts later, and would miss the routes that
  // are added in this turn.
  fastifySwagger(
    app,
    {
      openapi: { openapi: '3.0.3', info },
      hideUntagged: true,
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
  }
}

function hasBody(operation: unknown): boolean {
  return typeof operation === 'object' && operation !== null && 'requestBody' in operation;
}
