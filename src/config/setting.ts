import type { TSchema } from 'typebox';
import { type Settings, settingGroups, settingsSchema } from './settings.js';

export type SettingName = keyof Settings;

/** One setting, under every name that it goes by. */
export interface Setting {
  name: SettingName;
  /** What it is about: a heading. */
  group: string;
  schema: TSchema;
  /** `string` for an enumeration. */
  type: string;
  /** Undefined for none. */
  fallback: unknown;
  description: string;
  /** `--batch-size`, where there is a flag. */
  flag: string | undefined;
  /** In config.properties: `batch_size`. */
  key: string;
  /** The environment variable that overrides everything when `enableEnvvarsConfig` is on. */
  override: string | undefined;
  /** An environment variable that is always read, after the flag. */
  environment: string | undefined;
  /** Whether its value stays out of logs. */
  secret: boolean;
  /** Whether text that is no boolean is false. */
  forgiving: boolean;
}

/** True for the name of a setting. */
export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingsSchema.properties, name);
}

/** All settings, in the order of the schema. */
export const allSettings: readonly Setting[] = Object.entries(settingGroups).flatMap(
  ([group, settings]) =>
    Object.keys(settings)
      .filter(isSettingName)
      .map((name) => describe(name, group)),
);

function describe(name: SettingName, group: string): Setting {
  const schema: TSchema = settingsSchema.properties[name];
  const key = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return {
    name,
    group,
    schema,
    type: textOf(schema, 'type') ?? 'string',
    fallback: keyword(schema, 'default'),
    description: textOf(schema, 'description') ?? '',
    flag: nameUnlessNone(schema, 'flag', `--${key.replaceAll('_', '-')}`),
    key,
    override: nameUnlessNone(schema, 'override', `TS_${key.toUpperCase()}`),
    environment: textOf(schema, 'environment'),
    secret: keyword(schema, 'secret') === true,
    forgiving: keyword(schema, 'forgiving') === true,
  };
}

/** A name that the schema may replace, or take away with `false`. */
function nameUnlessNone(schema: TSchema, word: string, usual: string): string | undefined {
  return keyword(schema, word) === false ? undefined : (textOf(schema, word) ?? usual);
}

function textOf(schema: TSchema, word: string): string | undefined {
  const value = keyword(schema, word);
  return typeof value === 'string' ? value : undefined;
}

function keyword(schema: TSchema, word: string): unknown {
  return Object.entries(schema).find(([name]) => name === word)?.[1];
}
