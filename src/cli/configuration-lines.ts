import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { valueInWords } from '../config/describe.js';
import type { ResolvedSettings } from '../config/resolve.js';
import { torchServeVersion } from '../http/torchserve-version.js';

export interface StartMachine {
  cores: number;
  /** GPUs that can be used. */
  gpus: number;
  workingFolder: string;
}

/** TorchServe's word for what is not set. */
const notSet = 'N/A';

/**
 * The configuration in the lines that TorchServe logs when it starts, as far as they mean something
 * here: scripts look for them.
 */
export function configurationLines(
  { settings, configFile }: ResolvedSettings,
  { cores, gpus, workingFolder }: StartMachine,
): string[] {
  const { logLocation, metricsLocation = logLocation } = settings;
  const folder = (path: string | undefined) =>
    path === undefined ? notSet : resolve(workingFolder, path);
  const lines: [string, unknown][] = [
    ['Torchserve version', torchServeVersion],
    ['Current directory', workingFolder],
    ['Temp directory', tmpdir()],
    ['Metrics config path', settings.metricsConfig],
    ['Number of GPUs', Math.min(gpus, settings.numberOfGpu ?? gpus)],
    ['Number of CPUs', cores],
    ['Config file', configFile],
    ['Inference address', settings.inferenceAddress],
    ['Management address', settings.managementAddress],
    ['Metrics address', settings.metricsAddress],
    ['Model Store', folder(settings.modelStore)],
    ['Initial Models', settings.loadModels.length === 0 ? undefined : settings.loadModels],
    ['Log dir', folder(logLocation)],
    ['Metrics dir', folder(metricsLocation)],
    ['Default workers per model', settings.defaultWorkersPerModel],
    ['Maximum Response Size', settings.maxResponseSize],
    ['Maximum Request Size', settings.maxRequestSize],
    ['Allowed Urls', `[${settings.allowedUrls.join(', ')}]`],
    ['Enable metrics API', settings.enableMetricsApi],
    ['Metrics mode', settings.metricsMode.toUpperCase()],
    ['Disable system metrics', settings.disableSystemMetrics],
    ['Model config', Object.keys(settings.models).length === 0 ? undefined : settings.models],
    ['Model API enabled', settings.enableModelApi],
  ];
  return lines.map(
    ([name, value]) => `${name}: ${value === undefined ? notSet : valueInWords(value)}`,
  );
}
