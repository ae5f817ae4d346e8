import assert from 'node:assert/strict';
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { openPromise } from 'yauzl';

/** A temporary folder to make archives in; `await using` removes it. */
export class Workshop implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), 'sconce-write-'));

  /** Makes a file, with its folders. */
  file(name: string, content: string | Buffer): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  folder(name: string): string {
    const path = join(this.path, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.path, { recursive: true });
  }
}

/** A member of an archive as a package that reads the format gives it. */
export interface ReadMember {
  /** Bytes as characters. */
  text: string;
  mode: number;
  modified: Date;
}

/** The members of an archive by their names, in its order; in no order for a folder. */
export async function membersOf(path: string): Promise<Map<string, ReadMember>> {
  if (statSync(path).isDirectory()) return folderMembers(path);
  return path.endsWith('.mar') ? zipMembers(path) : tarMembers(path);
}

export async function contentOf(path: string): Promise<Map<string, string>> {
  const members = await membersOf(path);
  return new Map([...members].map(([name, { text }]) => [name, text]));
}

/** The files below a folder with their content, bytes as characters. */
export function filesBelow(folder: string): Map<string, string> {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = found.filter((entry) => entry.isFile()).map((e) => join(e.parentPath, e.name));
  return new Map(
    paths.sort().map((path) => [path.slice(folder.length + 1), readFileSync(path, 'latin1')]),
  );
}

function folderMembers(path: string): Map<string, ReadMember> {
  return new Map(
    [...filesBelow(path)].map(([name, text]) => {
      const { mode, mtime } = statSync(join(path, name));
      return [name, { text, mode, modified: mtime }];
    }),
  );
}

async function zipMembers(path: string): Promise<Map<string, ReadMember>> {
  const members = new Map<string, ReadMember>();
  const zip = await openPromise(path);
  for await (const entry of zip.eachEntry()) {
    const content = await buffer(await zip.openReadStreamPromise(entry));
    assert.ok(!members.has(entry.fileName), `${entry.fileName} is there twice`);
    const mode = entry.externalFileAttributes >>> 16;
    members.set(entry.fileName, {
      text: content.toString('latin1'),
      mode,
      modified: entry.getLastModDate(),
    });
  }
  return members;
}

async function tarMembers(path: string): Promise<Map<string, ReadMember>> {
  const members = new Map<string, ReadMember>();
  const entries = extract();
  createReadStream(path).pipe(createGunzip()).pipe(entries);
  for await (const entry of entries) {
    const { name, mode = 0, mtime = new Date(Number.NaN) } = entry.header;
    const text = (await buffer(entry)).toString('latin1');
    assert.ok(!members.has(name), `${name} is there twice`);
    members.set(name, { text, mode, modified: mtime });
  }
  return members;
}
