import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { messageOf } from '../errors.js';
import { invalid } from './failure.js';

/** A key and the moment from which it is refused; undefined means never. */
export interface Key {
  key: string;
  expires: Date | undefined;
}

/** The keys of one server. The API key only renews the other two. */
export interface KeySet {
  management: Key;
  inference: Key;
  api: Key;
}

/** A key can stand in a header and be printed: no spaces and no control characters. */
const keySchema = Type.Object({
  key: Type.String({ pattern: /^[\x21-\x7e]+$/ }),
  'expiration time': Type.Optional(Type.String()),
});

/** The members are TorchServe's, in its order. */
const keyFileSchema = Type.Object({
  management: keySchema,
  inference: keySchema,
  API: keySchema,
});

type KeyEntry = Static<typeof keySchema>;

/** The text of a key file: TorchServe's JSON, laid out as it does, without a newline at the end. */
export function keyFileText(keys: KeySet): string {
  const content: Static<typeof keyFileSchema> = {
    management: toEntry(keys.management),
    inference: toEntry(keys.inference),
    API: toEntry(keys.api),
  };
  return JSON.stringify(content, null, 2);
}

function toEntry({ key, expires }: Key): KeyEntry {
  return expires === undefined ? { key } : { key, 'expiration time': timeText(expires) };
}

/** With six decimals, as Java writes an instant: `2024-02-16T05:14:24.160988Z`. */
function timeText(time: Date): string {
  return time.toISOString().replace('Z', '000Z');
}

/**
 * Reads a key file, also one that TorchServe wrote.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when there is none, or it is none
 */
export async function readKeyFile(path: string): Promise<KeySet> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw invalid(`the key file ${path} cannot be read: ${messageOf(error)}`);
  }
  const keys = parseKeyFile(text);
  if (keys === undefined) {
    throw invalid(
      `${path} is no key file: it must be JSON with a key for "management", "inference" and "API"`,
    );
  }
  return keys;
}

function parseKeyFile(text: string): KeySet | undefined {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Value.Check(keyFileSchema, content)) return undefined;
  const keys = {
    management: fromEntry(content.management),
    inference: fromEntry(content.inference),
    api: fromEntry(content.API),
  };
  const sound = Object.values(keys).every(({ expires }) => !Number.isNaN(expires?.getTime()));
  return sound ? keys : undefined;
}

function fromEntry({ key, 'expiration time': time }: KeyEntry): Key {
  return { key, expires: time === undefined ? undefined : new Date(time) };
}

/**
 * Writes a file that nobody but its owner could read at any moment. The path gets the new file
 * whole, in one step; what stood there, be it a link or another user's file, is never opened.
 *
 * @throws {Error} of the file system; the path is then as it was
 */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const unique = randomBytes(8).toString('hex');
  const temporary = join(dirname(path), `.${basename(path)}.${unique}.tmp`);
  try {
    await writeFile(temporary, text, { flag: 'wx', mode: 0o600, flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes a file if it is one and holds exactly this text; another server may have replaced it. */
export async function removeIfUnchanged(path: string, text: string): Promise<void> {
  // A named pipe would be waited for, a link would lead elsewhere.
  const flag = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const found = await readFile(path, { encoding: 'utf8', flag }).catch(() => undefined);
  if (found === text) await rm(path, { force: true });
}
