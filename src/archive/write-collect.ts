import { constants } from 'node:fs';
import { access, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { messageOf, SconceError } from '../errors.js';
import { pathProblem } from './entry-name.js';
import { EntryNames } from './entry-names.js';
import { isSystemError } from './failure.js';
import { manifestName } from './manifest.js';
import { isPattern, pythonGlob } from './write-glob.js';
import type { HandlerCode } from './write-handler.js';
import type { ArchiveMember } from './write-member.js';

/** Folders of extra files that are no part of a model; hidden ones are not either. */
const skippedFolders = ['__MACOSX', '__pycache__'];

/** What the system says of a path that leads nowhere. */
const absentCodes = ['ENOENT', 'ENOTDIR', 'ELOOP'];

/** Gathers the members of an archive: every file at its top, folders as what they hold. */
export class MemberCollector {
  readonly #members = new Map<string, ArchiveMember>();
  readonly #warn: (message: string) => void;
  readonly #signal: AbortSignal | undefined;

  constructor(warn: (message: string) => void, signal: AbortSignal | undefined) {
    this.#warn = warn;
    this.#signal = signal;
  }

  /**
   * @param what the file's part in the archive, for messages: `serialized file`
   * @throws {SconceError} INVALID_CONFIGURATION when it is not a file that can be read.
   */
  async addFile(what: string, path: string | undefined): Promise<void> {
    if (!path) return;
    const kind = await kindOf(path);
    if (kind === 'missing') throw invalid(`The ${what} ${path} does not exist.`);
    if (kind !== 'file') throw invalid(`The ${what} ${path} is not a file.`);
    await this.#add(basename(path), path);
  }

  /**
   * Adds a handler's code. Files that it replaces, TypeScript that has become JavaScript, are left
   * out.
   *
   * @throws {SconceError} INVALID_CONFIGURATION for a package that it imports and no member brings.
   */
  async addCode({ files, packages }: HandlerCode): Promise<void> {
    for (const { name, path, content } of files) {
      await this.#add(name, path);
      const member = this.#members.get(name);
      if (content === undefined || member === undefined) continue;
      const bytes = Buffer.from(content);
      this.#members.set(name, { ...member, content: bytes, size: bytes.byteLength });
      for (const [other, { path: source }] of this.#members) {
        if (other !== name && (await realpath(source)) === (await realpath(path))) {
          this.#members.delete(other);
        }
      }
    }
    for (const { name, importer } of packages) {
      if (this.#members.has(`node_modules/${name}/package.json`)) continue;
      throw invalid(
        `${importer} imports the package ${name}, which the archive would not hold: name a folder that holds node_modules/${name} with --extra-files.`,
      );
    }
  }

  /** Adds a folder under its own name. */
  async addFolder(path: string): Promise<void> {
    await this.#addFolder(path, `${basename(path)}/`, []);
  }

  /**
   * Adds files and folders that a comma-separated list of paths and patterns names. Spaces around
   * the commas do not count.
   *
   * @throws {SconceError} INVALID_CONFIGURATION when a path is not there or cannot be read.
   */
  async addExtraFiles(list: string | undefined): Promise<void> {
    for (const path of (list ?? '').split(',').map((entry) => entry.trim())) {
      if (path === '') continue;
      const found = isPattern(path) ? await pythonGlob(path) : [];
      for (const match of found) await this.#addExtra(match);
      if (found.length === 0) await this.#addLiterally(path);
    }
  }

  /**
   * The members: of each folder its files first, then its folders, both sorted.
   *
   * @throws {SconceError} INVALID_CONFIGURATION when one name would be a file and a folder, or two
   *   differ in letter case only.
   */
  members(): ArchiveMember[] {
    if (this.#members.delete(manifestName)) {
      this.#warn(`The extra files' own ${manifestName} is left out: the archive gets a new one.`);
    }
    const members = [...this.#members.values()].sort((a, b) => compareNames(a.name, b.name));
    const names = new EntryNames();
    names.take(manifestName, 'file');
    for (const { name, path } of members) {
      const problem = names.take(name, 'file');
      if (problem !== undefined) throw invalid(`No archive can hold ${path}: it ${problem}.`);
    }
    return members;
  }

  /** A path that is no pattern, or that no name fits; then it may be a name with such characters. */
  async #addLiterally(path: string): Promise<void> {
    if (isPattern(path) && (await kindOf(path)) === 'missing') {
      this.#warn(`Given wildcard pattern did not match any file: ${path}`);
    } else {
      await this.#addExtra(path);
    }
  }

  async #addExtra(path: string): Promise<void> {
    const kind = await kindOf(path);
    if (kind === 'missing') throw invalid(`The extra file ${path} does not exist.`);
    if (kind === 'other') throw invalid(`The extra file ${path} is neither a file nor a folder.`);
    if (kind === 'file') await this.#add(basename(path), path);
    else await this.#addFolder(path, '', []);
  }

  /** @param above the folders that this one lies in, which a link may lead back to. */
  async #addFolder(path: string, prefix: string, above: readonly string[]): Promise<void> {
    const real = await realpath(path);
    if (above.includes(real)) throw invalid(`${path} is a link to a folder that it lies in.`);
    const names = await readdir(path).catch((error) => {
      throw unreadable(path, error);
    });
    for (const name of names.sort()) {
      const inner = join(path, name);
      const kind = await kindOf(inner);
      if (kind === 'file') {
        await this.#add(prefix + name, inner);
      } else if (kind !== 'folder') {
        this.#warn(`${inner} is left out: it is neither a file nor a folder.`);
      } else if (!skippedFolders.includes(name) && !name.startsWith('.')) {
        await this.#addFolder(inner, `${prefix}${name}/`, [...above, real]);
      }
    }
  }

  /** The last file of a name stays, as when all are copied to one folder. */
  async #add(name: string, path: string): Promise<void> {
    this.#signal?.throwIfAborted();
    const problem = pathProblem(name);
    if (problem !== undefined) throw invalid(`No archive can hold ${path}: it ${problem}.`);
    await access(path, constants.R_OK).catch((error) => {
      throw unreadable(path, error);
    });
    const other = this.#members.get(name);
    if (other !== undefined && (await realpath(other.path)) !== (await realpath(path))) {
      this.#warn(`${other.path} is left out: ${path} has the same name in the archive.`);
    }
    const { size, mode, mtime } = await stat(path);
    this.#members.set(name, { name, path, size, mode, modified: mtime });
  }
}

/** What is at a path, behind links. A link that leads nowhere is `missing`. */
async function kindOf(path: string): Promise<'file' | 'folder' | 'missing' | 'other'> {
  try {
    const found = await stat(path);
    return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
  } catch (error) {
    if (isSystemError(error) && absentCodes.includes(error.code ?? '')) return 'missing';
    throw unreadable(path, error);
  }
}

function compareNames(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')];
  for (let at = 0; ; at++) {
    const [inLeft, inRight] = [at < left.length - 1, at < right.length - 1];
    if (inLeft !== inRight) return inLeft ? 1 : -1;
    const [first = '', second = ''] = [left[at], right[at]];
    if (first !== second) return first < second ? -1 : 1;
    if (!inLeft) return 0;
  }
}

function unreadable(path: string, error: unknown): SconceError {
  return invalid(`${path} cannot be read: ${messageOf(error)}`);
}

function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}
