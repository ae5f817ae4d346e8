import type { FastifyInstance } from 'fastify';
import { isReady } from '../models/health.js';
import type { HttpContext } from './http-context.js';
import { sendJson } from './response.js';
import { serverSchemas } from './schemas/server-schemas.js';

/**
 * What tells the truth where /ping says what TorchServe's does: /live as long as the main loop
 * turns, /ready when every model answers that shall.
 */
export function healthRoutes(app: FastifyInstance, { service }: HttpContext): void {
  app.get('/live', { schema: serverSchemas.live }, (_request, reply) =>
    sendJson(reply, 200, { live: true }),
  );
  app.get('/ready', { schema: serverSchemas.ready }, (_request, reply) => {
    const { ready, waitingFor } = service.health;
    sendJson(reply, ready ? 200 : 503, ready ? { ready } : { ready, waitingFor });
  });
  app.get<{ Params: { model: string } }>(
    '/models/:model/ready',
    { schema: serverSchemas.modelReady },
    (request, reply) => {
      const version = service.version(request.params.model);
      const ready = version.state === 'ready' && isReady(version);
      const { state, failure } = version;
      sendJson(reply, ready ? 200 : 503, {
        name: version.name,
        version: version.version,
        ready,
        state,
        ...(failure === undefined ? {} : { failure: failure.message }),
      });
    },
  );
}
