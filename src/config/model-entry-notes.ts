import { closest, distance } from 'fastest-levenshtein';
import { modelEntrySchema } from './schemas/models.js';
import type { Settings } from './settings.js';

const known = Object.keys(modelEntrySchema.properties);

/** Edits within which an unknown member counts as a misspelt one. */
const nearMiss = 2;

/**
 * One sentence on each member of the setting `models` that nothing reads.
 *
 * @param label how messages name the setting: where it is said
 */
export function notesOnModels(models: Settings['models'], label: string): string[] {
  return Object.entries(models).flatMap(([name, versions]) =>
    Object.entries(versions).flatMap(([version, entry]) =>
      Object.keys(entry)
        .filter((member) => !known.includes(member))
        .map((member) => `${label}.${name}.${version}.${noteOn(member)}`),
    ),
  );
}

function noteOn(member: string): string {
  const nearest = closest(member, known);
  const suggestion = distance(member, nearest) <= nearMiss ? `; did you mean ${nearest}?` : '';
  return `${member} is not known and has no effect${suggestion}`;
}
