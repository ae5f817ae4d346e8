import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Settings } from '../config/settings.js';
import { messageOf, SconceError } from '../errors.js';
import type { Log } from '../logging/log.js';
import type { Metrics } from '../metrics/metrics.js';
import type { ModelService } from '../models/model-service.js';
import { type LoadedTls, loadTls, type TlsOptions } from '../security/tls.js';
import type { TokenAuthority } from '../security/token-authority.js';
import type { ResponseObserver } from './http-context.js';
import { bind, groupSurfaces, type Listen, type ListenerPlan, type Surface } from './listeners.js';
import { type AppOptions, httpContext, surfacesApp } from './surfaces.js';

/** Where the listeners are, as URLs without a path; `metrics` is absent when it is turned off. */
export interface ServerAddresses {
  inference: string;
  management: string;
  metrics: string | undefined;
}

/** Threads that serve the inference API in place of the main loop. */
export interface InferenceThreads {
  /**
   * Starts them; resolves when they serve.
   *
   * @param tls for an address with https
   */
  start(tls: TlsOptions | undefined): Promise<void>;
  /** Takes a connection that nothing was read of; the socket itself is closed here. */
  take(socket: Socket): void;
  /** Resolves when the last response in flight is written, and the threads are gone. */
  close(): Promise<void>;
}

export interface HttpServerOptions {
  settings: Settings;
  service: ModelService;
  metrics: Metrics;
  log: Log;
  observer: ResponseObserver;
  /** Asked for every request when authorization is on. */
  authority?: TokenAuthority | undefined;
  /** Serve the inference API where it has an address of its own. */
  threads?: InferenceThreads | undefined;
}

interface Listener extends ListenerPlan {
  listen: Listen;
  close(): Promise<void>;
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
    const { settings, service, log, observer, metrics, authority, threads } = options;
    const context = httpContext(settings, service, observer);
    const plans = groupSurfaces(settings);
    const secure = plans.some(({ address }) => address.scheme === 'https');
    const tls = secure ? await loadCertificates(settings, plans, log) : undefined;
    const listeners = plans.map((plan): Listener => {
      const { surfaces, address } = plan;
      const encrypted = address.scheme === 'https' ? tls?.options : undefined;
      if (threads !== undefined && surfaces.includes('inference')) {
        if (surfaces.length === 1) return { ...plan, ...onThreads(threads, encrypted) };
        log.warn(
          `httpThreads has no effect: the inference API shares its address with the ${surfaces[1]} API, which the main loop serves`,
        );
      }
      const parts: AppOptions = { settings, context, log, tls: encrypted, authority, metrics };
      return { ...plan, ...onLoop(surfacesApp(surfaces, parts)) };
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
    const opened: Listener[] = [];
    for (const listener of this.#listeners) {
      const { surfaces, address, text } = listener;
      opened.push(listener);
      try {
        const url = await bind(listener.listen, address);
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
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }
}

/** A listener whose requests are read on the main loop. */
function onLoop(app: FastifyInstance): Pick<Listener, 'listen' | 'close'> {
  return {
    listen: async (place) => {
      await app.listen(place);
      return app.server.address();
    },
    close: () => app.close(),
  };
}

/** A listener whose connections go to threads. */
function onThreads(
  threads: InferenceThreads,
  tls: TlsOptions | undefined,
): Pick<Listener, 'listen' | 'close'> {
  const server = createServer({ pauseOnConnect: true }, (socket) => threads.take(socket));
  return {
    listen: async (place) => {
      await threads.start(tls);
      server.listen(place);
      await once(server, 'listening');
      return server.address();
    },
    close: async () => {
      if (server.listening) server.close();
      await threads.close();
    },
  };
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
