import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { makeFolder } from './make-folder.js';
import type { PlanRecord } from './plan-record.js';
import { planRecordSchema } from './plan-record.js';

/** Changes when the meaning of what is kept does: what was kept before is passed over then. */
const format = 2;

/** Plans that are kept; the ones that were used longest ago go. */
const mostPlans = 256;

/** A file with more bytes is none of ours. */
const mostBytes = 1 << 20;

/** Milliseconds after which a file that was to be renamed has lost who wrote it. */
const abandonedAfter = 3_600_000;

const ending = '.json';
const unfinished = '.part';

const fileSchema = Type.Object({
  format: Type.Literal(format),
  key: Type.String(),
  record: planRecordSchema,
});

/** The folder of the user for what can be made again. */
export function userCacheFolder(
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  home = homedir(),
): string {
  if (environment.XDG_CACHE_HOME) return join(environment.XDG_CACHE_HOME, 'sconce');
  return platform === 'darwin' ? join(home, 'Library/Caches/sconce') : join(home, '.cache/sconce');
}

/**
 * Plans on disk, one file each, by a key of everything that they depend on. Servers may share the
 * folder: a file is replaced as a whole. What is damaged or foreign there is as if it were not there.
 */
export class PlanCache {
  constructor(readonly folder: string) {}

  /** What is kept under a key; undefined when that is nothing, or nothing of use. */
  async read(key: string): Promise<PlanRecord | undefined> {
    const path = this.#path(key);
    try {
      if ((await stat(path)).size > mostBytes) return undefined;
      const content: unknown = JSON.parse(await readFile(path, 'utf8'));
      if (!isPlanFile(content) || content.key !== key) return undefined;
      const now = new Date();
      // Without the right to say so it is used all the same.
      await utimes(path, now, now).catch(() => {});
      return { ...content.record, source: 'cache' };
    } catch {
      return undefined;
    }
  }

  /** @throws {Error} as a rejection: when it cannot be written. */
  async write(key: string, record: PlanRecord): Promise<void> {
    await makeFolder(this.folder);
    const path = this.#path(key);
    const part = `${path}.${randomUUID()}${unfinished}`;
    const content: Static<typeof fileSchema> = { format, key, record };
    try {
      await writeFile(part, `${JSON.stringify(content)}\n`, { flag: 'wx' });
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true }).catch(() => {});
      throw error;
    }
    await this.#removeOldest();
  }

  #path(key: string): string {
    return join(this.folder, `${key}${ending}`);
  }

  async #removeOldest(): Promise<void> {
    const names = (await readdir(this.folder)).filter(isOurs);
    const files = await Promise.all(names.map((name) => this.#usedAt(name)));
    const plans = files.filter(({ name }) => name.endsWith(ending));
    plans.sort((a, b) => b.usedAt - a.usedAt);
    const abandoned = files.filter(
      ({ name, usedAt }) => name.endsWith(unfinished) && usedAt < Date.now() - abandonedAfter,
    );
    for (const { name } of [...plans.slice(mostPlans), ...abandoned]) {
      await rm(join(this.folder, name), { force: true });
    }
  }

  /** Another server may have removed it meanwhile. */
  async #usedAt(name: string): Promise<{ name: string; usedAt: number }> {
    const found = await stat(join(this.folder, name)).catch(() => undefined);
    return { name, usedAt: found?.mtimeMs ?? 0 };
  }
}

/** True for names that write() makes: nothing else in the folder is touched. */
function isOurs(name: string): boolean {
  return /^[0-9a-f]{64}\.json(\.[0-9a-f-]{36}\.part)?$/.test(name);
}

function isPlanFile(content: unknown): content is Static<typeof fileSchema> {
  return Value.Check(fileSchema, content);
}
