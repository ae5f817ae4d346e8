import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { SconceError } from '../errors.js';

type Done = (error: Error | null, body?: Uint8Array) => void;

/**
 * Reads a body as bytes. Nearly every body arrives in one piece, which is then handed on as it
 * is; Fastify's own reader copies it.
 *
 * @param limit bytes
 */
export function bodyReader(
  limit: number,
): (request: FastifyRequest, payload: IncomingMessage, done: Done) => void {
  return (request, payload, done) => {
    if (Number(request.headers['content-length'] ?? 0) > limit) {
      done(new SconceError('BODY_TOO_LARGE', limit));
      return;
    }
    new BodyReading(payload, limit, done).start();
  };
}

class BodyReading {
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #over = false;

  constructor(
    private readonly payload: IncomingMessage,
    private readonly limit: number,
    private readonly done: Done,
  ) {}

  start(): void {
    this.payload.on('data', (chunk: Buffer) => this.#take(chunk));
    this.payload.on('end', () => this.#finish(null));
    this.payload.on('error', () => this.#finish(new SconceError('INVALID_HTTP')));
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    this.#length += chunk.length;
    if (this.#length > this.limit) {
      this.#finish(new SconceError('BODY_TOO_LARGE', this.limit));
    } else {
      this.#chunks.push(chunk);
    }
  }

  #finish(error: Error | null): void {
    if (this.#over) return;
    this.#over = true;
    if (error !== null) {
      this.#chunks.length = 0;
      this.done(error);
      return;
    }
    const [first] = this.#chunks;
    const whole = this.#chunks.length === 1 && first !== undefined;
    this.done(null, whole ? first : Buffer.concat(this.#chunks, this.#length));
  }
}
