import { availableParallelism } from 'node:os';
import { isGiven, resolveSettings } from '../config/resolve.js';
import type { SettingName } from '../config/setting.js';
import { SconceError } from '../errors.js';
import { jsonLog } from '../logging/log.js';
import { Metrics } from '../metrics/metrics.js';
import { ModelService } from '../models/model-service.js';
import type { ModelVersion } from '../models/model-version.js';
import { checkModelStore, registerStartModels } from '../models/startup.js';
import { removeUnpackFolder } from '../models/unpack-folder.js';
import { loadOperatorLibraries } from '../native/operator-libraries.js';
import { commandFlags, settingsFromFlags } from './flags.js';

/** Settings that decide how a model runs: the flags of a command that loads one. */
export const settingsOfModels: ReadonlySet<SettingName> = new Set([
  ...(['modelStore', 'defaultServiceHandler', 'operatorLibraries', 'python'] as const),
  ...(['device', 'instances', 'intraOpThreads', 'batchSize', 'batchPolicy'] as const),
  ...(['freeze', 'precision', 'planTime', 'tolerance', 'planCache'] as const),
  ...(['cudaGraphs', 'cudaGraphMemory'] as const),
]);

/** pino's number for warnings. */
const warning = 40;

/**
 * Loads one model as a server with the same settings would, without one.
 *
 * @param model as of `--models`
 * @param options what the command line says
 * @param withPlan whether a plan is searched for
 * @param read what is to be known of it once it is loaded
 * @throws {SconceError} why it cannot be loaded, as a rejection.
 */
export async function describeOffline<Result>(
  model: string,
  options: Record<string, unknown>,
  withPlan: boolean,
  read: (version: ModelVersion) => Result,
): Promise<Result> {
  // Here this flag is no setting.
  const { plan: _shown, ...flags } = options;
  const resolved = resolveSettings({
    flags: { ...settingsFromFlags(flags), plan: withPlan ? 'auto' : 'off', loadModels: [model] },
    environment: process.env,
    workingFolder: process.cwd(),
    profile: 'sconce',
    configFile: commandFlags(options).configFile,
  });
  const { settings } = resolved;
  checkModelStore(settings);
  loadOperatorLibraries(settings.operatorLibraries, process.cwd());
  const log = jsonLog('info', { write: printProgress });
  const service = new ModelService({
    settings,
    metrics: new Metrics(),
    log,
    cores: availableParallelism(),
    isGiven: (setting) => isGiven(resolved, setting),
  });
  try {
    const { versions, failures } = await registerStartModels(service, settings, log);
    const [version] = versions;
    if (version === undefined) throw failures[0] ?? new SconceError('ARCHIVE_NOT_FOUND', model);
    await version.loaded;
    return read(version);
  } finally {
    await service.close();
    removeUnpackFolder();
  }
}

/** What people want to see while they wait, on standard error. An error is thrown as well. */
function printProgress(line: string): void {
  const { level, msg }: { level: number; msg?: unknown } = JSON.parse(line);
  const isProgress = typeof msg === 'string' && msg.startsWith('choosing a plan');
  if (isProgress || level === warning) console.error(String(msg));
}
