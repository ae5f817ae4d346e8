import type { FastifyInstance } from 'fastify';
import type { Settings } from '../config/settings.js';
import { messageOf, SconceError } from '../errors.js';
import type { Log } from '../logging/log.js';
import type { Metrics } from '../metrics/metrics.js';
import type { ModelService } from '../models/model-service.js';
import { packageVersion } from '../package-version.js';
import { type LoadedTls, loadTls } from '../security/tls.js';
import type { TokenAuthority } from '../security/token-authority.js';
import { createApp, refuseWhenClosing } from './app.js';
import { authorizationHook, isOpen, tokenRoute } from './authorization.js';
import { BodyBudget } from './body-budget.js';
import { BodyMemory } from './body-memory.js';
import { corsHeaders } from './cors.js';
import { descriptionRoutes } from './description-routes.js';
import { healthRoutes } from './health-routes.js';
import type { HttpContext, ResponseObserver } from './http-context.js';
import { inferenceRoutes, kserveReadinessRoute } from './inference.js';
import { bind, groupSurfaces, type ListenerPlan, type Surface } from './listeners.js';
import { managementRoutes } from './management.js';
import { metricsRoutes } from './metrics-route.js';
import { openInferenceRoutes } from './open-inference.js';
import { registerOpenApi } from './openapi/document.js';
import { answerPlainHttp } from './plain-http.js';
import { torchServeVersion } from './torchserve-version.js';
import { workflowRoutes } from './workflows.js';

/** Where the listeners are, as URLs without a path; `metrics` is absent when it is turned off. */
export interface ServerAddresses {
  inference: string;
  management: string;
  metrics: string | undefined;
}

export interface HttpServerOptions {
  settings: Settings;
  service: ModelService;
  metrics: Metrics;
  log: Log;
  observer: ResponseObserver;
  /** Asked for every request when authorization is on. */
  authority?: TokenAuthority | undefined;
}

interface Listener extends ListenerPlan {
  app: FastifyInstance;
}

/** The HTTP side: a listener for each address, over one service. */
export class HttpServer {
  readonly #listeners: readonly Listener[];

  private constructor(listeners: readonly Listener[]) {
    this.#listeners = listeners;
  }

  /**
   * Makes the listeners; none is open yet.
   *
   * @throws {SconceError} INVALID_CONFIGURATION for an address, a certificate or a header that
   *   cannot be.
   */
  static async create(options: HttpServerOptions): Promise<HttpServer> {
    const { settings, service, log, observer } = options;
    const context: HttpContext = {
      service,
      observer,
      maxRequestSize: settings.maxRequestSize,
      bodies: new BodyMemory(BodyBudget.forBodiesOf(settings.maxRequestSize)),
      maxResponseSize: settings.maxResponseSize,
      cors: corsHeaders(settings),
      closeOnError: settings.closeConnectionOnError,
    };
    const plans = groupSurfaces(settings);
    const secure = plans.some(({ address }) => address.scheme === 'https');
    const tls = secure ? await loadCertificates(settings, plans, log) : undefined;
    const listeners = plans.map((plan) => {
      const encrypted = plan.address.scheme === 'https' ? tls : undefined;
      const app = createApp(context, log, encrypted?.options);
      if (encrypted !== undefined) answerPlainHttp(app.server);
      addSurfaces(app, plan.surfaces, context, options);
      return { ...plan, app };
    });
    return new HttpServer(listeners);
  }

  /**
   * Opens the ports.
   *
   * @throws {SconceError} INVALID_CONFIGURATION naming the setting whose address cannot be had
   */
  async listen(): Promise<ServerAddresses> {
    const urls = new Map<Surface, string>();
    const opened: FastifyInstance[] = [];
    for (const { app, surfaces, address, text } of this.#listeners) {
      try {
        const url = await bind(app, address);
        opened.push(app);
        for (const surface of surfaces) urls.set(surface, url);
      } catch (error) {
        await Promise.all(opened.map((other) => other.close()));
        const why = messageOf(error);
        throw new SconceError(
          'INVALID_CONFIGURATION',
          `Invalid configuration: ${surfaces[0]}Address ${text} cannot be opened: ${why}`,
        );
      }
    }
    return {
      inference: urls.get('inference') ?? '',
      management: urls.get('management') ?? '',
      metrics: urls.get('metrics'),
    };
  }

  /** Closes the ports and resolves when the last response in flight is written. */
  async close(): Promise<void> {
    await Promise.all(this.#listeners.map(({ app }) => app.close()));
  }
}

async function loadCertificates(
  settings: Settings,
  plans: readonly ListenerPlan[],
  log: Log,
): Promise<LoadedTls> {
  const hosts = plans.flatMap(({ address }) => (address.scheme === 'https' ? address.host : []));
  const loaded = await loadTls({ ...settings, hosts });
  for (const warning of loaded.warnings) log.warn(warning);
  return loaded;
}

/** Hooks and routes of what a listener serves. */
function addSurfaces(
  app: FastifyInstance,
  surfaces: readonly Surface[],
  context: HttpContext,
  { settings, metrics, authority }: HttpServerOptions,
): void {
  const { service } = context;
  const inference = surfaces.includes('inference');
  const management = surfaces.includes('management');
  const exemptions = { exemptPing: settings.tokenExemptPing };
  const secured = authority !== undefined && (inference || management);
  if (secured) {
    const kind = inference && management ? 'both' : inference ? 'inference' : 'management';
    app.addHook('onRequest', authorizationHook(authority, kind, exemptions));
  }
  // Predictions are refused by the service: a hook would cost each of them more.
  if (!inference)
    app.addHook(
      'onRequest',
      refuseWhenClosing(() => service.closing),
    );
  registerOpenApi(app, {
    title: 'Sconce',
    version: packageVersion(),
    isOpen: secured ? (path) => isOpen(path, exemptions) : undefined,
  });
  descriptionRoutes(app, surfaces);
  if (inference || management) healthRoutes(app, context);
  if (inference) {
    inferenceRoutes(app, context);
    if (settings.tsOpenInferenceProtocol) openInferenceRoutes(app, context, torchServeVersion);
  } else if (management) {
    kserveReadinessRoute(app, context);
  }
  if (management) {
    managementRoutes(app, context, settings);
    workflowRoutes(app);
    if (authority !== undefined) tokenRoute(app, authority);
  }
  // As in TorchServe one address for both APIs answers /metrics too.
  const shared = inference && management && settings.enableMetricsApi;
  if (shared || surfaces.includes('metrics')) metricsRoutes(app, metrics);
}
