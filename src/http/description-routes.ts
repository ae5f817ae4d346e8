import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Surface } from './listeners.js';
import {
  allDescription,
  inferenceDescription,
  managementDescription,
  metricsDescription,
} from './openapi/descriptions.js';
import { sendJson } from './response.js';
import { torchServeVersion } from './torchserve-version.js';

/** What a listener is asked for with `OPTIONS /`: TorchServe's own description of its APIs. */
export function descriptionRoutes(app: FastifyInstance, surfaces: readonly Surface[]): void {
  const description = describe(surfaces)(torchServeVersion);
  const answer = (_request: unknown, reply: FastifyReply): void =>
    sendJson(reply, 200, description);
  app.options('/', answer);
  app.all('/api-description', answer);
}

function describe(surfaces: readonly Surface[]): (version: string) => object {
  if (surfaces.includes('inference')) {
    return surfaces.includes('management') ? allDescription : inferenceDescription;
  }
  return surfaces.includes('management') ? managementDescription : metricsDescription;
}
