import type { ResolvedSettings } from './resolve.js';
import { allSettings, type SettingName } from './setting.js';

/** One effective setting, to be shown. */
export interface SettingRow {
  name: SettingName;
  /** Undefined where nothing is set; a password as stars. */
  value: unknown;
  origin: string;
}

/** All settings with their values and where these come from, in the order of the schema. */
export function describeSettings({
  settings,
  origins,
}: Pick<ResolvedSettings, 'settings' | 'origins'>): SettingRow[] {
  return allSettings.map(({ name, secret }) => ({
    name,
    value: secret ? '***' : settings[name],
    origin: origins.get(name) ?? 'default',
  }));
}

/** A value on one line for people. */
export function valueInWords(value: unknown): string {
  if (value === undefined) return '-';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
