import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Settings } from '../config/settings.js';
import { SconceError } from '../errors.js';
import type { Log } from '../log.js';
import type { Metrics } from '../metrics/metrics.js';
import type { ModelService } from '../models/model-service.js';
import { type AppOptions, createApp, refuseWhenClosing } from './app.js';
import { inferenceRoutes } from './inference.js';
import { managementRoutes } from './management.js';
import { metricsRoutes } from './metrics-route.js';

/** Where the listeners are, as URLs without a path. */
export interface ServerAddresses {
  inference: string;
  management: string;
  metrics: string;
}

/** Connections that may wait to be accepted; the operating system lowers it to its own limit. */
const longestBacklog = 65_535;

interface Listener {
  app: FastifyInstance;
  port: number;
  setting: string;
}

/** The HTTP side: three listeners over one service. */
export class HttpServer {
  readonly #inference: Listener;
  readonly #management: Listener;
  readonly #metrics: Listener;

  constructor(
    private readonly settings: Settings,
    service: ModelService,
    metrics: Metrics,
    log: Log,
  ) {
    const options: AppOptions = {
      maxRequestSize: settings.maxRequestSize,
      log,
    };
    const listener = (port: number, setting: string): Listener => ({
      app: createApp(options),
      port,
      setting,
    });
    this.#inference = listener(settings.inferencePort, 'inferencePort');
    this.#management = listener(settings.managementPort, 'managementPort');
    this.#metrics = listener(settings.metricsPort, 'metricsPort');
    for (const { app } of [this.#management, this.#metrics]) {
      app.addHook(
        'onRequest',
        refuseWhenClosing(() => service.closing),
      );
    }
    inferenceRoutes(this.#inference.app, service);
    managementRoutes(this.#management.app, service);
    metricsRoutes(this.#metrics.app, metrics);
  }

  /**
   * Opens the three ports.
   *
   * @throws {SconceError} INVALID_CONFIGURATION naming the setting whose port cannot be had
   */
  async listen(): Promise<ServerAddresses> {
    const opened: FastifyInstance[] = [];
    const open = async ({ app, port, setting }: Listener): Promise<string> => {
      const { host } = this.settings;
      try {
        await app.listen({ host, port, backlog: longestBacklog });
      } catch (error) {
        await Promise.all(opened.map((other) => other.close()));
        const why = error instanceof Error ? error.message : String(error);
        throw new SconceError(
          'INVALID_CONFIGURATION',
          `Invalid configuration: ${setting} ${port} on ${host} cannot be opened: ${why}`,
        );
      }
      opened.push(app);
      return urlOf(app, host);
    };
    return {
      inference: await open(this.#inference),
      management: await open(this.#management),
      metrics: await open(this.#metrics),
    };
  }

  /** Closes the ports and resolves when the last response in flight is written. */
  async close(): Promise<void> {
    const apps = [this.#inference.app, this.#management.app, this.#metrics.app];
    await Promise.all(apps.map((app) => app.close()));
  }
}

function urlOf(app: FastifyInstance, host: string): string {
  const address: AddressInfo | string | null = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${port}`;
}
