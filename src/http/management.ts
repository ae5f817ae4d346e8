import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { SconceError } from '../errors.js';
import type { Gpu, Metrics } from '../metrics/metrics.js';
import type { ModelVersion } from '../models/model-version.js';
import type { ManagementContext } from './http-context.js';
import { describeVersion } from './model-description.js';
import { modelManagementDescription } from './openapi/descriptions.js';
import { type Query, toBoolean, toInteger } from './query.js';
import { readRegistration } from './register-request.js';
import { jsonText, respond, sendError, sendJson } from './response.js';
import { managementSchemas } from './schemas/management-schemas.js';
import { torchServeVersion } from './torchserve-version.js';

interface Route {
  Params: { model: string; version?: string };
  Querystring: Query;
}

type Request = FastifyRequest<Route>;

export interface ManagementOptions {
  /** Whether models may be registered and removed over HTTP. */
  enableModelApi: boolean;
  /** What workers on GPUs are described with. */
  gpus: Metrics['gpus'];
}

const defaultLimit = 100;

/** Every method that some route of this API does not take. */
const allMethods: HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'];

/** The management API. */
export function managementRoutes(
  app: FastifyInstance,
  context: ManagementContext,
  { enableModelApi, gpus }: ManagementOptions,
): void {
  const api = new ManagementApi(context, gpus);
  const guarded = (handler: (request: Request, reply: FastifyReply) => Promise<void>) =>
    enableModelApi ? handler : refuseMethod;
  resource(app, '/models', {
    GET: { schema: managementSchemas.listModels, handler: api.list },
    POST: { schema: managementSchemas.registerModel, handler: guarded(api.register) },
  });
  for (const url of ['/models/:model', '/models/:model/:version']) {
    resource(app, url, {
      GET: { schema: managementSchemas.describeModel, handler: api.describe },
      PUT: { schema: managementSchemas.scaleModel, handler: api.scale },
      DELETE: { schema: managementSchemas.unregisterModel, handler: guarded(api.unregister) },
      OPTIONS: { schema: {}, handler: api.explain },
    });
  }
  resource(app, '/models/:model/:version/set-default', {
    PUT: { schema: managementSchemas.setDefault, handler: api.setDefault },
  });
}

interface Operation {
  schema: object;
  handler: (request: Request, reply: FastifyReply) => void | Promise<void>;
}

/** A path with its operations; other methods are refused, as TorchServe does, with 405. */
function resource(
  app: FastifyInstance,
  url: string,
  operations: Partial<Record<string, Operation>>,
): void {
  for (const [method, operation] of Object.entries(operations)) {
    if (operation !== undefined) app.route<Route>({ method, url, ...operation });
  }
  const others = [...allMethods, 'OPTIONS'].filter((method) => !(method in operations));
  app.route<Route>({ method: others, url, handler: refuseMethod });
}

function refuseMethod(_request: unknown, reply: FastifyReply): void {
  sendError(reply, new SconceError('METHOD_NOT_ALLOWED'));
}

class ManagementApi {
  constructor(
    private readonly context: ManagementContext,
    private readonly gpus: Metrics['gpus'],
  ) {}

  readonly list = (request: Request, reply: FastifyReply): void => {
    const { limit, next_page_token: token } = request.query;
    const page = this.context.service.list(toInteger(limit) ?? defaultLimit, toInteger(token) ?? 0);
    sendJson(reply, 200, {
      ...(page.nextPageToken === undefined ? {} : { nextPageToken: String(page.nextPageToken) }),
      models: page.models.map(({ name, source }) => ({ modelName: name, modelUrl: source.url })),
    });
  };

  readonly register = async (request: Request, reply: FastifyReply): Promise<void> => {
    const { request: wanted, synchronous } = readRegistration(request);
    const { version, workers, started } = await this.context.service.register(wanted, synchronous);
    if (!started) {
      sendStatus(reply, 202, 'Processing worker updates...');
      return;
    }
    const what = `Model "${version.name}" Version: ${version.version} registered with`;
    const status =
      workers === 0
        ? `${what} 0 initial workers. Use scale workers API to add workers for the model.`
        : `${what} ${workers} initial workers`;
    sendStatus(reply, 200, status);
  };

  readonly describe = async (request: Request, reply: FastifyReply): Promise<void> => {
    const { service } = this.context;
    const { model, version } = request.params;
    if (version === 'all') {
      const versions = [...service.model(model).versions.values()];
      const gpus = await this.#measure(versions);
      sendJson(
        reply,
        200,
        versions.map((each) => describeVersion(each, undefined, gpus)),
      );
      return;
    }
    const found = service.version(model, version);
    const customized = toBoolean(request.query.customized, false);
    const metadata = customized ? await found.describe() : undefined;
    const gpus = await this.#measure([found]);
    const body = Buffer.from(jsonText([describeVersion(found, metadata, gpus)]));
    const headers = ['content-type', 'application/json'];
    // TorchServe passes the handler's reply on, which has no reason phrase.
    respond(reply, { status: 200, headers, body, ...(customized ? { phrase: '' } : {}) });
  };

  readonly scale = async (request: Request, reply: FastifyReply): Promise<void> => {
    const { model } = request.params;
    const { min_worker: least, max_worker: most, model_version: queried } = request.query;
    const version = request.params.version ?? [queried].flat()[0];
    const minWorkers = toInteger(least) ?? 1;
    const maxWorkers = toInteger(most) ?? minWorkers;
    const { done } = this.context.service.scale(model, version, { minWorkers, maxWorkers });
    if (!toBoolean(request.query.synchronous, false)) {
      sendStatus(reply, 202, 'Processing worker updates...');
      return;
    }
    await done;
    const which = version === undefined ? '' : `, version: ${version}`;
    sendStatus(reply, 200, `Workers scaled to ${minWorkers} for model: ${model}${which}`);
  };

  readonly unregister = async (request: Request, reply: FastifyReply): Promise<void> => {
    const { model, version } = request.params;
    await this.context.service.unregister(model, version);
    sendStatus(reply, 200, `Model "${model}" unregistered`);
  };

  readonly setDefault = (request: Request, reply: FastifyReply): void => {
    const { model, version = '' } = request.params;
    this.context.service.setDefault(model, version);
    sendStatus(
      reply,
      200,
      `Default version successfully updated for model "${model}" to "${version}"`,
    );
  };

  /** What one can ask of this model. */
  readonly explain = (request: Request, reply: FastifyReply): void => {
    const { model, version } = request.params;
    this.context.service.version(model, version);
    sendJson(reply, 200, modelManagementDescription(model, torchServeVersion));
  };

  /** @returns the GPUs, where a worker is on one */
  async #measure(versions: readonly ModelVersion[]): Promise<readonly Gpu[]> {
    const isOnGpu = versions.some(({ devices }) => devices.some((device) => device !== 'cpu'));
    const [gpus] = await Promise.all([
      isOnGpu ? this.gpus.read() : [],
      ...versions.map((version) => version.measure()),
    ]);
    return gpus;
  }
}

function sendStatus(reply: FastifyReply, code: number, status: string): void {
  sendJson(reply, code, { status });
}
