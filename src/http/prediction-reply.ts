import { SconceError, toSconceError } from '../errors.js';
import { isStream, type RequestParameter, replyWith } from '../handlers/handler.js';
import type { PredictionSink } from '../models/prediction.js';
import { smallestPiece } from './body-memory.js';
import { isForm, readForm } from './form-body.js';
import { cancelOnHangUp, forget } from './hang-up.js';
import type { HttpContext, OpenPrediction } from './http-context.js';
import type { HttpReply, HttpRequest } from './http-exchange.js';
import { modelDescriptionDocument } from './openapi/descriptions.js';
import { requestTimeout } from './request-timeout.js';
import { respond, sendError, sendJson } from './response.js';
import { streamReply } from './streamed-reply.js';

/** Replies from this size on are written from the memory they lie in; smaller ones are copied. */
const zeroCopyBytes = 64 * 1024;

/** Replies below this size go out as text with their head, in one piece. */
const joinedBytes = 4 * 1024;

/** Milliseconds a client may take to read a reply that holds a slab. */
const longestWrite = 120_000;

const noBody = Buffer.alloc(0);

type Reply = Parameters<PredictionSink['reply']>[0];

/** TorchServe's success has an empty reason phrase. */
const plainStatus = { code: 200, phrase: '' };

function bodySize(body: string | readonly Uint8Array[]): number {
  if (typeof body === 'string') return body.length;
  return body.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** A character for each byte. */
function textOf(body: readonly Uint8Array[]): string {
  let text = '';
  for (const { buffer, byteOffset, byteLength } of body) {
    text += Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
  }
  return text;
}

/** Sends one prediction's answer as an HTTP response. */
class HttpSink implements PredictionSink {
  prediction: OpenPrediction | undefined;

  constructor(
    private readonly request: HttpRequest,
    private readonly response: HttpReply,
    private readonly context: HttpContext,
  ) {}

  /**
   * Written without Fastify's reply: TorchServe's success has no content type unless the handler
   * names one, and an empty reason phrase, and Fastify insists on both.
   */
  reply(reply: Reply, release: () => void): void {
    this.#done();
    const { body } = reply;
    if (isStream(body)) {
      const { maxResponseSize } = this.context;
      const since = this.prediction?.since;
      const failed = (error: SconceError): void => this.prediction?.streamFailed(error);
      const options = { maxResponseSize, longestWrite, since, failed };
      streamReply(this.response, replyWith(reply, body), options, release);
      return;
    }
    const size = bodySize(body);
    if (size > this.context.maxResponseSize) {
      release();
      sendError(this.response, new SconceError('RESPONSE_TOO_LARGE', this.context.maxResponseSize));
      return;
    }
    const headers = reply.headers === undefined ? [] : Object.entries(reply.headers).flat();
    if (reply.contentType !== undefined) headers.push('content-type', reply.contentType);
    const { status } = reply;
    if (typeof body === 'string') {
      release();
      this.#send(headers, body, status);
      return;
    }
    const [first] = body;
    // Behind replies that the client has not read yet, a copy: one slab for each connection at most.
    const flowing = this.request.raw.socket.writableLength === 0;
    if (body.length === 1 && first !== undefined && first.byteLength >= zeroCopyBytes && flowing) {
      this.#releaseWhenWritten(release);
      const bytes = Buffer.from(first.buffer, first.byteOffset, first.byteLength);
      this.#send(headers, bytes, status);
    } else {
      const copy = size < joinedBytes ? textOf(body) : Buffer.concat(body);
      release();
      this.#send(headers, copy, status);
    }
  }

  fail(error: SconceError): void {
    this.#done();
    sendError(this.response, error);
  }

  #send(headers: string[], body: string | Buffer, { code, phrase } = plainStatus): void {
    try {
      respond(this.response, { status: code, phrase, headers, body }, this.prediction?.since);
    } catch (error) {
      // Node has written nothing yet: the handler's status or headers are none that HTTP can have.
      sendError(this.response, new SconceError('INVALID_OUTPUT', toSconceError(error).message));
    }
  }

  /**
   * Behind another reply on the same connection a response gets no `close` when the client hangs
   * up, so the connection is watched as well.
   */
  #releaseWhenWritten(release: () => void): void {
    const { socket } = this.request.raw;
    const stalled = setTimeout(() => socket.destroy(), longestWrite);
    stalled.unref();
    const lease = {
      cancel: (): void => {
        clearTimeout(stalled);
        release();
      },
    };
    this.response.raw.once('close', () => {
      if (forget(socket, lease)) lease.cancel();
    });
    cancelOnHangUp(socket, lease);
  }

  #done(): void {
    if (this.prediction !== undefined) forget(this.request.raw.socket, this.prediction);
  }
}

/** Which model a request is for, and what its path says besides. */
export interface PredictionTarget {
  model: string;
  version?: string | undefined;
  urlPath?: string | undefined;
  explain?: boolean | undefined;
}

/**
 * Runs a request through a model and answers it. As in TorchServe OPTIONS describes the model
 * instead.
 *
 * @param parameters of the request where the caller has read them; else those of a form are read
 * @throws {SconceError} INVALID_REQUEST for a form or a header that cannot be read; nothing is
 *   answered then
 */
export function predict(
  context: HttpContext,
  request: HttpRequest,
  response: HttpReply,
  target: PredictionTarget,
  parameters?: readonly RequestParameter[],
): void {
  if (request.method === 'OPTIONS') {
    const { model, version } = target;
    context.service.version(model, version);
    sendJson(response, 200, modelDescriptionDocument(model));
    return;
  }
  const type = request.headers['content-type'];
  const form =
    parameters ??
    (type !== undefined && isForm(type) ? readForm(type, bodyOf(request)) : undefined);
  run(context, request, response, target, form);
}

/** The body of a request as bytes; empty without one. */
export function bodyOf({ body }: HttpRequest): Uint8Array {
  return body instanceof Uint8Array ? body : noBody;
}

function run(
  context: HttpContext,
  request: HttpRequest,
  response: HttpReply,
  { model, version, urlPath, explain }: PredictionTarget,
  parameters: readonly RequestParameter[] | undefined,
): void {
  const { headers, raw } = request;
  const { bodies } = context;
  const body = bodyOf(request);
  const isLent = body.byteLength >= smallestPiece && bodies.has(body);
  const sink = new HttpSink(request, response, context);
  const prediction = context.service.predict(
    model,
    version,
    {
      body,
      releaseBody: isLent ? () => bodies.release(body) : undefined,
      contentType: headers['content-type'],
      accept: headers.accept,
      parameters,
      rawHeaders: raw.rawHeaders,
      urlPath,
      explain,
      timeout: requestTimeout(headers['x-request-timeout-ms']),
      id: request.id,
    },
    sink,
  );
  sink.prediction = prediction;
  if (!prediction.over) cancelOnHangUp(raw.socket, prediction);
}
