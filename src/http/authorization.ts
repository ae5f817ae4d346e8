import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { SconceError, toSconceError } from '../errors.js';
import { type TokenAuthority, type TokenKind, tokenKinds } from '../security/token-authority.js';
import { sendBody } from './response.js';
import { serverSchemas } from './schemas/server-schemas.js';

export interface AuthorizationOptions {
  /** Whether /ping is answered without a token, for probes that cannot send one. */
  exemptPing: boolean;
}

/** `both`: one listener that serves the inference and the management API. */
export type ListenerKind = TokenKind | 'both';

/** First segments of what is answered to anybody. */
const openSegments = new Set(['openapi.json', 'metrics', 'live', 'ready']);

/** Where on a listener of both kinds the inference key is asked for; elsewhere the other is. */
const inferenceSegments = new Set([
  ...['ping', 'predictions', 'explanations', 'invocations', 'execution-parameters'],
  ...['wfpredict', 'v1', 'v2'],
]);

/** Last segments that are inference as well: `/models/{model}/invoke`, `/{model}/predict`. */
const inferenceEndings = new Set(['invoke', 'predict']);

/**
 * A hook that lets requests pass that bring the key they need. It must be added before the routes.
 *
 * What a request needs is read from the route that was found for it, not from the path as it was
 * written: `/%6dodels` is `/models`.
 */
export function authorizationHook(
  authority: Pick<TokenAuthority, 'authorize'>,
  kind: ListenerKind,
  options: AuthorizationOptions,
): onRequestHookHandler {
  return (request, _reply, done) => {
    try {
      const path = request.routeOptions.url ?? request.url.split('?', 1).join();
      if (!isOpen(path, options)) {
        const needed = kind === 'both' ? kindOf(path) : kind;
        authority.authorize(needed, soleAuthorization(request.raw));
      }
      done();
    } catch (error) {
      done(toSconceError(error));
    }
  };
}

/**
 * The same for predictions, wherever they are served.
 *
 * @throws {SconceError} when the request does not bring the inference key
 */
export function authorizePrediction(
  authority: Pick<TokenAuthority, 'authorize'>,
  request: IncomingMessage,
): void {
  authority.authorize('inference', soleAuthorization(request));
}

/** Whether the route of this path is answered without a token. */
export function isOpen(path: string, { exemptPing }: AuthorizationOptions): boolean {
  const [, first = ''] = path.split('/');
  if (first === 'ping') return exemptPing;
  // The token route checks the API key itself.
  if (path === '/' || path === '/token') return true;
  return openSegments.has(first) || path.endsWith('/api-description');
}

/** What is not known for inference is management: a route that was forgotten here fails closed. */
function kindOf(path: string): TokenKind {
  const [, first = '', ...rest] = path.split('/');
  const isInference = inferenceSegments.has(first) || inferenceEndings.has(rest.at(-1) ?? '');
  return isInference ? 'inference' : 'management';
}

/** The Authorization header. Of several none counts: a proxy may have looked at another of them. */
function soleAuthorization({ rawHeaders, headers }: IncomingMessage): string | undefined {
  let found = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === 'authorization') found += 1;
  }
  return found === 1 ? headers.authorization : undefined;
}

interface TokenRoute {
  Querystring: { type?: string | string[] };
}

/** `GET /token?type=management|inference`: a new key for an API, for whoever has the API key. */
export function tokenRoute(app: FastifyInstance, authority: TokenAuthority): void {
  app.get<TokenRoute>(
    '/token',
    { exposeHeadRoute: false, schema: serverSchemas.token },
    async (request, reply) => {
      const [type] = [request.query.type].flat();
      const kind = tokenKinds.find((known) => known === type);
      if (kind === undefined) throw new SconceError('TOKEN_RENEWAL_REFUSED');
      await authority.renew(kind, soleAuthorization(request.raw));
      sendBody(reply, 200, 'application/json', '\n');
    },
  );
  app.route({
    method: ['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'],
    url: '/token',
    handler: () => {
      throw new SconceError('METHOD_NOT_ALLOWED');
    },
  });
}
