import type { FastifyInstance } from 'fastify';
import type { HttpContext } from './http-context.js';
import { sendJson } from './response.js';
import { inferenceSchemas } from './schemas/inference-schemas.js';

/** What TorchServe says of itself; the letters of `extenstion` are its own. */
function serverMetadata(version: string): object {
  return { name: 'Torchserve', version, extenstion: ['kserve', 'kubeflow'] };
}

/** The Open Inference Protocol's routes about the server; only when it is turned on. */
export function openInferenceRoutes(
  app: FastifyInstance,
  { service }: HttpContext,
  torchServeVersion: string,
): void {
  app.all('/v2', { schema: inferenceSchemas.serverMetadata }, (_request, reply) =>
    sendJson(reply, 200, serverMetadata(torchServeVersion)),
  );
  app.all('/v2/health/live', { schema: inferenceSchemas.serverLive }, (_request, reply) =>
    sendJson(reply, 200, { live: true }),
  );
  app.all('/v2/health/ready', { schema: inferenceSchemas.serverReady }, (_request, reply) => {
    const { ready } = service.health;
    sendJson(reply, ready ? 200 : 503, { ready });
  });
  app.all('/v2/models/:model/versions/*', (_request, reply) =>
    sendJson(reply, 501, { error: 'Model versioning is not yet supported.' }),
  );
}
