import { readFileSync } from 'node:fs';

const packageFile = new URL('../../package.json', import.meta.url);

/** Sconce's own version. */
export function packageVersion(): string {
  const content: unknown = JSON.parse(readFileSync(packageFile, 'utf8'));
  return typeof content === 'object' && content !== null && 'version' in content
    ? String(content.version)
    : 'unknown';
}
