import type { FastifyInstance } from 'fastify';
import type { ModelService } from '../models/model-service.js';
import { refuseWhenClosing } from './app.js';
import { predict } from './prediction-reply.js';
import { sendJson } from './response.js';

interface Route {
  Params: { model: string; version?: string };
}

/** The inference API. As in TorchServe every method is taken. */
export function inferenceRoutes(app: FastifyInstance, service: ModelService): void {
  // Fastify would ignore the body of a GET.
  app.addHttpMethod('GET', { hasBody: true, overrideExisting: true });
  const onRequest = refuseWhenClosing(() => service.closing);
  app.all('/ping', { onRequest }, (_request, reply) => sendJson(reply, 200, { status: 'Healthy' }));
  app.all<Route>('/predictions/:model', (request, reply) => {
    predict(service, request, reply, request.params.model, undefined);
  });
  app.all<Route>('/predictions/:model/:version', (request, reply) => {
    predict(service, request, reply, request.params.model, request.params.version);
  });
  app.all<Route>('/predictions/:model/:version/*', (request, reply) => {
    predict(service, request, reply, request.params.model, request.params.version);
  });
}
