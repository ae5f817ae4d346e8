import { dirname } from 'node:path';
import { Acceptors } from '../../src/acceptors/acceptors.js';
import { parseSettings, type Settings } from '../../src/config/settings.js';
import { builtInHandlers, type HandlerFactory } from '../../src/handlers/registry.js';
import { createResponseObserver } from '../../src/http/response-observer.js';
import { HttpServer, type ServerAddresses } from '../../src/http/server.js';
import type { Logs } from '../../src/logging/logs.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { ModelService } from '../../src/models/model-service.js';
import type { ModelSource } from '../../src/models/model-source.js';
import type { TokenAuthority } from '../../src/security/token-authority.js';
import { HttpClient } from './http-client.js';
import { createLog } from './log.js';
import { fixture } from './paths.js';

/** What servers have unless the test says; test/acceptors/ runs tests of http/ with more. */
const httpThreads = Number(process.env.SCONCE_TEST_HTTP_THREADS ?? 1);

/** The cores that servers of tests believe they have. */
const cores = 2;

export interface TestServer extends AsyncDisposable {
  addresses: ServerAddresses;
  service: ModelService;
  metrics: Metrics;
  /** Keep-alive connections to the inference port. */
  client: HttpClient;
  close(): Promise<void>;
}

export function testSettings(given: Partial<Settings> = {}): Settings {
  return parseSettings({
    inferenceAddress: 'http://127.0.0.1:0',
    managementAddress: 'http://127.0.0.1:0',
    metricsAddress: 'http://127.0.0.1:0',
    enableModelApi: true,
    disableSystemMetrics: true,
    device: 'cpu',
    plan: 'off',
    poolThreads: 1,
    logLevel: 'silent',
    httpThreads,
    ...given,
  });
}

/** A model as findModels() would give it. */
export function source(
  name: string,
  { path = fixture(name), ...given }: Partial<ModelSource> = {},
): ModelSource {
  return {
    name,
    version: '1.0',
    url: `${name}.pt`,
    foundAt: path,
    path,
    folder: dirname(path),
    handler: 'tensor',
    runtime: 'python',
    config: {},
    configPath: undefined,
    notes: [],
    archived: false,
    problem: undefined,
    dispose: async () => {},
    ...given,
  };
}

/** What a server of a test may have besides settings. */
export interface TestParts {
  metrics?: Metrics;
  handlers?: ReadonlyMap<string, HandlerFactory>;
  authority?: TokenAuthority;
  /** Where everything is logged; nowhere by default. */
  logs?: Logs;
}

/** A model service with sources registered; some of them may be loading or have failed. */
export function startService(
  sources: readonly ModelSource[],
  given: Partial<Settings> = {},
  { metrics = new Metrics(), handlers = builtInHandlers, logs }: TestParts = {},
): ModelService {
  const settings = testSettings(given);
  const log = logs?.log ?? createLog(settings.logLevel);
  const isGiven = (name: string): boolean => Object.hasOwn(given, name);
  const parts = { settings, metrics, log, cores, handlers, isGiven };
  const service = new ModelService(logs === undefined ? parts : { ...parts, modelLog: logs.model });
  for (const model of sources) service.registerAtStart(model);
  return service;
}

/** A server in this process, on free ports; returns when every model is loaded or has failed. */
export async function startServer(
  sources: readonly ModelSource[],
  given: Partial<Settings> = {},
  parts: TestParts = {},
): Promise<TestServer> {
  const settings = testSettings(given);
  const { metrics = new Metrics(), authority, logs } = parts;
  const service = startService(sources, given, { ...parts, metrics });
  const log = logs?.log ?? createLog(settings.logLevel);
  const accessLog = logs ?? { accessWanted: false, access: () => {} };
  const observer = createResponseObserver(metrics, accessLog);
  const threads =
    settings.httpThreads > 1
      ? new Acceptors({ settings, service, log, logs: accessLog, metrics, authority })
      : undefined;
  const server = await HttpServer.create({
    settings,
    service,
    metrics,
    log,
    observer,
    authority,
    threads,
  });
  const addresses = await server.listen().catch(async (error) => {
    await service.close();
    throw error;
  });
  await Promise.allSettled(
    sources.map(({ name, version }) => service.version(name, version).loaded),
  );
  const client = new HttpClient(addresses.inference);
  const close = async () => {
    client.close();
    await Promise.all([service.close(), server.close()]);
  };
  return { addresses, service, metrics, client, close, [Symbol.asyncDispose]: close };
}

/** Value of a sample of the metrics text: `sconce_requests_total{model_name="x"…}`; 0 if absent. */
export async function metricValue(
  { metrics }: Pick<TestServer, 'metrics'>,
  name: string,
  labels: Record<string, string>,
): Promise<number> {
  const text = await metrics.text();
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = text
    .split('\n')
    .find(
      (candidate) => candidate.startsWith(`${name}{`) && wanted.every((w) => candidate.includes(w)),
    );
  return Number(line?.split(' ').at(-1) ?? 0);
}
