import type { FastifyReply } from 'fastify';
import type { ModelService } from '../models/model-service.js';
import type { BodyMemory } from './body-memory.js';

/** Who counts and logs responses. */
export interface ResponseObserver {
  /** @param since when the request arrived, in performance.now() milliseconds, if that is known */
  responded(reply: FastifyReply, status: number, since: number | undefined): void;
}

/** What the routes of every listener share. */
export interface HttpContext {
  service: ModelService;
  observer: ResponseObserver;
  /** Bytes of a request's body. */
  maxRequestSize: number;
  /** For the bodies of all listeners. */
  bodies: BodyMemory;
  /** Bytes of a prediction's reply. */
  maxResponseSize: number;
  /** Headers of every response besides TorchServe's: those of CORS. */
  cors: readonly (readonly [name: string, value: string])[];
  /** Whether an error ends its connection, as TorchServe's do. */
  closeOnError: boolean;
}

declare module 'fastify' {
  interface FastifyInstance {
    httpContext: HttpContext;
  }
}

/** The value of the connection header of a response. */
export function connectionHeader(
  { closeOnError, service }: HttpContext,
  status: number,
  keepAlive: boolean,
): string {
  return keepAlive && !service.closing && !(closeOnError && status >= 400) ? 'keep-alive' : 'close';
}
