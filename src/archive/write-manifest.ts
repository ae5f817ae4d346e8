import { basename } from 'node:path';
import type { Manifest } from './manifest.js';

/**
 * Whose layout the archives have: it is the last TorchServe's. A reader that looks at the version
 * wants to know what it will find, and would take Sconce's own for an archiver that is years older.
 */
const archiverVersion = '0.12.0';

/** What a manifest says, beside the date. Paths are cut to their last part, empty texts left out. */
export interface ManifestContent {
  runtime: Manifest['runtime'];
  modelName: string;
  modelVersion: string;
  handler: string;
  serializedFile: string | undefined;
  modelFile: string | undefined;
  requirementsFile: string | undefined;
  configFile: string | undefined;
}

/** The text of MAR-INF/MANIFEST.json, byte for byte as torch-model-archiver writes it. */
export function manifestText(content: ManifestContent, createdOn: Date): string {
  const manifest = {
    createdOn: formatDate(createdOn),
    runtime: content.runtime,
    model: {
      modelName: content.modelName,
      serializedFile: fileName(content.serializedFile),
      handler: content.handler,
      modelFile: fileName(content.modelFile),
      modelVersion: content.modelVersion || undefined,
      requirementsFile: fileName(content.requirementsFile),
      configFile: fileName(content.configFile),
    },
    archiverVersion,
  } satisfies { [member in keyof Manifest]: unknown };
  return escapeNonAscii(JSON.stringify(manifest, null, 2));
}

function fileName(path: string | undefined): string | undefined {
  return path ? basename(path) : undefined;
}

/** `28/07/2020 06:32:08`, in local time. */
function formatDate(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const day = [two(date.getDate()), two(date.getMonth() + 1), date.getFullYear()].join('/');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

/** Readers that do not know the encoding of the file need not know it. */
function escapeNonAscii(json: string): string {
  return json.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
