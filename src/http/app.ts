import type { IncomingHttpHeaders } from 'node:http';
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type onRequestHookHandler,
} from 'fastify';
import { SconceError, toSconceError } from '../errors.js';
import type { Log } from '../log.js';
import { bodyReader } from './body.js';
import { Connections } from './connections.js';
import { createRequestId, errorBody, jsonText, sendError } from './response.js';

export interface AppOptions {
  /** Bytes. */
  maxRequestSize: number;
  log: Log;
}

/** Longest model name and version in a path. */
const longestParameter = 1024;

/** Milliseconds a client has to send a request, body included; Fastify would give it for ever. */
const requestTimeout = 300_000;

/** What the three listeners have in common: raw bodies, TorchServe's headers and errors. */
export function createApp(options: AppOptions): FastifyInstance {
  const app = Fastify({
    requestIdHeader: false,
    genReqId: createRequestId,
    requestTimeout,
    return503OnClosing: false,
    logger: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: longestParameter },
    frameworkErrors: (_error, _request, reply: FastifyReply) => {
      sendError(reply, new SconceError('INVALID_HTTP'));
    },
    clientErrorHandler: (_error, socket) => {
      // Not HTTP at all: there is no request to answer through, only the socket.
      if (!socket.writable) return;
      const error = new SconceError('INVALID_HTTP');
      const body = jsonText(errorBody(error));
      socket.end(
        `HTTP/1.1 ${error.status} Bad Request\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      );
    },
  });
  const connections = new Connections(app.server);
  app.addHook('preClose', (done) => {
    connections.closeUnused();
    done();
  });
  // Bodies stay bytes: what they mean is for the handler to say.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', bodyReader(options.maxRequestSize));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1).join();
    sendError(reply, new SconceError(path === '/' ? 'METHOD_NOT_ALLOWED' : 'RESOURCE_NOT_FOUND'));
  });
  app.setErrorHandler((error: FastifyError | SconceError, request, reply) => {
    const known = fromFramework(error, request.headers);
    if (known.code === 'INTERNAL') options.log.error(error, 'request failed');
    sendError(reply, known);
  });
  return app;
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
