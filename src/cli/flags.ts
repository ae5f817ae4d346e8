import { type Command, Option } from 'commander';
import { settingsSchema } from '../config/settings.js';

interface SettingSchema {
  type: string | undefined;
  fallback: unknown;
  description: string;
}

/** What a flag needs to know of each setting. */
function settingSchemas(): [string, SettingSchema][] {
  return Object.entries(settingsSchema.properties).map(([setting, schema]) => [
    setting,
    {
      type: 'type' in schema ? schema.type : undefined,
      fallback: 'default' in schema ? schema.default : undefined,
      description: 'description' in schema ? String(schema.description) : '',
    },
  ]);
}

/** `inferencePort` as a flag: `inference-port`. */
export function flagName(setting: string): string {
  return setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** One flag for each setting of the schema. */
export function addSettingFlags(command: Command): void {
  for (const [setting, schema] of settingSchemas()) {
    const flag = `--${flagName(setting)}`;
    const shown =
      schema.fallback === undefined ||
      (Array.isArray(schema.fallback) && schema.fallback.length === 0)
        ? ''
        : ` (default: ${JSON.stringify(schema.fallback)})`;
    const argument =
      schema.type === 'boolean'
        ? '[true|false]'
        : schema.type === 'array'
          ? '<entry...>'
          : '<value>';
    command.addOption(new Option(`${flag} ${argument}`, `${schema.description}${shown}`));
  }
}

/** The values of flags as settings: numbers and booleans out of text. What is wrong stays text. */
export function settingsFromFlags(options: Record<string, unknown>): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const [setting, schema] of settingSchemas()) {
    const value = options[setting];
    if (value === undefined) continue;
    settings[setting] = convert(value, schema.type);
  }
  return settings;
}

function convert(value: unknown, type: string | undefined): unknown {
  if (Array.isArray(value)) {
    // TorchServe takes a list as several words or with commas.
    return value.flatMap((entry) => String(entry).split(',')).filter((entry) => entry !== '');
  }
  if (typeof value !== 'string') return value;
  if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value;
  if (type === 'integer' || type === 'number') {
    return value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value;
  }
  return value;
}
