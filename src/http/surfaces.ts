import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Settings } from '../config/settings.js';
import type { Log } from '../logging/log.js';
import type { Metrics } from '../metrics/metrics.js';
import { packageVersion } from '../package-version.js';
import type { TlsOptions } from '../security/tls.js';
import type { TokenAuthority } from '../security/token-authority.js';
import { createApp, refuseWhenClosing } from './app.js';
import {
  authorizationHook,
  authorizePrediction,
  isOpen,
  type ListenerKind,
  tokenRoute,
} from './authorization.js';
import { BodyBudget } from './body-budget.js';
import { BodyMemory } from './body-memory.js';
import { corsHeaders } from './cors.js';
import { descriptionRoutes } from './description-routes.js';
import { healthRoutes } from './health-routes.js';
import type {
  HttpContext,
  InferenceService,
  ManagementContext,
  ResponseObserver,
} from './http-context.js';
import { inferenceRoutes, kserveReadinessRoute } from './inference.js';
import type { Surface } from './listeners.js';
import { managementRoutes } from './management.js';
import { metricsRoutes } from './metrics-route.js';
import { openInferenceRoutes } from './open-inference.js';
import { registerOpenApi } from './openapi/document.js';
import { answerPlainHttp } from './plain-http.js';
import { torchServeVersion } from './torchserve-version.js';
import { workflowRoutes } from './workflows.js';

/** What the inference API is made from, on whichever thread. */
export interface InferenceAppOptions {
  settings: Settings;
  context: HttpContext;
  log: Log;
  tls: TlsOptions | undefined;
  /** Checks the inference key when authorization is on. */
  authority: Pick<TokenAuthority, 'authorize'> | undefined;
  /** Called before any hook or route is added. */
  prepare?: (app: FastifyInstance) => void;
}

/** What the other APIs need besides. */
export interface AppOptions extends Omit<InferenceAppOptions, 'prepare'> {
  context: ManagementContext;
  metrics: Metrics;
  authority: TokenAuthority | undefined;
}

/**
 * What the settings say of every route.
 *
 * @throws {SconceError} INVALID_CONFIGURATION for a header that cannot be.
 */
export function httpContext<Service extends InferenceService>(
  settings: Settings,
  service: Service,
  observer: ResponseObserver,
): HttpContext & { service: Service } {
  return {
    service,
    observer,
    maxRequestSize: settings.maxRequestSize,
    bodies: new BodyMemory(BodyBudget.forBodiesOf(settings.maxRequestSize)),
    maxResponseSize: settings.maxResponseSize,
    cors: corsHeaders(settings),
    closeOnError: settings.closeConnectionOnError,
  };
}

/** The inference API alone. */
export function inferenceApp(options: InferenceAppOptions): FastifyInstance {
  const { settings, context, authority, prepare } = options;
  const app = openApp(options, true);
  prepare?.(app);
  secure(app, settings, authority, 'inference');
  descriptionRoutes(app, ['inference']);
  healthRoutes(app, context);
  addInference(app, context, settings);
  return app;
}

/** What a listener of the main loop serves. */
export function surfacesApp(surfaces: readonly Surface[], options: AppOptions): FastifyInstance {
  const { settings, context, authority, metrics } = options;
  const inference = surfaces.includes('inference');
  const management = surfaces.includes('management');
  if (inference && !management && !surfaces.includes('metrics')) return inferenceApp(options);
  const app = openApp(options, inference);
  const kind = inference && management ? 'both' : inference ? 'inference' : 'management';
  const guarded = inference || management ? authority : undefined;
  // Predictions are refused by the service: a hook would cost each of them more.
  const refuse = refuseWhenClosing(() => context.service.closing);
  secure(app, settings, guarded, kind, inference ? undefined : refuse);
  descriptionRoutes(app, surfaces);
  if (inference || management) healthRoutes(app, context);
  if (inference) addInference(app, context, settings);
  else if (management) kserveReadinessRoute(app, context);
  if (management) {
    const { enableModelApi } = settings;
    managementRoutes(app, context, { enableModelApi, gpus: metrics.gpus });
    workflowRoutes(app);
    if (authority !== undefined) tokenRoute(app, authority);
  }
  // As in TorchServe one address for both APIs answers /metrics too.
  const shared = inference && management && settings.enableMetricsApi;
  if (shared || surfaces.includes('metrics')) metricsRoutes(app, metrics);
  return app;
}

function openApp(
  { context, log, tls, authority }: InferenceAppOptions,
  inference: boolean,
): FastifyInstance {
  const authorize =
    authority && ((request: IncomingMessage) => authorizePrediction(authority, request));
  const app = createApp(context, log, tls, inference ? { authorize } : undefined);
  if (tls !== undefined) answerPlainHttp(app.server);
  return app;
}

/** Hooks, and the document that says which routes need a key. */
function secure(
  app: FastifyInstance,
  settings: Settings,
  authority: Pick<TokenAuthority, 'authorize'> | undefined,
  kind: ListenerKind,
  refuse?: ReturnType<typeof refuseWhenClosing>,
): void {
  const exemptions = { exemptPing: settings.tokenExemptPing };
  const secured = authority !== undefined;
  if (secured) app.addHook('onRequest', authorizationHook(authority, kind, exemptions));
  if (refuse !== undefined) app.addHook('onRequest', refuse);
  registerOpenApi(app, {
    title: 'Sconce',
    version: packageVersion(),
    isOpen: secured ? (path) => isOpen(path, exemptions) : undefined,
  });
}

function addInference(app: FastifyInstance, context: HttpContext, settings: Settings): void {
  inferenceRoutes(app, context);
  if (settings.tsOpenInferenceProtocol) openInferenceRoutes(app, context, torchServeVersion);
}
