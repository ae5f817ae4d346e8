import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { complaintAbout } from './complaint.js';
import { invalidConfiguration } from './invalid-configuration.js';
import { accessSettings } from './schemas/access.js';
import { executionSettings } from './schemas/execution.js';
import { listenerSettings } from './schemas/listeners.js';
import { modelSettings } from './schemas/models.js';
import { observationSettings } from './schemas/observation.js';
import { pythonSettings } from './schemas/python.js';
import { requestSettings } from './schemas/requests.js';
import { firstViolation } from './violation.js';

/** The settings by what they are about: as docs/configuration.md and `--help` show them. */
export const settingGroups = {
  Listeners: listenerSettings,
  Models: modelSettings,
  Execution: executionSettings,
  'Python handlers': pythonSettings,
  'Requests and batches': requestSettings,
  'Metrics and logs': observationSettings,
  Access: accessSettings,
};

/**
 * The server's settings: one schema for validation, types, command-line flags, keys of
 * config.properties, environment variables and docs/configuration.md.
 */
export const settingsSchema = Type.Object(
  {
    ...listenerSettings,
    ...modelSettings,
    ...executionSettings,
    ...pythonSettings,
    ...requestSettings,
    ...observationSettings,
    ...accessSettings,
  },
  { additionalProperties: false },
);

export type Settings = Static<typeof settingsSchema>;

/**
 * Fills in the defaults and checks every value.
 *
 * @throws {SconceError} INVALID_CONFIGURATION naming the setting and what it must be.
 */
export function parseSettings(given: Record<string, unknown>): Settings {
  const properties = new Map(Object.entries(settingsSchema.properties));
  for (const [name, value] of Object.entries(given)) {
    const schema = properties.get(name);
    if (schema === undefined) throw invalidConfiguration(`${name} is not known here`);
    const complaint = complaintAbout(schema, value);
    if (complaint !== undefined) throw invalidConfiguration(`${name}${complaint}`);
  }
  const settings: unknown = Value.Default(settingsSchema, structuredClone(given));
  if (Value.Check(settingsSchema, settings)) return settings;
  const { path, what } = firstViolation(settingsSchema, settings);
  throw invalidConfiguration(`${path.join('.')} ${what}`);
}
