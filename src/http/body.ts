import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { SconceError } from '../errors.js';
import { copyToShared } from '../native/shared-memory.js';
import { type BodyMemory, smallestPiece } from './body-memory.js';

type Done = (error: Error | null, body?: Uint8Array) => void;

/**
 * Bytes for which memory is taken because a client has announced them. Of more it gets as it sends:
 * a header alone shall not cost much.
 */
const trusted = 256 * 1024;

/** How often as much as has come the next memory holds. */
const growth = 4;

/**
 * Reads a body as bytes. A small one that arrives in one piece, as nearly all do, is handed on as it
 * is; Fastify's own reader copies it. A large one is written to shared memory piece by piece.
 *
 * @param limit bytes
 */
export function bodyReader(
  limit: number,
  memory: BodyMemory,
): (request: FastifyRequest, payload: IncomingMessage, done: Done) => void {
  return (request, payload, done) => {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > limit) {
      done(new SconceError('BODY_TOO_LARGE', limit));
      return;
    }
    new BodyReading(payload, limit, announced, memory, done).start();
  };
}

class BodyReading {
  /** Of a body that is small so far. */
  readonly #chunks: Buffer[] = [];
  /** Where a large one lies. */
  #target: Uint8Array<SharedArrayBuffer> | undefined;
  #length = 0;
  /** Bytes that the budget has been asked for, besides those of the target. */
  #taken = 0;
  #over = false;

  constructor(
    private readonly payload: IncomingMessage,
    private readonly limit: number,
    private readonly announced: number,
    private readonly memory: BodyMemory,
    private readonly done: Done,
  ) {}

  start(): void {
    this.payload.on('data', (chunk: Buffer) => this.#take(chunk));
    this.payload.on('end', () => this.#finish(null));
    this.payload.on('error', () => this.#finish(new SconceError('INVALID_HTTP')));
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    const length = this.#length + chunk.length;
    if (length > this.limit) {
      this.#finish(new SconceError('BODY_TOO_LARGE', this.limit));
    } else if (this.#keep(chunk, length)) {
      this.#length = length;
    } else {
      this.#finish(new SconceError('BODIES_FULL', this.memory.budget.limit));
    }
  }

  /** False when there is no memory for it. */
  #keep(chunk: Buffer, length: number): boolean {
    if (Math.max(length, this.announced) >= smallestPiece) {
      if (length > (this.#target?.byteLength ?? 0) && !this.#grow(length)) return false;
      if (this.#target !== undefined) copyToShared(this.#target, this.#length, chunk);
      return true;
    }
    if (!this.memory.reserve(chunk.length)) return false;
    this.#taken += chunk.length;
    this.#chunks.push(chunk);
    return true;
  }

  /** Moves what has come to memory for at least so many bytes. */
  #grow(length: number): boolean {
    const most = Math.max(trusted, growth * this.#length);
    const memory = this.memory.take(Math.max(length, Math.min(this.announced, most)));
    if (memory === undefined) return false;
    const target = new Uint8Array(memory);
    if (this.#target !== undefined) copyToShared(target, 0, this.#target.subarray(0, this.#length));
    let end = 0;
    for (const chunk of this.#chunks) {
      copyToShared(target, end, chunk);
      end += chunk.length;
    }
    this.#giveBack();
    this.#target = target;
    return true;
  }

  #finish(error: Error | null): void {
    if (this.#over) return;
    this.#over = true;
    if (error !== null) {
      this.#giveBack();
      this.done(error);
      return;
    }
    if (this.#target !== undefined) {
      this.done(null, this.memory.lend(this.#target.buffer, this.#length));
      return;
    }
    const [first] = this.#chunks;
    const whole = this.#chunks.length === 1 && first !== undefined;
    const body = whole ? first : Buffer.concat(this.#chunks, this.#length);
    this.#giveBack();
    this.done(null, body);
  }

  #giveBack(): void {
    this.memory.budget.give(this.#taken);
    this.#taken = 0;
    this.#chunks.length = 0;
    if (this.#target !== undefined) this.memory.give(this.#target.buffer);
    this.#target = undefined;
  }
}
