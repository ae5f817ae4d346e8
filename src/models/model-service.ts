import { archiveLimits } from '../archive/limits.js';
import { SlabBudget } from '../batching/slab-budget.js';
import { checkApiOptions, checkInstances } from '../config/api-bounds.js';
import type { ApiOptions } from '../config/model-options.js';
import type { SettingName } from '../config/setting.js';
import type { Settings } from '../config/settings.js';
import { inWords, SconceError, toSconceError } from '../errors.js';
import type { HandlerRequest } from '../handlers/handler.js';
import { builtInHandlers, type HandlerFactory } from '../handlers/registry.js';
import type { Log } from '../logging/log.js';
import type { Messages } from '../logging/messages.js';
import type { Metrics } from '../metrics/metrics.js';
import { skipDestructors } from '../native/runtime.js';
import type { Planner } from '../plans/planner.js';
import { FileChecks } from '../workers/file-checks.js';
import { Pool } from '../workers/pool.js';
import { Autoscaler } from './autoscaler.js';
import { firstDevice } from './device.js';
import { type DeviceFailure, DeviceHealth } from './device-health.js';
import { DevicePlacement } from './device-placement.js';
import { type Health, healthOf } from './health.js';
import { makePlanner } from './make-planner.js';
import { type Model, type ModelPage, ModelRegistry } from './model-registry.js';
import {
  type ModelSource,
  openSource,
  type SourceOptions,
  type SourceRequest,
} from './model-source.js';
import { ModelVersion } from './model-version.js';
import { Prediction, type PredictionSink } from './prediction.js';
import { pythonFor } from './process/python-workers.js';
import { runnerOf } from './runner.js';
import { type VersionOptions, versionOptions, type WorkerRange } from './version-options.js';
import { firstWorkerId } from './workers.js';

/** A model as the management API is asked for it. */
export interface RegisterRequest extends SourceRequest, ApiOptions {}

/** How far a registration has come when it is answered. */
export interface Registration {
  version: ModelVersion;
  /** Instances that were asked for. */
  workers: number;
  /** True when all of them run. */
  started: boolean;
}

export interface ModelServiceOptions {
  settings: Settings;
  metrics: Metrics;
  log: Log;
  /** Takes what the code of models prints; nobody reads it without. */
  modelLog?: Messages['model'];
  cores: number;
  /** Handlers by name; the built-in ones unless others are given. */
  handlers?: ReadonlyMap<string, HandlerFactory>;
  /** Whether somebody has said a setting, which has its default else; all are without it. */
  isGiven?: (setting: SettingName) => boolean;
}

/** A model that the server was to start with, and that could not be registered. */
interface MissingModel {
  error: SconceError;
  /** Where it was looked for. */
  url: string;
  /** Whether the server is not ready without it. */
  required: boolean;
}

const mebibyte = 1024 * 1024;

/** The models that are served: what every protocol talks to. */
export class ModelService {
  readonly #models = new ModelRegistry();
  readonly #settings: Settings;
  readonly #metrics: Metrics;
  readonly #log: Log;
  readonly #modelLog: Messages['model'];
  readonly #budget: SlabBudget;
  readonly #pool: Pool;
  readonly #checks = new FileChecks();
  readonly #autoscaler: Autoscaler;
  readonly #handlers: ReadonlyMap<string, HandlerFactory>;
  readonly #cores: number;
  readonly #isGiven: ((setting: SettingName) => boolean) | undefined;
  readonly #planner: Planner;
  readonly #devices: DeviceHealth;
  /** Models that the server was started with and that could not be found or unpacked. */
  readonly #missing = new Map<string, MissingModel>();
  /** Versions that are no longer listed and still answer what they had admitted. */
  readonly #leaving = new Set<ModelVersion>();
  /** Ends downloads and unpacking when the server stops. */
  readonly #stopping = new AbortController();
  #nextWorkerId = firstWorkerId;
  readonly #placement = new DevicePlacement();
  #closing = false;
  #onChange: (() => void) | undefined;
  #onClosing: (() => void) | undefined;
  /** Set while the models that the server starts with are being registered. */
  starting = false;

  constructor({
    settings,
    metrics,
    log,
    modelLog = () => {},
    cores,
    handlers = builtInHandlers,
    isGiven,
  }: ModelServiceOptions) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#log = log;
    this.#modelLog = modelLog;
    this.#cores = cores;
    this.#handlers = handlers;
    this.#isGiven = isGiven;
    this.#planner = makePlanner(settings, cores);
    this.#devices = new DeviceHealth(settings.onDeviceFailure);
    this.#devices.onFailure(({ device, error }) => {
      // Those of CUDA would call the device, and abort.
      skipDestructors();
      // What a model on the CPU has lost is its own.
      if (device === 'cpu') return;
      for (const version of this.#admitted()) version.deviceFailed(device, error);
    });
    this.#budget = new SlabBudget(settings.slabMemory * mebibyte);
    const { poolThreads } = settings;
    this.#pool = new Pool(poolThreads > 0 ? poolThreads : Math.max(1, Math.min(4, cores - 1)));
    this.#autoscaler = new Autoscaler(() => this.#models.all(), log);
    metrics.watch({
      pending: () =>
        this.#models.all().map(({ name, version, pending }) => ({
          modelName: name,
          modelVersion: version,
          count: pending,
        })),
      slabBytes: () => this.#budget.used,
      versions: () =>
        this.#models.all().map(({ name, version, state, workers, queued }) => ({
          modelName: name,
          modelVersion: version,
          state,
          instances: state === 'ready' ? workers.length : 0,
          queued,
        })),
    });
  }

  /** True from the first call of close() on. */
  get closing(): boolean {
    return this.#closing;
  }

  /** Every registered version, sorted by name. */
  get all(): ModelVersion[] {
    return this.#models.all();
  }

  /** Calls `listener` when requests begin to be refused because the server stops. */
  onClosing(listener: () => void): void {
    this.#onClosing = listener;
  }

  /** Calls `listener` for each device that fails, when what was asked of it is answered. */
  onDeviceFailure(listener: (failure: DeviceFailure) => void): void {
    this.#devices.onFailure(listener);
  }

  /** Calls `listener` after each change of what is registered and how. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /**
   * A model that the server was to start with could not be registered, until it is registered from
   * the same place or under this name, or is removed.
   *
   * @param url where it was looked for
   * @param required whether the server is not ready without it
   */
  missing(name: string, error: SconceError, url = name, required = true): void {
    this.#missing.set(name, { url, error, required });
  }

  /**
   * Finds, unpacks and registers a model, and starts its instances. With `wait` it returns when
   * they run, and a model that cannot be loaded is not registered; without, they load in the
   * background.
   *
   * @throws {SconceError} as checkApiOptions() and openSource(); MODEL_VERSION_CONFLICT;
   *   DEVICE_FAILED when nothing runs on its devices any more; MODEL_UNSUPPORTED for workers in
   *   Python where there is none; WORKERS_FAILED or
   *   WORKERS_OUT_OF_MEMORY with the reason when `wait` is set.
   */
  async register(request: RegisterRequest, wait: boolean): Promise<Registration> {
    checkApiOptions(request);
    const source = await openSource(request, this.sourceOptions());
    let version: ModelVersion;
    try {
      await this.#checkPython(source, request);
      version = this.#add(source, request, false);
    } catch (error) {
      await source.dispose();
      throw error;
    }
    this.#found(request.url);
    const { minWorkers: workers } = version.options.workers;
    const started = version.begin();
    if (!wait && workers > 0) {
      started.catch(() => {});
      this.#changed();
      return { version, workers, started: false };
    }
    try {
      await started;
    } catch (error) {
      await this.#remove(version);
      this.#changed();
      throw workersFailed(version, error);
    }
    this.#changed();
    return { version, workers, started: true };
  }

  /**
   * Registers a model that the server starts with; it loads in the background, and stays visible
   * when that fails. The source is the service's from then on, unless it throws.
   *
   * @param workers over the head of everything else that says how many instances there are
   * @throws {SconceError} MODEL_VERSION_CONFLICT, INVALID_CONFIGURATION for a device that is not
   *   there, or DEVICE_FAILED.
   */
  registerAtStart(source: ModelSource, api: ApiOptions = {}, workers?: WorkerRange): ModelVersion {
    const version = this.#add(source, api, true);
    const begun =
      workers === undefined
        ? version.begin()
        : version.scale(workers.minWorkers, workers.maxWorkers);
    begun.catch(() => {});
    return version;
  }

  /**
   * Removes a version: it is no longer found at once, answers what it has admitted, and gives
   * back its memory and files. Of a model that could not be registered at start, nobody waits for
   * it any more.
   *
   * @returns when that is done
   * @throws {SconceError} MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND; DEFAULT_VERSION_IN_USE for the
   *   default of several versions; UNREGISTER_TIMEOUT when it takes longer than
   *   unregisterModelTimeout (it goes on in the background then).
   */
  async unregister(name: string, version?: string): Promise<void> {
    if (version === undefined && !this.#models.has(name) && this.#missing.delete(name)) return;
    const found = this.#models.version(name, version);
    this.#models.checkRemovable(found);
    const removed = this.#remove(found);
    if (!this.#models.has(name)) this.#missing.delete(name);
    this.#changed();
    await this.#withinUnregisterTimeout(name, removed);
  }

  async #withinUnregisterTimeout(name: string, work: Promise<void>): Promise<void> {
    const { unregisterModelTimeout } = this.#settings;
    if (!(await endsWithin(work, unregisterModelTimeout * 1000))) {
      throw new SconceError('UNREGISTER_TIMEOUT', name);
    }
  }

  /**
   * Sets how many instances a version shall have.
   *
   * @returns `done`: when that many run. Fewer may take as long as unregisterModelTimeout to finish
   *   what they run, then it is UNREGISTER_TIMEOUT, and goes on in the background.
   * @throws {SconceError} MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, WORKER_RANGE, WORKER_INDEX,
   *   INVALID_REQUEST for more instances than there may be; as a rejection of `done` WORKERS_FAILED or WORKERS_OUT_OF_MEMORY.
   */
  scale(
    name: string,
    version: string | undefined,
    { minWorkers, maxWorkers }: WorkerRange,
  ): { done: Promise<void> } {
    if (maxWorkers < minWorkers) throw new SconceError('WORKER_RANGE');
    checkInstances('min_worker', minWorkers);
    const found = this.#models.version(name, version);
    if (minWorkers < 0) throw new SconceError('WORKER_INDEX', minWorkers);
    const shrinks = maxWorkers < found.workers.length;
    const scaled = found.scale(minWorkers, maxWorkers).catch((error) => {
      throw workersFailed(found, error);
    });
    const done = shrinks ? this.#withinUnregisterTimeout(name, scaled) : scaled;
    // Whoever does not wait reads the failure in the description of the model.
    done.catch(() => {});
    this.#changed();
    return { done };
  }

  /** @throws {SconceError} MODEL_NOT_FOUND, DEFAULT_VERSION_NOT_FOUND */
  setDefault(name: string, version: string): void {
    this.#models.setDefault(name, version);
    this.#changed();
  }

  /**
   * Answers a request through `sink`, exactly once; the result can be cancelled.
   *
   * @param since when it arrived, in performance.now() milliseconds
   */
  predict(
    model: string,
    version: string | undefined,
    request: HandlerRequest,
    sink: PredictionSink,
    since?: number,
  ): Prediction {
    const prediction = new Prediction(model, version, request, sink, since);
    this.submit(prediction);
    return prediction;
  }

  /** The same for a prediction that is made already. */
  submit(prediction: Prediction): void {
    const { model, version } = prediction;
    try {
      if (this.#closing) throw new SconceError('SHUTTING_DOWN');
      this.version(model, version).predict(prediction);
    } catch (error) {
      if (!(error instanceof SconceError)) throw error;
      prediction.failed(error);
    }
  }

  /**
   * A version by name, the default one when none is named.
   *
   * @throws {SconceError} MODEL_NOT_FOUND or MODEL_VERSION_NOT_FOUND; NO_CAPACITY for a name that may
   *   yet be registered by the start of the server
   */
  version(name: string, version?: string): ModelVersion {
    if (!this.#models.has(name)) this.#explainAbsence(name);
    return this.#models.version(name, version);
  }

  /** Throws what is known of a name that is not registered, besides that. */
  #explainAbsence(name: string): void {
    const missing = this.#missing.get(name);
    if (missing !== undefined) {
      throw new SconceError('MODEL_NOT_FOUND', name).because(inWords(missing.error));
    }
    if (this.starting) {
      throw new SconceError('NO_CAPACITY', name).because('The server is registering its models.');
    }
  }

  /** A model with all its versions. Throws MODEL_NOT_FOUND. */
  model(name: string): Model {
    return this.#models.model(name);
  }

  /** Default versions by name, a page at a time; as ModelRegistry.list(). */
  list(limit: number, token: number): ModelPage {
    return this.#models.list(limit, token);
  }

  /** Whether the models do what was asked of them. */
  get health(): Health {
    const missing = new Map<string, SconceError>();
    for (const [name, { error, required }] of this.#missing) if (required) missing.set(name, error);
    const { lost } = this.#devices;
    return healthOf(this.#models.defaults(), missing, lost, this.#closing || this.starting);
  }

  /** How models of this server are found and unpacked. */
  sourceOptions(): SourceOptions {
    const settings = this.#settings;
    return {
      modelStore: settings.modelStore,
      allowedUrls: settings.allowedUrls,
      downloadTimeout: settings.downloadTimeout * 1000,
      limits: archiveLimits(settings.archiveLimit * mebibyte),
      defaultHandler: settings.defaultServiceHandler,
      signal: this.#stopping.signal,
    };
  }

  /** Answers what was admitted, refuses what is new, and ends every thread. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#onClosing?.();
    this.#stopping.abort(new SconceError('SHUTTING_DOWN'));
    this.#autoscaler.stop();
    await Promise.all(this.#admitted().map((version) => version.close()));
    await Promise.all([this.#pool.close(), this.#checks.close()]);
  }

  /** Versions that may have requests to answer. */
  #admitted(): ModelVersion[] {
    return [...this.#models.all(), ...this.#leaving];
  }

  /** What could not be registered at start, perhaps under a name that was guessed, is there now. */
  #found(url: string): void {
    for (const [name, missing] of this.#missing) {
      if (missing.url === url) this.#missing.delete(name);
    }
  }

  /** Whoever asks for workers that cannot be has no use for a model without them. */
  async #checkPython(source: ModelSource, api: ApiOptions): Promise<void> {
    this.#models.checkFree(source.name, source.version);
    if (!this.#runsInPython(source)) return;
    const { minWorkers } = this.#options(source, api, false).workers;
    if (minWorkers > 0) await pythonFor(source, this.#settings.python);
  }

  #runsInPython(source: ModelSource): boolean {
    return runnerOf(source, this.#handlers).kind === 'process';
  }

  #options(source: ModelSource, api: ApiOptions, atStart: boolean): VersionOptions {
    const inProcesses = this.#runsInPython(source);
    return versionOptions(source, api, this.#settings, atStart, inProcesses, this.#isGiven);
  }

  #add(source: ModelSource, api: ApiOptions, loadedAtStartup: boolean): ModelVersion {
    if (this.#closing) throw new SconceError('SHUTTING_DOWN');
    this.#models.checkFree(source.name, source.version);
    const options = this.#placed(this.#options(source, api, loadedAtStartup));
    const lost = this.#runsInPython(source) ? undefined : this.#devices.problem(options.devices);
    if (lost !== undefined) throw lost;
    const log = this.#log.child({ model: source.name, version: source.version });
    for (const note of [...source.notes, ...deviceNotes(source, options)]) log.warn(note);
    const version = new ModelVersion(source, options, loadedAtStartup, {
      cores: this.#cores,
      budget: this.#budgetOf(options),
      offLoop: this.#pool,
      checks: this.#checks,
      metrics: this.#metrics.forVersion(source.name, source.version),
      log,
      modelLog: this.#modelLog,
      handlers: this.#handlers,
      planner: this.#planner,
      devices: this.#devices,
      python: this.#settings,
      nextWorkerId: () => this.#nextWorkerId++,
    });
    this.#models.add(version);
    this.#missing.delete(source.name);
    return version;
  }

  /** With the devices in the order in which its instances get them. */
  #placed(options: VersionOptions): VersionOptions {
    const devices = this.#placement.place(options, options.workers.minWorkers);
    return { ...options, devices };
  }

  /** The memory for the batches of a version. */
  #budgetOf({ maxMemory }: VersionOptions): SlabBudget {
    if (maxMemory === undefined) return this.#budget;
    return this.#budget.within(maxMemory * mebibyte, 'maxMemory of the model');
  }

  async #remove(version: ModelVersion): Promise<void> {
    this.#models.remove(version);
    this.#leaving.add(version);
    try {
      await version.close();
    } finally {
      this.#leaving.delete(version);
    }
  }

  #changed(): void {
    this.#onChange?.();
  }
}

/** As in TorchServe the CPU takes the place of a GPU that is not there. */
function deviceNotes({ config }: ModelSource, { devices }: VersionOptions): string[] {
  const wantsGpu = config.device === undefined && config.deviceType === 'gpu';
  if (!wantsGpu || firstDevice(devices) !== 'cpu') return [];
  return ['deviceType is gpu, and there is no GPU that may be used: it runs on the CPU'];
}

/** The answer to whoever asked for instances that could not be started. */
function workersFailed({ name, version, removed }: ModelVersion, thrown: unknown): SconceError {
  const error = toSconceError(thrown);
  if (error.code === 'DEPENDENCIES_FAILED' || error.code === 'DEVICE_FAILED') return error;
  const row = error.code === 'OUT_OF_MEMORY' ? 'WORKERS_OUT_OF_MEMORY' : 'WORKERS_FAILED';
  let reason = inWords(error);
  if (error.code === 'MODEL_CLOSED') {
    reason = removed ? 'the model was removed' : 'it was scaled to nothing meanwhile';
  }
  return new SconceError(row, name, version).because(reason);
}

/** True when the promise is settled in that time. */
async function endsWithin(work: Promise<void>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([work.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
