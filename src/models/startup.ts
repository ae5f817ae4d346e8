import { existsSync, statSync } from 'node:fs';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { defaultModelName, listModelStore } from '../archive/model-store.js';
import type { ApiOptions } from '../config/model-options.js';
import type { Settings } from '../config/settings.js';
import { inWords, SconceError, toSconceError } from '../errors.js';
import type { Log } from '../logging/log.js';
import type { ModelService } from './model-service.js';
import { type ModelSource, openSource, openTrusted, type SourceRequest } from './model-source.js';
import type { ModelVersion } from './model-version.js';
import type { WorkerRange } from './version-options.js';

/**
 * Checks what can be checked before a port is opened.
 *
 * @throws {SconceError} INVALID_CONFIGURATION for a model store that is no folder.
 */
export function checkModelStore({ modelStore, loadModels }: Settings): void {
  if (modelStore !== undefined && !(existsSync(modelStore) && statSync(modelStore).isDirectory())) {
    throw new SconceError(
      'INVALID_CONFIGURATION',
      `--model-store directory not found: ${modelStore}`,
    );
  }
  if (modelStore === undefined && loadModels.some(isAll)) {
    throw new SconceError('INVALID_CONFIGURATION', '--models all needs --model-store');
  }
}

/** What became of the models that the server was asked to start with. */
export interface StartedModels {
  versions: ModelVersion[];
  /** Why some could not even be registered. */
  failures: SconceError[];
}

/**
 * Registers the models of `--models`; they load in the background. One that is not there does not
 * keep the others from being served; the server is ready without it unless it was named.
 */
export async function registerStartModels(
  service: ModelService,
  { loadModels, modelStore }: Settings,
  log: Log,
): Promise<StartedModels> {
  const started: StartedModels = { versions: [], failures: [] };
  for (const [entry, isNamed] of await expand(loadModels, modelStore)) {
    const request = parseEntry(entry);
    try {
      const source = await findSource(request, modelStore, service);
      started.versions.push(await registerOrDispose(service, source));
    } catch (thrown) {
      // The server is asked to stop: no model is to blame.
      if (service.closing) break;
      const error = toSconceError(thrown);
      started.failures.push(error);
      const name = request.name ?? defaultModelName(basename(request.url));
      service.missing(name, error, request.url, isNamed);
      log[isNamed ? 'error' : 'warn'](`Failed to load model: ${entry}: ${inWords(error)}`);
    }
  }
  return started;
}

/**
 * Registers a source, and gives back what it holds when that cannot be.
 *
 * @throws {SconceError} as ModelService.registerAtStart()
 */
export async function registerOrDispose(
  service: ModelService,
  source: ModelSource,
  api?: ApiOptions,
  workers?: WorkerRange,
): Promise<ModelVersion> {
  try {
    return service.registerAtStart(source, api, workers);
  } catch (error) {
    await source.dispose();
    throw error;
  }
}

function isAll(entry: string): boolean {
  return entry.toLowerCase() === 'all';
}

/** Every entry once, and whether it was named: the others just lie in the store. */
async function expand(
  entries: readonly string[],
  store: string | undefined,
): Promise<Map<string, boolean>> {
  const expanded = new Map<string, boolean>();
  for (const entry of entries) {
    if (isAll(entry) && store !== undefined) {
      for (const name of await listModelStore(store)) {
        if (!expanded.has(name)) expanded.set(name, false);
      }
    } else {
      expanded.set(entry, true);
    }
  }
  return expanded;
}

/** `name=url`, or `url`. */
function parseEntry(entry: string): SourceRequest {
  const named = /^([^=/:]*)=(.*)$/s.exec(entry);
  return named === null ? { url: entry } : { name: named[1], url: named[2] ?? '' };
}

/** The operator may name any path: in the store, in the working folder, or absolute. */
async function findSource(
  request: SourceRequest,
  store: string | undefined,
  service: ModelService,
): Promise<ModelSource> {
  const { url } = request;
  const candidates = isAbsolute(url)
    ? [url]
    : [...(store === undefined ? [] : [join(store, url)]), resolve(url)];
  const path = url === '' ? undefined : candidates.find((candidate) => existsSync(candidate));
  const options = service.sourceOptions();
  if (path !== undefined) return openTrusted(path, request, options);
  if (store === undefined && !url.includes('://')) {
    throw new SconceError('ARCHIVE_NOT_FOUND', candidates.join(' or '));
  }
  return openSource(request, options);
}
