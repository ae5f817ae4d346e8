import { shown } from './complaint.js';
import { type ConfigFileRequest, readConfigFile } from './config-file.js';
import { invalidConfiguration } from './invalid-configuration.js';
import { parseProperties } from './properties.js';
import { allSettings, isSettingName, type Setting, type SettingName } from './setting.js';
import { valueFromText } from './setting-text.js';
import { noteOnKey } from './torchserve-keys.js';

/** A value that one source gives. */
export interface Given {
  value: unknown;
  origin: string;
  /** How a message names it. */
  label: string;
}

/** What one source gives. */
export type Layer = Map<SettingName, Given>;

/**
 * Values by the names of settings as a layer.
 *
 * @throws {SconceError} INVALID_CONFIGURATION for a name that is no setting's.
 */
export function layerOf(
  values: Record<string, unknown>,
  originOf: (setting: Setting) => string,
): Layer {
  const layer: Layer = new Map();
  for (const setting of allSettings) {
    if (!Object.hasOwn(values, setting.name) || values[setting.name] === undefined) continue;
    const origin = originOf(setting);
    layer.set(setting.name, { value: values[setting.name], origin, label: origin });
  }
  const foreign = Object.keys(values).find((name) => !isSettingName(name));
  if (foreign !== undefined) throw invalidConfiguration(`${foreign} is not known here`);
  return layer;
}

/**
 * What a configuration file gives. In a snapshot nothing stands for environment variables: it holds
 * values as they were.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when it cannot be read, or parsed.
 */
export function fileLayer(
  file: string,
  { environment, workingFolder, snapshot }: ConfigFileRequest,
  notes: string[],
): Layer {
  const content = readConfigFile(file, workingFolder);
  const properties = parseProperties(content, file, file === snapshot ? undefined : environment);
  notes.push(...properties.notes);
  const layer: Layer = new Map();
  for (const [key, { value, line }] of properties.values) {
    const origin = `${file}:${line}`;
    const note = noteOnKey(key, value);
    if (note !== undefined) notes.push(`${origin}: ${note}`);
    const setting = allSettings.find((candidate) => candidate.key === key);
    if (setting !== undefined) {
      takeText(layer, setting, value, { origin, label: `${origin}: ${key}` }, notes);
    }
  }
  return layer;
}

/** What environment variables give; which variable is a setting's, `variableOf` tells. */
export function environmentLayer(
  variableOf: (setting: Setting) => string | undefined,
  environment: NodeJS.ProcessEnv,
  notes: string[],
): Layer {
  const layer: Layer = new Map();
  for (const setting of allSettings) {
    const variable = variableOf(setting);
    const value = variable === undefined ? undefined : environment[variable];
    if (value === undefined) continue;
    const origin = `environment ${variable}`;
    takeText(layer, setting, value, { origin, label: origin }, notes);
  }
  return layer;
}

/** Text without content sets nothing, unless it is a password. */
function takeText(
  layer: Layer,
  setting: Setting,
  text: string,
  { origin, label }: Omit<Given, 'value'>,
  notes: string[],
): void {
  if (text.trim() === '' && !setting.secret) {
    notes.push(`${label} has no value and sets nothing`);
    return;
  }
  const value = valueFromText(setting, text);
  const wrong = setting.forgiving && typeof value === 'string';
  if (wrong) notes.push(`${label} ${shown(value)} is neither true nor false; it counts as false`);
  layer.set(setting.name, { value: wrong ? false : value, origin, label });
}
