import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SconceError } from '../errors.js';
import type { RequestParameter } from '../handlers/handler.js';
import { refuseWhenClosing } from './app.js';
import { isForm, readForm } from './form-body.js';
import type { HttpContext } from './http-context.js';
import { bodyOf, predict } from './prediction-reply.js';
import { sendError, sendJson } from './response.js';
import { inferenceSchemas } from './schemas/inference-schemas.js';
import { serverSchemas } from './schemas/server-schemas.js';

interface Route {
  Params: { model: string; version?: string; '*'?: string };
  Querystring: Record<string, string | string[] | undefined>;
}

interface TargetRoute {
  Params: { target: string };
}

/** As in TorchServe every method is taken like POST. */
const otherMethods = ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];

/** The inference API. */
export function inferenceRoutes(app: FastifyInstance, context: HttpContext): void {
  const { service } = context;
  // Fastify would ignore the body of a GET.
  app.addHttpMethod('GET', { hasBody: true, overrideExisting: true });
  app.all(
    '/ping',
    { onRequest: refuseWhenClosing(() => service.closing), schema: serverSchemas.ping },
    (_request, reply) => {
      const { healthy } = service.health;
      sendJson(reply, healthy ? 200 : 500, { status: healthy ? 'Healthy' : 'Unhealthy' });
    },
  );
  predictionRoutes(app, context);
  kserveRoutes(app, context);
  legacyRoutes(app, context);
  app.all<{ Params: { workflow: string } }>('/wfpredict/:workflow', (request, reply) =>
    sendError(reply, new SconceError('WORKFLOW_NOT_FOUND', request.params.workflow)),
  );
}

function predictionRoutes(app: FastifyInstance, context: HttpContext): void {
  for (const [prefix, explain] of [
    ['/predictions', false],
    ['/explanations', true],
  ] as const) {
    const schema = explain ? inferenceSchemas.explain : inferenceSchemas.predict;
    for (const path of ['/:model', '/:model/:version', '/:model/:version/*']) {
      const url = prefix + path;
      const handler = (request: FastifyRequest<Route>, reply: FastifyReply): void => {
        const { model, version, '*': urlPath = '' } = request.params;
        predict(context, request, reply, { model, version, urlPath, explain });
      };
      predictionRoute(app, url, path.endsWith('*') ? {} : schema, handler);
    }
  }
}

/** A route that takes every method; POST is what clients are to use. */
function predictionRoute(
  app: FastifyInstance,
  url: string,
  schema: object,
  handler: (request: FastifyRequest<Route>, reply: FastifyReply) => void,
): void {
  app.route<Route>({ method: 'POST', url, handler, schema });
  app.route<Route>({ method: otherMethods, url, handler });
}

function kserveRoutes(app: FastifyInstance, context: HttpContext): void {
  const v1 = (request: FastifyRequest<TargetRoute>, reply: FastifyReply): void => {
    const { target } = request.params;
    const [model = ''] = target.split(':', 1);
    if (target.includes(':predict')) {
      predict(context, request, reply, { model, explain: false });
    } else if (target.includes(':explain')) {
      predict(context, request, reply, { model, explain: true });
    } else if (target.includes(':')) {
      throw new SconceError('RESOURCE_NOT_FOUND');
    } else {
      kserveReadiness(context, request, reply, target);
    }
  };
  for (const [method, schema] of [
    ['GET', inferenceSchemas.kserveReady],
    ['POST', inferenceSchemas.kservePredict],
    [otherMethods.filter((each) => each !== 'GET'), {}],
  ] as const) {
    app.route<TargetRoute>({
      method: [method].flat(),
      url: '/v1/models/:target',
      exposeHeadRoute: false,
      schema,
      handler: v1,
    });
  }
  for (const [verb, explain, schema] of [
    ['infer', false, inferenceSchemas.kserveInfer],
    ['explain', true, inferenceSchemas.kserveExplain],
  ] as const) {
    predictionRoute(app, `/v2/models/:model/${verb}`, schema, (request, reply) => {
      predict(context, request, reply, { model: request.params.model, explain });
    });
  }
}

/** The same readiness where nothing else of KServe's is served: TorchServe has it there only. */
export function kserveReadinessRoute(app: FastifyInstance, context: HttpContext): void {
  app.all<TargetRoute>(
    '/v1/models/:target',
    { schema: inferenceSchemas.kserveReady },
    (request, reply) => kserveReadiness(context, request, reply, request.params.target),
  );
}

/** `GET /v1/models/{model}`: whether instances answer its requests. */
function kserveReadiness(
  { service }: HttpContext,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
): void {
  if (request.method !== 'GET') throw new SconceError('METHOD_NOT_ALLOWED');
  const { state } = service.version(name);
  sendJson(reply, 200, { name, ready: state === 'ready' });
}

/** Routes whose query is a part of the input: SageMaker's, and those of TorchServe's ancestors. */
function legacyRoutes(app: FastifyInstance, context: HttpContext): void {
  predictionRoute(app, '/invocations', inferenceSchemas.invocations, (request, reply) => {
    const parameters = readParameters(request);
    const given = parameters.findLast(({ name }) => name === 'model_name')?.value;
    const model = given === undefined || given.length === 0 ? onlyModel(context) : text(given);
    if (model === undefined) throw new SconceError('PARAMETER_REQUIRED', 'model_name');
    predict(context, request, reply, { model }, parameters);
  });
  for (const url of ['/models/:model/invoke', '/:model/predict', '/:model/:version/predict']) {
    predictionRoute(app, url, inferenceSchemas.invoke, (request, reply) => {
      const { model, version } = request.params;
      predict(context, request, reply, { model, version }, readParameters(request));
    });
  }
}

/** What the query says, and then what the body does. */
function readParameters(request: FastifyRequest<Route>): RequestParameter[] {
  const parameters: RequestParameter[] = [];
  for (const [name, value] of Object.entries(request.query)) {
    const last = [value].flat().at(-1) ?? '';
    parameters.push({ name, value: Buffer.from(last), contentType: undefined });
  }
  const type = request.headers['content-type'];
  const body = bodyOf(request);
  if (type !== undefined && isForm(type)) {
    for (const parameter of readForm(type, body)) parameters.push(parameter);
  } else {
    parameters.push({ name: 'body', value: body, contentType: type });
  }
  return parameters;
}

/** The model that the server was started with, when it is the only one. */
function onlyModel({ service }: HttpContext): string | undefined {
  const names = new Set(
    service.all.filter(({ loadedAtStartup }) => loadedAtStartup).map(({ name }) => name),
  );
  const [name] = names;
  return names.size === 1 ? name : undefined;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
