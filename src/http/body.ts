import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { SconceError } from '../errors.js';
import type { BodyBudget } from './body-budget.js';

type Done = (error: Error | null, body?: Uint8Array) => void;

/**
 * Reads a body as bytes. Nearly every body arrives in one piece, which is then handed on as it
 * is; Fastify's own reader copies it.
 *
 * @param limit bytes
 * @param budget of the bodies that are being read
 */
export function bodyReader(
  limit: number,
  budget: BodyBudget,
): (request: FastifyRequest, payload: IncomingMessage, done: Done) => void {
  return (request, payload, done) => {
    if (Number(request.headers['content-length'] ?? 0) > limit) {
      done(new SconceError('BODY_TOO_LARGE', limit));
      return;
    }
    new BodyReading(payload, limit, budget, done).start();
  };
}

class BodyReading {
  readonly #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes that the budget has been asked for. */
  #taken = 0;
  #over = false;

  constructor(
    private readonly payload: IncomingMessage,
    private readonly limit: number,
    private readonly budget: BodyBudget,
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
    } else if (this.budget.take(chunk.length)) {
      this.#taken += chunk.length;
      this.#chunks.push(chunk);
    } else {
      this.#finish(new SconceError('BODIES_FULL', this.budget.limit));
    }
  }

  #finish(error: Error | null): void {
    if (this.#over) return;
    this.#over = true;
    this.budget.give(this.#taken);
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
