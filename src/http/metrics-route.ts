import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Metrics } from '../metrics/metrics.js';
import type { Query } from './query.js';
import { sendBody } from './response.js';
import { serverSchemas } from './schemas/server-schemas.js';

interface MetricsRequest {
  Querystring: Query;
}

/** The metrics API. As in TorchServe any method will do, and any path below /metrics. */
export function metricsRoutes(app: FastifyInstance, metrics: Metrics): void {
  const answer = async (request: FastifyRequest<MetricsRequest>, reply: FastifyReply) => {
    const names = [request.query['name[]'] ?? []].flat();
    sendBody(reply, 200, metrics.contentType, await metrics.text(names));
  };
  app.all<MetricsRequest>('/metrics', { schema: serverSchemas.metrics }, answer);
  app.all<MetricsRequest>('/metrics/*', answer);
}
