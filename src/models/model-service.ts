import { SlabBudget } from '../batching/slab-budget.js';
import { misspeltKeys } from '../config/model-config.js';
import type { Settings } from '../config/settings.js';
import { SconceError } from '../errors.js';
import type { HandlerRequest } from '../handlers/handler.js';
import type { Log } from '../log.js';
import type { Metrics } from '../metrics/metrics.js';
import { addon } from '../native/binding.js';
import { Pool } from '../workers/pool.js';
import type { ModelSource } from './model-source.js';
import { ModelVersion } from './model-version.js';
import { Prediction, type PredictionSink } from './prediction.js';
import { budgetThreads } from './thread-budget.js';

interface Model {
  /** Oldest registration first. */
  versions: Map<string, ModelVersion>;
  defaultVersion: string;
}

/** A page of the list of models. */
export interface ModelPage {
  models: ModelVersion[];
  /** Where the next page begins, when there is one. */
  nextPageToken: number | undefined;
}

const largestPage = 100;

/** The models that are served: what every protocol talks to. */
export class ModelService {
  readonly #models = new Map<string, Model>();
  readonly #budget: SlabBudget;
  readonly #pool: Pool;
  #closing = false;

  constructor(
    private readonly settings: Settings,
    private readonly metrics: Metrics,
    private readonly log: Log,
    private readonly cores: number,
  ) {
    this.#budget = new SlabBudget(settings.slabMemory * 1024 * 1024);
    const { poolThreads } = settings;
    this.#pool = new Pool(poolThreads > 0 ? poolThreads : Math.max(1, Math.min(4, cores - 1)));
    metrics.watch({
      pending: () =>
        this.#allVersions().map(({ name, version, pending }) => ({
          modelName: name,
          modelVersion: version,
          count: pending,
        })),
      slabBytes: () => this.#budget.used,
    });
  }

  /** True from the first call of close() on. */
  get closing(): boolean {
    return this.#closing;
  }

  /**
   * Registers a model and starts to load it in the background. The first version of a name is its
   * default.
   *
   * @throws {SconceError} MODEL_VERSION_CONFLICT, or INVALID_CONFIGURATION for a device that is
   *   not there.
   */
  register(source: ModelSource): ModelVersion {
    const model = this.#models.get(source.name);
    if (model?.versions.has(source.version)) {
      throw new SconceError('MODEL_VERSION_CONFLICT', source.version, source.name);
    }
    const { settings } = this;
    const { config } = source;
    const device = resolveDevice(config.device ?? settings.device);
    const budget = budgetThreads(
      this.cores,
      config.instances ?? settings.instances,
      config.intraOpThreads ?? settings.intraOpThreads,
    );
    const { instances, intraOpThreads, warning } = budget;
    const log = this.log.child({ model: source.name, version: source.version });
    for (const { key, meant } of misspeltKeys(config)) {
      log.warn(`${source.configPath}: "${key}" is not a key of ours; did you mean "${meant}"?`);
    }
    if (warning !== undefined && device === 'cpu') log.warn(warning);
    const version = new ModelVersion(
      {
        source,
        device,
        instances,
        intraOpThreads,
        freeze: config.freeze ?? settings.freeze,
        batchSize: config.batchSize ?? settings.batchSize,
        jobQueueSize: config.jobQueueSize ?? settings.jobQueueSize,
        responseTimeout: config.responseTimeout ?? settings.responseTimeout,
        warmUp: config.warmUp ?? true,
      },
      {
        budget: this.#budget,
        offLoop: this.#pool,
        metrics: this.metrics.forVersion(source.name, source.version),
        log,
      },
    );
    if (model === undefined) {
      this.#models.set(source.name, {
        versions: new Map([[source.version, version]]),
        defaultVersion: source.version,
      });
    } else {
      model.versions.set(source.version, version);
    }
    version.loaded.then(
      () => log.info(describeLoad(version), 'model loaded'),
      (error: SconceError) => {
        // A shutdown while it loads is no failure of the model.
        if (error.code === 'MODEL_CLOSED') log.info(error.message);
        else log.error(error.message);
      },
    );
    return version;
  }

  /** Answers a request through `sink`, exactly once; the result can be cancelled. */
  predict(
    model: string,
    version: string | undefined,
    request: HandlerRequest,
    sink: PredictionSink,
  ): Prediction {
    const prediction = new Prediction(model, version, request, sink);
    try {
      if (this.#closing) throw new SconceError('SHUTTING_DOWN');
      this.version(model, version).predict(prediction);
    } catch (error) {
      if (!(error instanceof SconceError)) throw error;
      prediction.failed(error);
    }
    return prediction;
  }

  /**
   * A version by name, the default one when none is named.
   *
   * @throws {SconceError} MODEL_NOT_FOUND or MODEL_VERSION_NOT_FOUND
   */
  version(name: string, version?: string): ModelVersion {
    const model = this.#models.get(name);
    if (model === undefined) throw new SconceError('MODEL_NOT_FOUND', name);
    const found = model.versions.get(version ?? model.defaultVersion);
    if (found === undefined) {
      throw new SconceError('MODEL_VERSION_NOT_FOUND', version ?? model.defaultVersion, name);
    }
    return found;
  }

  /** Every version of a model. Throws MODEL_NOT_FOUND. */
  versions(name: string): ModelVersion[] {
    const model = this.#models.get(name);
    if (model === undefined) throw new SconceError('MODEL_NOT_FOUND', name);
    return [...model.versions.values()];
  }

  /**
   * Default versions by name, a page at a time. As in TorchServe a limit out of 0..100 means 100,
   * and a page that is exactly full names a next one even when that is empty.
   */
  list(limit: number, token: number): ModelPage {
    const size = limit < 0 || limit > largestPage ? largestPage : limit;
    const start = Math.max(0, token);
    const names = [...this.#models.keys()].sort();
    const end = start + size;
    return {
      models: names.slice(start, end).map((name) => this.version(name)),
      nextPageToken: end <= names.length ? end : undefined,
    };
  }

  /** Answers what was admitted, refuses what is new, and ends every thread. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#allVersions().map((version) => version.close()));
    await this.#pool.close();
  }

  #allVersions(): ModelVersion[] {
    return [...this.#models.values()].flatMap(({ versions }) => [...versions.values()]);
  }
}

/** The device a setting means on this machine. Throws INVALID_CONFIGURATION for one not there. */
function resolveDevice(setting: string): string {
  if (setting === 'cpu') return setting;
  const native = addon();
  const count = native.cudaDeviceCount();
  if (setting === 'auto') return count > 0 ? 'cuda:0' : 'cpu';
  const index = setting === 'cuda' ? 0 : Number(setting.slice('cuda:'.length));
  if (index < count) return `cuda:${index}`;
  const why = native.cudaBuild
    ? `this machine has ${count} usable GPUs`
    : 'the addon was built without CUDA (SCONCE_LIBTORCH_VARIANT=cuda npm run build:native)';
  throw new SconceError(
    'INVALID_CONFIGURATION',
    `Invalid configuration: device ${setting} is not there: ${why}; use cpu or auto`,
  );
}

function describeLoad(version: ModelVersion): Record<string, unknown> {
  const { description, options, inputs } = version;
  return {
    path: options.source.path,
    inputs,
    returns: description?.returns,
    device: options.device,
    instances: options.instances,
    intraOpThreads: options.intraOpThreads,
    batchSize: options.batchSize,
    parameterBytes: description?.parameterBytes,
    frozen: description?.frozen,
    loadMilliseconds: Math.round(description?.loadMilliseconds ?? 0),
  };
}
