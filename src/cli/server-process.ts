import { hostname } from 'node:os';
import { join } from 'node:path';
import { Acceptors } from '../acceptors/acceptors.js';
import { isGiven, type Profile, type ResolvedSettings } from '../config/resolve.js';
import type { Settings } from '../config/settings.js';
import { createResponseObserver } from '../http/response-observer.js';
import { HttpServer, type ServerAddresses } from '../http/server.js';
import type { Log } from '../logging/log.js';
import { createLogs, type Logs } from '../logging/logs.js';
import { loadMetricsConfiguration } from '../metrics/configuration.js';
import { Metrics } from '../metrics/metrics.js';
import { ModelService } from '../models/model-service.js';
import { checkModelStore, registerStartModels, type StartedModels } from '../models/startup.js';
import { removeLeftovers, removeUnpackFolder } from '../models/unpack-folder.js';
import { loadOperatorLibraries } from '../native/operator-libraries.js';
import { TokenAuthority } from '../security/token-authority.js';
import { ModelSnapshot } from '../snapshots/model-snapshot.js';
import { SnapshotWriter } from '../snapshots/snapshot-writer.js';
import { gpuSource } from './gpu-source.js';

export interface ServerProcessOptions {
  resolved: ResolvedSettings;
  profile: Profile;
  cores: number;
  workingFolder: string;
}

/** TorchServe's place for the keys: the folder that the server was started in. */
const keyFileName = 'key_file.json';

/** Everything that runs in a server, put together. */
export class ServerProcess {
  #closing: Promise<void> | undefined;
  /** Never rejects. */
  #registering: Promise<unknown> | undefined;
  /** Whether snapshots are written. */
  #recording = false;

  private constructor(
    private readonly settings: Settings,
    private readonly logs: Logs,
    private readonly metrics: Metrics,
    readonly service: ModelService,
    private readonly server: HttpServer,
    private readonly authority: TokenAuthority | undefined,
    private readonly snapshots: SnapshotWriter | undefined,
  ) {}

  /**
   * Checks the settings and makes the parts; nothing listens yet.
   *
   * @throws {SconceError} INVALID_CONFIGURATION naming the setting
   */
  static async create(options: ServerProcessOptions): Promise<ServerProcess> {
    const { resolved, profile, cores, workingFolder } = options;
    const { settings } = resolved;
    checkModelStore(settings);
    loadOperatorLibraries(settings.operatorLibraries, workingFolder);
    removeLeftovers();
    const logs = await createLogs({
      level: settings.logLevel,
      logLocation: settings.logLocation,
      metricsLocation: settings.metricsLocation,
      accessLog: settings.accessLog,
      // TorchServe's files never kept its lines from the console.
      console: profile === 'torchserve' && settings.logLocation !== undefined,
    });
    const { log } = logs;
    const metrics = new Metrics({
      mode: settings.metricsMode,
      configuration: loadMetricsConfiguration(settings.metricsConfig),
      autoDetect: settings.modelMetricsAutoDetect,
      hostname: hostname(),
      log: logs.metricsWanted ? { system: logs.systemMetric, model: logs.modelMetric } : undefined,
      gpus: settings.numberOfGpu === 0 ? undefined : gpuSource(log),
    });
    const service = new ModelService({
      settings,
      metrics,
      log,
      modelLog: logs.model,
      cores,
      isGiven: (setting) => isGiven(resolved, setting),
    });
    service.starting = true;
    const authority = settings.disableTokenAuthorization
      ? undefined
      : new TokenAuthority({
          keyFile: join(workingFolder, keyFileName),
          expirationMinutes: settings.tokenExpirationMin,
        });
    const observer = createResponseObserver(metrics, logs);
    const threads =
      settings.httpThreads > 1
        ? new Acceptors({ settings, service, log, logs, metrics, authority })
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
    const snapshots = settings.configSnapshots
      ? new SnapshotWriter(resolved, service, log)
      : undefined;
    return new ServerProcess(settings, logs, metrics, service, server, authority, snapshots);
  }

  get log(): Log {
    return this.logs.log;
  }

  /** Where the keys are, when tokens are asked for. */
  get keyFile(): string | undefined {
    return this.authority?.keyFile;
  }

  /** True from the first call of refuse() or close() on. */
  get stopping(): boolean {
    return this.#closing !== undefined;
  }

  /** Opens the ports. Throws INVALID_CONFIGURATION naming the one that cannot be had. */
  async listen(): Promise<ServerAddresses> {
    const addresses = await this.server.listen();
    // Not before: the file of a server that has these ports must stay.
    await this.authority?.writeKeyFile();
    if (!this.settings.disableSystemMetrics) {
      this.metrics.startSystemMetrics({ intervalSeconds: this.settings.metricTimeInterval });
    }
    return addresses;
  }

  /** Registers the models to start with, those of a snapshot if there is one. */
  registerModels(): Promise<StartedModels> {
    const registering = this.#registerModels().finally(() => {
      this.service.starting = false;
    });
    this.#registering = registering.catch(() => {});
    return registering;
  }

  async #registerModels(): Promise<StartedModels> {
    const { settings, service, log } = this;
    const { modelSnapshot } = settings;
    const started =
      modelSnapshot === undefined
        ? await registerStartModels(service, settings, log)
        : { versions: await ModelSnapshot.parse(modelSnapshot).restore(service), failures: [] };
    if (!this.stopping) await this.#beginSnapshots(started);
    return started;
  }

  /** Not before every model is registered: half of them would be restored as if they were all. */
  async #beginSnapshots({ versions, failures }: StartedModels): Promise<void> {
    const { snapshots, service } = this;
    if (snapshots === undefined) return;
    service.onChange(() => {
      this.#recording = true;
      snapshots.schedule();
    });
    // What could not be found may be there at the next start: a snapshot would forget it.
    if (versions.length === 0 && failures.length > 0) return;
    this.#recording = true;
    await snapshots.write('startup');
  }

  /** Refuses what is new, and begins to answer what is in flight. */
  refuse(): void {
    this.#closing ??= this.#closeModels();
  }

  /** Answers what is in flight, and ends everything but the log. */
  async drain(): Promise<void> {
    this.refuse();
    await Promise.all([this.#closing, this.server.close()]);
    this.metrics.close();
    removeUnpackFolder();
  }

  /** Answers what is in flight, and ends everything. */
  async close(): Promise<void> {
    await this.drain();
    await this.logs.close();
  }

  async #closeModels(): Promise<void> {
    await Promise.all([
      this.#recording ? this.snapshots?.close() : undefined,
      this.service.close(),
      // A download that is cut short has a file to remove.
      this.#registering,
      this.#removeKeyFile(),
    ]);
  }

  /** Nobody asks with these keys any more, and the stop may yet be cut short. */
  async #removeKeyFile(): Promise<void> {
    try {
      await this.authority?.removeKeyFile();
    } catch (error) {
      this.log.error({ err: error }, `${this.keyFile} cannot be removed`);
    }
  }
}
