import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type onRequestHookHandler,
} from 'fastify';
import { SconceError, toSconceError } from '../errors.js';
import type { Log } from '../logging/log.js';
import type { TlsOptions } from '../security/tls.js';
import { bodyReader } from './body.js';
import { Connections } from './connections.js';
import { DirectPredictions } from './direct-predictions.js';
import type { HttpContext } from './http-context.js';
import type { HttpReply } from './http-exchange.js';
import { createRequestId } from './request-id.js';
import { commonHeaderList, errorBody, jsonText, rawResponse, sendError } from './response.js';

/** Longest model name and version in a path. */
const longestParameter = 1024;

/** Milliseconds a client has to send a request, body included; Fastify would give it for ever. */
const requestTimeout = 300_000;

/** Milliseconds that a connection may wait for its next request: Fastify's. */
const keepAliveTimeout = 72_000;

/** How a listener answers predictions before Fastify's router sees them. */
export interface PredictionRouting {
  /** Throws the error of a request that does not bring the key it needs. */
  authorize: ((request: IncomingMessage) => void) | undefined;
}

/**
 * What the listeners have in common: raw bodies, TorchServe's headers and errors.
 *
 * @param predictions undefined where there are none
 */
export function createApp(
  context: HttpContext,
  log: Log,
  tls: TlsOptions | undefined,
  predictions?: PredictionRouting,
): FastifyInstance {
  const app: FastifyInstance = Fastify({
    serverFactory: (route) => {
      const fail = (error: unknown, reply: HttpReply): void => answerFailure(log, error, reply);
      const direct = predictions && new DirectPredictions(context, { ...predictions, fail }, route);
      return createListener(tls, (request, response) => {
        connections.began(response);
        if (direct?.take(request, response) === true) return;
        // Fastify's rewriteUrl would keep a second URL for every request.
        makePathPlain(request);
        route(request, response);
      });
    },
    requestIdHeader: false,
    genReqId: createRequestId,
    return503OnClosing: false,
    logger: false,
    routerOptions: { maxParamLength: longestParameter },
    frameworkErrors: (_error, _request, reply: FastifyReply) => {
      sendError(reply, new SconceError('INVALID_HTTP'));
    },
    clientErrorHandler: (_error, socket) => {
      // Not HTTP at all: there is no request to answer through, only the socket.
      connections.refuse(socket, refusal(context));
    },
  });
  const connections = new Connections(app.server);
  app.addHook('preClose', (done) => {
    connections.closeUnused();
    done();
  });
  // Schemas of routes describe them; what TorchServe takes leniently they would refuse.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  // Bodies stay bytes: what they mean is for the handler to say.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', bodyReader(context.maxRequestSize, context.bodies));
  app.decorate('httpContext', context);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1).join();
    sendError(reply, new SconceError(path === '/' ? 'METHOD_NOT_ALLOWED' : 'RESOURCE_NOT_FOUND'));
  });
  app.setErrorHandler((error: FastifyError | SconceError, request, reply) => {
    answerFailure(log, fromFramework(error, request.headers), reply, error);
  });
  return app;
}

function createListener(tls: TlsOptions | undefined, listener: RequestListener): Server {
  // As in TorchServe a request needs no Host header.
  const options = { requireHostHeader: false, requestTimeout, keepAliveTimeout };
  return tls === undefined
    ? createServer(options, listener)
    : createTlsServer({ ...tls, ...options }, listener);
}

/** @param thrown what the error was made of */
function answerFailure(log: Log, error: unknown, reply: HttpReply, thrown = error): void {
  const known = toSconceError(error);
  if (known.code === 'INTERNAL') {
    log.error({ err: thrown, requestId: reply.request.id }, 'request failed');
  }
  sendError(reply, known);
}

/** The answer to what is not HTTP, as it goes over the wire. */
function refusal({ cors }: HttpContext): string {
  const headers = [
    'content-type',
    'application/json',
    ...commonHeaderList(createRequestId(), cors),
  ];
  const body = jsonText(errorBody(new SconceError('INVALID_HTTP')));
  return rawResponse('400 Bad Request', headers, body);
}

/** What a path must have for plainPath() to change it. */
const unusualPath = /%2f|\/\/|\/$|\/\?/i;

/** TorchServe decodes the path before it looks for separators, and passes over empty segments. */
function makePathPlain(request: IncomingMessage): void {
  const { url } = request;
  if (url === undefined || !unusualPath.test(url)) return;
  request.url = plainPath(url);
  // Where Fastify looks for what the client wrote.
  Object.assign(request, { originalUrl: url });
}

/** The path with decoded separators and without empty segments. */
function plainPath(url: string): string {
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  const plain = path
    .replace(/%2f/gi, '/')
    .replace(/\/{2,}/g, '/')
    .replace(/(?<=.)\/$/, '');
  return query < 0 ? plain : plain + url.slice(query);
}

function fromFramework(
  error: FastifyError | SconceError,
  headers: IncomingHttpHeaders,
): SconceError {
  if (error instanceof SconceError) return error;
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new SconceError(
      'INVALID_REQUEST',
      `the content-type header is no media type: ${JSON.stringify(headers['content-type'])}`,
    );
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new SconceError('INVALID_HTTP');
  }
  return toSconceError(error);
}

/**
 * A hook that refuses requests while the server shuts down. Predictions are refused by the service
 * itself: a hook would cost each of them more than that check.
 */
export function refuseWhenClosing(closing: () => boolean): onRequestHookHandler {
  return (_request, _reply, done) => {
    if (closing()) done(new SconceError('SHUTTING_DOWN'));
    else done();
  };
}
