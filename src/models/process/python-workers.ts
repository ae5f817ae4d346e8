import { resolve } from 'node:path';
import type { Settings } from '../../config/settings.js';
import { SconceError, toSconceError } from '../../errors.js';
import {
  findPython,
  type PythonEnvironment,
  pythonHandlerRefusal,
} from '../../python/environment.js';
import { installRequirements } from '../../python/requirements.js';
import type { WorkerListener } from '../../python/worker-options.js';
import { WorkerProcess } from '../../python/worker-process.js';
import { gpuIndex } from '../device.js';
import { deviceAt } from '../device-placement.js';
import type { ModelSource } from '../model-source.js';
import type { VersionOptions } from '../version-options.js';
import type { InstanceName } from './process-instance.js';

/** Seconds that pip may take. */
const longestInstallation = 1800;

/** What the settings say of Python workers. */
export type PythonSettings = Pick<
  Settings,
  | 'python'
  | 'installPyDepPerModel'
  | 'limitMaxImagePixels'
  | 'decodeInputRequest'
  | 'maxResponseSize'
  | 'metricsConfig'
  | 'unregisterModelTimeout'
>;

/**
 * The interpreter for a model's handler.
 *
 * @throws {SconceError} MODEL_UNSUPPORTED with what is missing and the ways out, as a rejection.
 */
export async function pythonFor(
  { name, handler }: Pick<ModelSource, 'name' | 'handler'>,
  executable: string,
): Promise<PythonEnvironment> {
  try {
    return await findPython(executable);
  } catch (error) {
    const reason = pythonHandlerRefusal(handler, toSconceError(error));
    throw new SconceError('MODEL_UNSUPPORTED', name, reason);
  }
}

/** Starts the Python workers of one model version. */
export class PythonWorkers {
  #python: PythonEnvironment | undefined;
  /** Devices of the workers that there were, by their numbers. */
  readonly #devices = new Map<number, string>();

  /** @param report takes what pip says */
  constructor(
    private readonly source: ModelSource,
    private readonly options: VersionOptions,
    private readonly settings: PythonSettings,
    private readonly report: (line: string) => void,
  ) {}

  /**
   * Finds the interpreter, and installs what the model needs, once.
   *
   * @throws {SconceError} as pythonFor(); DEPENDENCIES_FAILED.
   */
  async prepare(): Promise<void> {
    if (this.#python !== undefined) return;
    const { source, settings } = this;
    const { name: modelName, folder, requirementsFile, config } = source;
    const python = await pythonFor(source, settings.python);
    this.#python =
      settings.installPyDepPerModel && requirementsFile !== undefined
        ? await installRequirements({
            python,
            modelName,
            folder,
            requirementsFile,
            useVenv: config.useVenv ?? false,
            timeout: longestInstallation,
            onLine: this.report,
          })
        : python;
  }

  /** Dealt out in turn; one that is started again keeps its own. */
  deviceOf(id: number): string {
    const device = this.#devices.get(id) ?? deviceAt(this.options.devices, this.#devices.size);
    this.#devices.set(id, device);
    return device;
  }

  /** To be called after prepare(); as WorkerProcess.start(). */
  start(
    { id, name }: InstanceName,
    intraOpThreads: number,
    listener: WorkerListener,
    signal: AbortSignal,
  ): Promise<WorkerProcess> {
    const { source, options, settings } = this;
    if (this.#python === undefined) throw new SconceError('INTERNAL', 'no interpreter');
    const { metricsConfig } = settings;
    return WorkerProcess.start(
      {
        python: this.#python,
        id,
        name,
        modelName: source.name,
        folder: source.folder,
        handler: source.handler,
        batchSize: options.batchSize,
        gpu: gpuIndex(this.deviceOf(id)),
        envelope: options.envelope,
        limitMaxImagePixels: settings.limitMaxImagePixels,
        startupTimeout: options.startupTimeout,
        maxResponseSize: settings.maxResponseSize,
        metricsConfig: metricsConfig === undefined ? undefined : resolve(metricsConfig),
        environment: this.#environment(intraOpThreads),
        signal,
      },
      listener,
    );
  }

  /** Workers that all take every core slow each other down by far more than they gain. */
  #environment(intraOpThreads: number): Record<string, string> {
    const isGiven = process.env.OMP_NUM_THREADS !== undefined && this.options.intraOpThreads === 0;
    return {
      ...(isGiven ? {} : { OMP_NUM_THREADS: String(intraOpThreads) }),
      ...(this.settings.decodeInputRequest ? {} : { TS_DECODE_INPUT_REQUEST: 'false' }),
    };
  }
}
