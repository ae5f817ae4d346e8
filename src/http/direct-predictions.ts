import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { smallestPiece } from './body-memory.js';
import { DirectReply, DirectRequest } from './direct-exchange.js';
import { isForm } from './form-body.js';
import type { HttpContext } from './http-context.js';
import type { HttpReply } from './http-exchange.js';
import { type PredictionTarget, predict } from './prediction-reply.js';

export interface DirectOptions {
  /** Throws the error of a request that does not bring the key it needs. */
  authorize: ((request: IncomingMessage) => void) | undefined;
  /** Answers a request with what was thrown. */
  fail(error: unknown, reply: HttpReply): void;
}

/** Paths that mean the same to whoever reads them: nothing to decode, no empty segment, no query. */
const plainPath = /^\/predictions\/([\w.-]{1,200})(?:\/([\w.-]{1,200}))?$/;

/** Paths that are read once. */
const targetsKept = 256;

const plainType = /^[a-z]+\/[a-z0-9.+-]+$/;

/**
 * Answers predictions before Fastify's router, whose way to a handler costs about a tenth of a small
 * request. Only what is usual goes here, a POST of a small body that has come whole with its head, so
 * that there is nothing to decide; anything else is Fastify's, and its answers are the same.
 */
export class DirectPredictions {
  readonly #server: { readonly httpContext: HttpContext };
  readonly #longest: number;
  /** By their paths. */
  readonly #targets = new Map<string, PredictionTarget>();

  constructor(
    private readonly context: HttpContext,
    private readonly options: DirectOptions,
    /** Fastify. */
    private readonly route: RequestListener,
  ) {
    this.#server = { httpContext: context };
    this.#longest = Math.min(context.maxRequestSize, smallestPiece - 1);
  }

  /** Takes a request that could go this way; false leaves it to the caller. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    const { method, url = '', headers } = request;
    if (method !== 'POST' || !url.startsWith('/predictions/')) return false;
    if (headers['transfer-encoding'] !== undefined) return false;
    const length = Number(headers['content-length']);
    if (!(length > 0 && length <= this.#longest) || !isPlain(headers['content-type'])) return false;
    const target = this.#targetOf(url);
    if (target === undefined) return false;
    // Node has read the head; the body follows before the next tick if it came with it.
    process.nextTick(this.#answer, request, response, target, length);
    return true;
  }

  readonly #answer = (
    request: IncomingMessage,
    response: ServerResponse,
    target: PredictionTarget,
    length: number,
  ): void => {
    const body: unknown = request.readableLength === length ? request.read() : undefined;
    if (!(body instanceof Uint8Array)) {
      this.route(request, response);
      return;
    }
    const direct = new DirectRequest(request, body);
    const reply = new DirectReply(response, direct, this.#server);
    try {
      this.options.authorize?.(request);
      predict(this.context, direct, reply, target);
    } catch (error) {
      this.options.fail(error, reply);
    }
  };

  /** Undefined for a path that is for Fastify to read. */
  #targetOf(url: string): PredictionTarget | undefined {
    const known = this.#targets.get(url);
    if (known !== undefined) return known;
    const path = plainPath.exec(url);
    if (path === null) return undefined;
    const [, model = '', version] = path;
    const target: PredictionTarget = { model, version, urlPath: '', explain: false };
    if (this.#targets.size >= targetsKept) this.#targets.clear();
    this.#targets.set(url, target);
    return target;
  }
}

/** A media type without parameters whose body is one thing, or none. */
function isPlain(type: string | undefined): boolean {
  if (type === undefined || type === 'application/json') return true;
  return plainType.test(type) && !isForm(type);
}
