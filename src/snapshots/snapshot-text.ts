import { stringify } from 'dot-properties';
import type { ResolvedSettings } from '../config/resolve.js';
import { allSettings } from '../config/setting.js';
import type { Settings } from '../config/settings.js';

/** Settings as a config.properties that gives them again; those that nobody set are left out. */
export function snapshotText(
  { settings, origins }: Pick<ResolvedSettings, 'settings' | 'origins'>,
  modelSnapshot: string,
): string {
  const lines: Record<string, string> = {};
  for (const { name, key } of allSettings) {
    const value = settings[name];
    if (value === undefined || (origins.get(name) ?? 'default') === 'default') continue;
    lines[key] = textOf(value);
  }
  lines.model_snapshot = modelSnapshot;
  return `${stringify(lines, { lineWidth: null, keySep: '=' })}\n`;
}

function textOf(value: NonNullable<Settings[keyof Settings]>): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
