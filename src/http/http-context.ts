import type { HandlerRequest } from '../handlers/handler.js';
import type { Health } from '../models/health.js';
import type { ModelService } from '../models/model-service.js';
import type { ModelVersion } from '../models/model-version.js';
import type { Prediction, PredictionSink } from '../models/prediction.js';
import type { BodyMemory } from './body-memory.js';
import type { HttpReply } from './http-exchange.js';

/** Who counts and logs responses. */
export interface ResponseObserver {
  /** @param since when the request arrived, in performance.now() milliseconds, if that is known */
  responded(reply: HttpReply, status: number, since: number | undefined): void;
}

/** What the inference API shows of a model version. */
export type ServedVersion = Pick<
  ModelVersion,
  'name' | 'version' | 'state' | 'failure' | 'minWorkers' | 'loadedAtStartup'
>;

/** A prediction as the one who asked sees it. */
export type OpenPrediction = Pick<Prediction, 'since' | 'over' | 'cancel' | 'streamFailed'>;

/** What the inference API asks of the models, which may be in another thread. */
export interface InferenceService {
  readonly closing: boolean;
  readonly health: Health;
  readonly all: readonly ServedVersion[];
  /** @throws {SconceError} as ModelService.version() */
  version(name: string, version?: string): ServedVersion;
  /** Answers a request through `sink`, exactly once; the result can be cancelled. */
  predict(
    model: string,
    version: string | undefined,
    request: HandlerRequest,
    sink: PredictionSink,
  ): OpenPrediction;
}

/** What the routes of every listener share. */
export interface HttpContext {
  service: InferenceService;
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

/** What the management API has besides. */
export interface ManagementContext extends HttpContext {
  service: ModelService;
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
