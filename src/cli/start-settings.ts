import type { Profile } from '../config/resolve.js';
import { type ResolvedSettings, resolveSettings, type SettingsRequest } from '../config/resolve.js';
import { SconceError } from '../errors.js';
import { ModelSnapshot } from '../snapshots/model-snapshot.js';
import { findSnapshots, snapshotFolder } from '../snapshots/snapshot-folder.js';
import { commandFlags, settingsFromFlags } from './flags.js';

/**
 * The settings of a start. With snapshots turned on the newest one that can be read is where it
 * goes on from, unless a configuration file is named.
 *
 * @throws {SconceError} INVALID_CONFIGURATION naming what is wrong, and where it was said
 */
export function resolveStart(options: Record<string, unknown>, profile: Profile): ResolvedSettings {
  const { configFile, notes } = commandFlags(options);
  const request: SettingsRequest = {
    flags: settingsFromFlags(options),
    environment: process.env,
    workingFolder: process.cwd(),
    profile,
    configFile,
  };
  const fresh = resolveSettings(request);
  const named = configFile ?? request.environment.TS_CONFIG_FILE;
  const goesOn = fresh.settings.configSnapshots && (named === undefined || named === '');
  const resolved = (goesOn ? fromSnapshot(request, fresh) : undefined) ?? fresh;
  if (profile === 'torchserve' && resolved.settings.modelStore === undefined) {
    throw new SconceError('INVALID_CONFIGURATION', 'Missing mandatory parameter --model-store');
  }
  return { ...resolved, notes: [...notes, ...resolved.notes] };
}

/** Undefined when there is no snapshot. */
function fromSnapshot(
  request: SettingsRequest,
  { settings: { logLocation } }: ResolvedSettings,
): ResolvedSettings | undefined {
  const snapshots = findSnapshots(logLocation);
  const notes: string[] = [];
  for (const snapshot of snapshots) {
    try {
      const resolved = resolveSettings({ ...request, snapshot });
      ModelSnapshot.parse(resolved.settings.modelSnapshot ?? '');
      if (request.flags.loadModels !== undefined) {
        notes.push(`--models has no effect: the models are those of ${snapshot}`);
      }
      return { ...resolved, notes: [...notes, ...resolved.notes] };
    } catch (error) {
      if (!(error instanceof SconceError)) throw error;
      notes.push(`the snapshot ${snapshot} is passed over: ${error.message}`);
    }
  }
  if (snapshots.length === 0) return undefined;
  throw new SconceError(
    'INVALID_CONFIGURATION',
    `No snapshot in ${snapshotFolder(logLocation)} can be read; start without them with --no-config-snapshots.\n${notes.join('\n')}`,
  );
}
