import { basename } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ApiOptions } from '../config/model-options.js';
import { SconceError, toSconceError } from '../errors.js';
import type { ModelService } from '../models/model-service.js';
import { openSource } from '../models/model-source.js';
import type { ModelVersion } from '../models/model-version.js';
import { registerOrDispose } from '../models/startup.js';

const count = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });

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
});

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
    const models: Content['models'] = {};
    const versions = service.all;
    for (const version of versions) {
      models[version.name] ??= {};
      const entries = models[version.name];
      if (entries !== undefined) entries[version.version] = describe(version, service);
    }
    return new ModelSnapshot({ name, modelCount: versions.length, created: Date.now(), models });
  }

  /** @throws {SconceError} INVALID_CONFIGURATION for text that is no snapshot. */
  static parse(text: string): ModelSnapshot {
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch (error) {
      throw invalid(error instanceof Error ? error.message : String(error));
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
   * @throws {SconceError} INVALID_CONFIGURATION naming a model whose archive is not in the store.
   */
  async restore(service: ModelService): Promise<ModelVersion[]> {
    const restored: ModelVersion[] = [];
    for (const [name, versions] of Object.entries(this.content.models)) {
      for (const [version, entry] of Object.entries(versions)) {
        const { marName: url, handler, runtimeType: runtime } = entry;
        try {
          const source = await openSource({ url, name, handler, runtime }, service.sourceOptions());
          restored.push(await registerOrDispose(service, source, apiOptions(entry)));
          if (entry.defaultVersion) service.setDefault(name, source.version);
        } catch (error) {
          const { message } = toSconceError(error);
          throw invalid(`model ${name} version ${version} cannot be restored: ${message}`);
        }
      }
    }
    return restored;
  }
}

/** The values of an entry, as if a call of the management API had asked for them. */
function apiOptions(entry: Static<typeof versionSchema>): ApiOptions {
  const { minWorkers, ...values } = entry;
  return { ...values, initialWorkers: minWorkers };
}

function describe(version: ModelVersion, service: ModelService): Static<typeof versionSchema> {
  const { options, source } = version;
  return {
    defaultVersion: service.model(version.name).defaultVersion === version.version,
    marName: basename(source.url),
    minWorkers: version.minWorkers,
    maxWorkers: version.maxWorkers,
    batchSize: options.batchSize,
    maxBatchDelay: options.maxBatchDelay,
    responseTimeout: options.responseTimeout,
    startupTimeout: options.startupTimeout,
    runtimeType: source.runtime,
    handler: source.handler,
  };
}

function invalid(why: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', `model_snapshot: ${why}`);
}
