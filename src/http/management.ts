import type { FastifyInstance, FastifyReply } from 'fastify';
import { SconceError } from '../errors.js';
import type { ModelService } from '../models/model-service.js';
import { describeVersion } from './model-description.js';
import { sendError, sendJson } from './response.js';

interface Route {
  Params: { model: string; version?: string };
  Querystring: { limit?: string; next_page_token?: string };
}

const defaultLimit = 100;

/** The read-only half of the management API. */
export function managementRoutes(app: FastifyInstance, service: ModelService): void {
  app.get<Route>('/models', (request, reply) => {
    const { limit, next_page_token: token } = request.query;
    const page = service.list(toInteger(limit, defaultLimit), toInteger(token, 0));
    return sendJson(reply, 200, {
      ...(page.nextPageToken === undefined ? {} : { nextPageToken: String(page.nextPageToken) }),
      models: page.models.map((version) => ({
        modelName: version.name,
        modelUrl: version.options.source.url,
      })),
    });
  });
  app.get<Route>('/models/:model', (request, reply) =>
    sendJson(reply, 200, [describeVersion(service.version(request.params.model))]),
  );
  app.get<Route>('/models/:model/:version', (request, reply) => {
    const { model, version } = request.params;
    const versions =
      version === 'all' ? service.versions(model) : [service.version(model, version)];
    return sendJson(reply, 200, versions.map(describeVersion));
  });
  for (const url of ['/models', '/models/:model', '/models/:model/:version']) {
    app.route({
      method: ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'],
      url,
      handler: (_request, reply) => refuseMethod(reply),
    });
  }
}

function refuseMethod(reply: FastifyReply): FastifyReply {
  return sendError(reply, new SconceError('METHOD_NOT_ALLOWED'));
}

/** An integer parameter; anything else counts as absent, as in TorchServe. */
function toInteger(text: string | undefined, fallback: number): number {
  return text !== undefined && /^[+-]?\d{1,9}$/.test(text) ? Number(text) : fallback;
}
