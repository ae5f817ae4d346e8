import type { FastifyInstance } from 'fastify';
import { SconceError } from '../errors.js';
import { sendError, sendJson } from './response.js';
import { managementSchemas } from './schemas/management-schemas.js';

/**
 * TorchServe's workflow API as its last version has it: registering is turned off, so there never is
 * one.
 */
export function workflowRoutes(app: FastifyInstance): void {
  app.get('/workflows', { schema: managementSchemas.listWorkflows }, (_request, reply) =>
    sendJson(reply, 200, { workflows: [] }),
  );
  app.post('/workflows', { schema: managementSchemas.registerWorkflow }, (_request, reply) =>
    sendError(reply, new SconceError('WORKFLOWS_DISABLED')),
  );
  app.route({
    method: ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'],
    url: '/workflows',
    handler: (_request, reply) => sendError(reply, new SconceError('METHOD_NOT_ALLOWED')),
  });
  app.route<{ Params: { workflow: string } }>({
    method: ['GET', 'DELETE'],
    url: '/workflows/:workflow',
    schema: managementSchemas.findWorkflow,
    handler: (request, reply) =>
      sendError(reply, new SconceError('WORKFLOW_NOT_FOUND', request.params.workflow)),
  });
  app.route({
    method: ['POST', 'PUT', 'PATCH', 'OPTIONS', 'TRACE'],
    url: '/workflows/:workflow',
    handler: (_request, reply) => sendError(reply, new SconceError('METHOD_NOT_ALLOWED')),
  });
}
