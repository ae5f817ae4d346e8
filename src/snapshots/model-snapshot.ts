import { existsSync, realpathSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { messageOf, SconceError, toSconceError } from '../errors.js';
import type { ModelService } from '../models/model-service.js';
import { type ModelSource, openSource, openTrusted } from '../models/model-source.js';
import type { ModelVersion } from '../models/model-version.js';
import { registerOrDispose } from '../models/startup.js';

const count = Type.Integer({ minimum: 0, maximum: 2_147_483_647 });

const versionSchema = Type.Object({
  defaultVersion: Type.Boolean(),
  marName: Type.String({ minLength: 1 }),
  minWorkers: count,
  maxWorkers: count,
  batchSize: count,
  maxBatchDelay: count,
  responseTimeout: Type.Number({ minimum: 0 }),
  startupTimeout: Type.Optional(Type.Number({ minimum: 0 })),
  runtimeType: Type.Optional(Type.String()),
  /** Ours: TorchServe's snapshots forget it. */
  handler: Type.Optional(Type.String()),
  /** Ours: of a model that does not lie in the model store. */
  path: Type.Optional(Type.String({ minLength: 1 })),
});

type Entry = Static<typeof versionSchema>;

/** TorchServe's `model_snapshot`: which models were registered, and how. */
const snapshotSchema = Type.Object({
  name: Type.String(),
  modelCount: Type.Integer({ minimum: 0 }),
  /** Milliseconds since 1970. */
  created: Type.Integer(),
  models: Type.Record(Type.String(), Type.Record(Type.String(), versionSchema)),
});

type Content = Static<typeof snapshotSchema>;

/** The models of a server at one moment. */
export class ModelSnapshot {
  private constructor(private readonly content: Content) {}

  /** @param name of the file that it is written to */
  static take(name: string, service: ModelService): ModelSnapshot {
    const versions = service.all;
    const names = new Set(versions.map((version) => version.name));
    const entriesOf = (model: string): [string, Entry][] =>
      versions
        .filter((version) => version.name === model)
        .map((version) => [version.version, describe(version, service)]);
    return new ModelSnapshot({
      name,
      modelCount: versions.length,
      created: Date.now(),
      // A model may be called `constructor`: no name is looked up in an object.
      models: Object.fromEntries(
        [...names].map((model) => [model, Object.fromEntries(entriesOf(model))]),
      ),
    });
  }

  /** @throws {SconceError} INVALID_CONFIGURATION for text that is no snapshot. */
  static parse(text: string): ModelSnapshot {
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch (error) {
      throw invalid(messageOf(error));
    }
    if (Value.Check(snapshotSchema, content)) return new ModelSnapshot(content);
    const [error] = Value.Errors(snapshotSchema, content);
    throw invalid(`${error?.instancePath ?? ''} ${error?.message ?? ''}`.trim());
  }

  get text(): string {
    return JSON.stringify(this.content);
  }

  /**
   * Registers the models again.
   *
   * @throws {SconceError} INVALID_CONFIGURATION naming a model that is no longer where it was.
   */
  async restore(service: ModelService): Promise<ModelVersion[]> {
    const restored: ModelVersion[] = [];
    for (const [name, versions] of Object.entries(this.content.models)) {
      for (const [version, entry] of Object.entries(versions)) {
        try {
          restored.push(await restoreVersion(name, version, entry, service));
        } catch (error) {
          const { message } = toSconceError(error);
          throw invalid(
            `model ${name} version ${version} cannot be restored; put it back, or start without the snapshot: ${message}`,
          );
        }
      }
    }
    return restored;
  }
}

async function restoreVersion(
  name: string,
  version: string,
  entry: Entry,
  service: ModelService,
): Promise<ModelVersion> {
  const { minWorkers, maxWorkers, batchSize, maxBatchDelay, responseTimeout, startupTimeout } =
    entry;
  const source = await find(name, entry, service);
  if (source.version !== version) {
    await source.dispose();
    throw invalid(`${source.foundAt} is version ${source.version} now`);
  }
  const restored = await registerOrDispose(
    service,
    source,
    { batchSize, maxBatchDelay, responseTimeout, startupTimeout },
    { minWorkers, maxWorkers: Math.max(minWorkers, maxWorkers) },
  );
  if (entry.defaultVersion) service.setDefault(name, version);
  return restored;
}

function find(
  name: string,
  { marName: url, path, handler, runtimeType: runtime }: Entry,
  service: ModelService,
): Promise<ModelSource> {
  const request = { url, name, handler, runtime };
  if (path === undefined) return openSource(request, service.sourceOptions());
  if (!existsSync(path)) throw new SconceError('ARCHIVE_NOT_FOUND', path);
  return openTrusted(path, request, service.sourceOptions());
}

function describe(version: ModelVersion, service: ModelService): Entry {
  const { options, source } = version;
  const marName = basename(source.foundAt);
  const { modelStore } = service.sourceOptions();
  return {
    defaultVersion: service.model(version.name).defaultVersion === version.version,
    marName,
    minWorkers: version.minWorkers,
    maxWorkers: version.maxWorkers,
    batchSize: options.batchSize,
    maxBatchDelay: options.maxBatchDelay,
    responseTimeout: options.responseTimeout,
    startupTimeout: options.startupTimeout,
    runtimeType: source.runtime,
    handler: source.handler,
    ...(isInStore(modelStore, marName, source) ? {} : { path: resolve(source.foundAt) }),
  };
}

/** Whether the store has this very file under this name. */
function isInStore(
  modelStore: string | undefined,
  marName: string,
  { foundAt }: ModelSource,
): boolean {
  if (modelStore === undefined) return false;
  try {
    return realpathSync(join(modelStore, marName)) === realpathSync(foundAt);
  } catch {
    return false;
  }
}

function invalid(why: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', `model_snapshot: ${why}`);
}
