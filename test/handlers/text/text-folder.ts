import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

const made: string[] = [];

after(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A folder with files: texts as they are, all else as JSON. Removed after the tests of the file. */
export function temporaryFolder(files: Record<string, unknown>): string {
  const folder = mkdtempSync(join(tmpdir(), 'sconce-text-'));
  made.push(folder);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(
      join(folder, name),
      typeof content === 'string' ? content : JSON.stringify(content),
    );
  }
  return folder;
}
