import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SconceError } from '../errors.js';
import type { ModelService } from '../models/model-service.js';
import type { Prediction, PredictionSink } from '../models/prediction.js';
import { cancelOnHangUp, forget } from './hang-up.js';
import { commonHeaderList, sendError } from './response.js';

/** Replies from this size on are written from the memory they lie in; smaller ones are copied. */
const zeroCopyBytes = 64 * 1024;

/** Milliseconds a client may take to read a reply that holds a slab. */
const longestWrite = 120_000;

const noBody = Buffer.alloc(0);

type Reply = Parameters<PredictionSink['reply']>[0];

/** Sends one prediction's answer as an HTTP response. */
class HttpSink implements PredictionSink {
  prediction: Prediction | undefined;

  constructor(
    private readonly request: FastifyRequest,
    private readonly response: FastifyReply,
    private readonly service: ModelService,
  ) {}

  /**
   * Written without Fastify's reply: TorchServe's success has no content type unless the handler
   * names one, and an empty reason phrase, and Fastify insists on both.
   */
  reply(reply: Reply, release: () => void): void {
    this.#done();
    const headers = commonHeaderList(this.request.id);
    if (reply.contentType !== undefined) headers.push('content-type', reply.contentType);
    if (reply.headers !== undefined) headers.push(...Object.entries(reply.headers).flat());
    if (this.service.closing) headers.push('connection', 'close');
    this.response.hijack();
    if (typeof reply.body === 'string') {
      release();
      this.#send(headers, reply.body);
      return;
    }
    const [first] = reply.body;
    // Behind replies that the client has not read yet, a copy: one slab for each connection at most.
    const flowing = this.request.raw.socket.writableLength === 0;
    if (
      reply.body.length === 1 &&
      first !== undefined &&
      first.byteLength >= zeroCopyBytes &&
      flowing
    ) {
      this.#releaseWhenWritten(release);
      this.#send(headers, Buffer.from(first.buffer, first.byteOffset, first.byteLength));
    } else {
      const copy = Buffer.concat(reply.body);
      release();
      this.#send(headers, copy);
    }
  }

  fail(error: SconceError): void {
    this.#done();
    sendError(this.response, error);
  }

  /** `body` as text is ASCII: JSON with everything else escaped. */
  #send(headers: string[], body: string | Buffer): void {
    const { raw } = this.response;
    headers.push('content-length', String(body.length));
    raw.writeHead(200, '', headers);
    raw.end(body, 'latin1');
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

/** Runs a request through a model and answers it. */
export function predict(
  service: ModelService,
  request: FastifyRequest,
  response: FastifyReply,
  model: string,
  version: string | undefined,
): void {
  const { headers, body } = request;
  const sink = new HttpSink(request, response, service);
  const prediction = service.predict(
    model,
    version,
    {
      body: body instanceof Uint8Array ? body : noBody,
      contentType: headers['content-type'],
      accept: headers.accept,
    },
    sink,
  );
  sink.prediction = prediction;
  if (!prediction.over) cancelOnHangUp(request.raw.socket, prediction);
}
