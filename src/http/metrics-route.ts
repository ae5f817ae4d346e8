import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics/metrics.js';
import { commonHeaders } from './response.js';

/** The metrics API. */
export function metricsRoutes(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', async (_request, reply) =>
    reply
      .headers({ ...commonHeaders(reply.request.id), 'content-type': metrics.contentType })
      .send(await metrics.text()),
  );
}
