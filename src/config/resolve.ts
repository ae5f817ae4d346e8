import { resolve } from 'node:path';
import { complaintAbout } from './complaint.js';
import { type ConfigFileRequest, findConfigFile } from './config-file.js';
import { invalidConfiguration } from './invalid-configuration.js';
import { environmentLayer, fileLayer, type Layer, layerOf } from './layers.js';
import { splitModelEntries } from './model-entries.js';
import { notesOnModels } from './model-entry-notes.js';
import { metricsModes } from './schemas/observation.js';
import { allSettings, type SettingName } from './setting.js';
import { parseSettings, type Settings } from './settings.js';

/** Whose defaults are taken: the command's name. */
export type Profile = 'sconce' | 'torchserve';

export interface SettingsRequest extends ConfigFileRequest {
  /** Settings by name, as settingsFromFlags() gives them. */
  flags: Record<string, unknown>;
  profile: Profile;
}

export interface ResolvedSettings {
  settings: Settings;
  /** Where each value comes from, in words for people: `config.properties:12`, `--batch-size`. */
  origins: Map<SettingName, string>;
  /** What was passed over and why, one sentence each. */
  notes: string[];
  /** The file that was read, as it was named. */
  configFile: string | undefined;
}

/** Defaults of the profiles, where they differ from the schema's. */
export const profileDefaults = {
  sconce: {},
  torchserve: { disableTokenAuthorization: false, handlerErrors: false },
} as const satisfies Record<Profile, Partial<Settings>>;

/**
 * The settings of a start, each from the highest source that gives it: environment variables
 * `TS_…` (when `enableEnvvarsConfig` is on), flags, config.properties, the profile's default.
 *
 * @throws {SconceError} INVALID_CONFIGURATION naming the source of a wrong value, or the file that
 *   is not there.
 */
export function resolveSettings(request: SettingsRequest): ResolvedSettings {
  const notes: string[] = [];
  const configFile = findConfigFile(request);
  const chosen: Layer = new Map([
    ...layerOf(profileDefaults[request.profile], () => `default of ${request.profile}`),
    ...(configFile === undefined ? [] : fileLayer(configFile, request, notes)),
    ...environmentLayer(({ environment }) => environment, request.environment, notes),
    ...layerOf(request.flags, ({ flag, name }) => flag ?? name),
  ]);
  applyOverrides(chosen, request.environment, notes);
  forgiveMetricsMode(chosen, notes);
  splitModels(chosen, request.workingFolder);
  const settings = parseSettings(checkedValues(chosen));
  notes.push(...notesOnModels(settings.models, chosen.get('models')?.label ?? ''));
  return {
    settings,
    origins: new Map(allSettings.map(({ name }) => [name, chosen.get(name)?.origin ?? 'default'])),
    notes,
    configFile,
  };
}

/** Whether somebody has said a setting, so that it has not just its default. */
export function isGiven({ origins }: ResolvedSettings, setting: SettingName): boolean {
  return !/^default\b/.test(origins.get(setting) ?? 'default');
}

const openInference = 'TS_OPEN_INFERENCE_PROTOCOL';

/** What the environment sets over the head of flags and file. */
function applyOverrides(chosen: Layer, environment: NodeJS.ProcessEnv, notes: string[]): void {
  if (chosen.get('enableEnvvarsConfig')?.value === true) {
    const overrides = environmentLayer(({ override }) => override, environment, notes);
    const urlsToo = overrides.get('useEnvAllowedUrls') ?? chosen.get('useEnvAllowedUrls');
    if (urlsToo?.value !== true && overrides.delete('allowedUrls')) {
      notes.push('environment TS_ALLOWED_URLS has no effect unless use_env_allowed_urls is true');
    }
    for (const [name, given] of overrides) chosen.set(name, given);
  }
  if (environment[openInference]?.toLowerCase() === 'oip') {
    const origin = `environment ${openInference}`;
    chosen.set('tsOpenInferenceProtocol', { value: true, origin, label: origin });
  }
}

/** TorchServe takes the mode in either case, and a wrong one as the default. */
function forgiveMetricsMode(chosen: Layer, notes: string[]): void {
  const given = chosen.get('metricsMode');
  if (given === undefined) return;
  const mode = metricsModes.find((candidate) => candidate === String(given.value).toLowerCase());
  if (mode !== undefined) {
    chosen.set('metricsMode', { ...given, value: mode });
    return;
  }
  notes.push(
    `${given.label} ${JSON.stringify(given.value)} is none of ${metricsModes.join(', ')}; it counts as log`,
  );
  chosen.delete('metricsMode');
}

/** Splits the models at commas, now that the store is known. */
function splitModels(chosen: Layer, workingFolder: string): void {
  const models = chosen.get('loadModels');
  if (!Array.isArray(models?.value)) return;
  const store = chosen.get('modelStore')?.value;
  const folders = typeof store === 'string' ? [resolve(workingFolder, store)] : [];
  const value = splitModelEntries(models.value.map(String), [...folders, workingFolder]);
  chosen.set('loadModels', { ...models, value });
}

/** Every value by name, each tried alone so that a message names where it comes from. */
function checkedValues(chosen: Layer): Partial<Record<SettingName, unknown>> {
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const { name, schema } of allSettings) {
    const given = chosen.get(name);
    if (given === undefined) continue;
    const complaint = complaintAbout(schema, given.value);
    if (complaint !== undefined) {
      throw invalidConfiguration(`${given.label}${complaint}`);
    }
    values[name] = given.value;
  }
  return values;
}
