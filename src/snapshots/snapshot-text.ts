import { stringify } from 'dot-properties';
import { allSettings } from '../config/setting.js';
import type { Settings } from '../config/settings.js';

/** Settings as a config.properties that gives them again; those at their default are left out. */
export function snapshotText(settings: Settings): string {
  const lines: Record<string, string> = {};
  for (const { name, key, fallback } of allSettings) {
    const value = settings[name];
    if (value === undefined || JSON.stringify(value) === JSON.stringify(fallback)) continue;
    lines[key] = textOf(value);
  }
  return stringify(lines, { lineWidth: null, keySep: '=' });
}

function textOf(value: NonNullable<Settings[keyof Settings]>): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
