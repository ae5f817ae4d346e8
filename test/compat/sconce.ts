import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveSettings } from '../../src/config/resolve.js';
import { builtInHandlers } from '../../src/handlers/registry.js';
import { createResponseObserver } from '../../src/http/response-observer.js';
import { HttpServer } from '../../src/http/server.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { ModelService } from '../../src/models/model-service.js';
import { registerStartModels } from '../../src/models/startup.js';
import { TokenAuthority } from '../../src/security/token-authority.js';
import { createLog } from '../support/log.js';
import { requirePython } from '../support/python.js';
import { writeStore } from './archives.js';
import type { Scenario } from './compat-case.js';
import { echoHandler } from './echo-handler.js';
import type { Endpoint } from './exchange.js';
import type { CompatServer } from './play.js';
import { propertiesText } from './properties.js';

const anyPort = 'http://127.0.0.1:0';

/** Sconce as the command `torchserve` starts it, in this process, with the handler `echo`. */
export async function startSconce(scenario: Scenario): Promise<CompatServer> {
  const folder = await mkdtemp(join(tmpdir(), 'sconce-compat-'));
  try {
    return await start(scenario, folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function start(scenario: Scenario, folder: string): Promise<CompatServer> {
  const { store, elsewhere } = await writeStore(folder);
  const configFile = join(folder, 'config.properties');
  const addresses = {
    // Two APIs share an address when its text is the same; with port 0 each gets one of its own.
    inference_address: scenario.settings?.management_address ? `unix:${folder}/socket` : anyPort,
    management_address: anyPort,
    metrics_address: anyPort,
    model_store: store,
    ...(scenario.python ? { python: requirePython() } : {}),
  };
  await writeFile(configFile, propertiesText(scenario, addresses));
  const { settings } = resolveSettings({
    flags: { device: 'cpu', poolThreads: 1, logLevel: 'silent' },
    environment: {},
    workingFolder: folder,
    profile: 'torchserve',
    configFile,
  });
  const log = createLog(settings.logLevel);
  const metrics = new Metrics({ mode: settings.metricsMode });
  const handlers = new Map(builtInHandlers);
  const classifier = builtInHandlers.get('image_classifier');
  if (classifier !== undefined) handlers.set('converting', classifier);
  if (!scenario.python) handlers.set('echo', echoHandler);
  const service = new ModelService({ settings, metrics, log, cores: 2, handlers });
  const keyFile = join(folder, 'key_file.json');
  const authority = settings.disableTokenAuthorization
    ? undefined
    : await TokenAuthority.create({ keyFile, expirationMinutes: settings.tokenExpirationMin });
  const observer = createResponseObserver(metrics, { accessWanted: false, access: () => {} });
  const server = await HttpServer.create({ settings, service, metrics, log, observer, authority });
  const urls = await server.listen();
  await registerStartModels(service, settings, log);
  return {
    endpoints: {
      inference: endpoint(urls.inference),
      management: endpoint(urls.management),
      metrics: endpoint(urls.metrics ?? ''),
    },
    store,
    elsewhere,
    keyFile,
    close: async () => {
      await Promise.all([service.close(), server.close()]);
      metrics.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function endpoint(url: string): Endpoint {
  if (url.startsWith('unix:')) return { path: url.slice('unix:'.length) };
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
