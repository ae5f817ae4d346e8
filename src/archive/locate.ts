import type { Stats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, SconceError } from '../errors.js';
import { AllowedUrls, isUrlShaped, refuseRelative } from './allowed-urls.js';
import { copyIntoStore } from './copy.js';
import { download } from './download.js';
import { pathProblem } from './entry-name.js';
import type { FetchOptions } from './fetch-options.js';

export interface LocateOptions extends FetchOptions {
  modelStore: string | undefined;
  /** Regular expressions, each of which must match a whole URL. */
  allowedUrls: readonly string[];
  /** Milliseconds without progress after which a download is given up. */
  downloadTimeout: number;
}

/** A model's file or folder on disk. */
export interface LocatedArchive {
  path: string;
  /** As it was asked for. */
  url: string;
  /** Whether it was fetched into the store just now, and so is the registration's to remove. */
  downloaded: boolean;
}

/**
 * Finds what a registration names: a file or folder of the model store, or a URL that is allowed,
 * whose file is fetched into the store, even if it comes from there. A path that leads anywhere else stands for its last part in
 * the store. Links are followed first: one that leaves the store leads elsewhere.
 *
 * @throws {SconceError} MODEL_STORE_MISSING, EMPTY_URL, RELATIVE_URL, URL_NOT_ALLOWED,
 *   ARCHIVE_NOT_FOUND; ARCHIVE_EXISTS when the store has a file of that name, DOWNLOAD_FAILED,
 *   SAVE_FAILED when it cannot be written; INVALID_CONFIGURATION for an allowed URL that is no
 *   regular expression.
 * @throws the signal's reason when it is aborted.
 */
export async function locateArchive(url: string, options: LocateOptions): Promise<LocatedArchive> {
  options.signal?.throwIfAborted();
  if (options.modelStore === undefined) throw new SconceError('MODEL_STORE_MISSING');
  if (url === '') throw new SconceError('EMPTY_URL');
  refuseRelative(url);
  const store = await realpath(options.modelStore).catch((error) => {
    throw new SconceError('MODEL_STORE_MISSING').because(messageOf(error));
  });
  return isUrlShaped(url) ? locateUrl(url, store, options) : locatePath(url, store);
}

async function locatePath(url: string, store: string): Promise<LocatedArchive> {
  const candidates = [join(store, basename(url))];
  if (isAbsolute(url)) candidates.unshift(url);
  for (const candidate of candidates) {
    const path = await realpath(candidate).catch(() => undefined);
    if (path !== undefined && isInside(store, path) && (await isUsable(path))) {
      return { path, url, downloaded: false };
    }
  }
  throw new SconceError('ARCHIVE_NOT_FOUND', url);
}

async function locateUrl(
  url: string,
  store: string,
  options: LocateOptions,
): Promise<LocatedArchive> {
  const allowed = new AllowedUrls(options.allowedUrls);
  const checked = allowed.check(url);
  if (checked.protocol === 'file:') return locateFileUrl(checked, url, store, options);
  const target = join(store, fileNameOf(url, checked));
  await download(checked, { ...options, url, target, allowed });
  return { path: target, url, downloaded: true };
}

async function locateFileUrl(
  checked: URL,
  url: string,
  store: string,
  options: LocateOptions,
): Promise<LocatedArchive> {
  const { path, stats } = await inspect(checked, url);
  if (stats.isDirectory()) return { path, url, downloaded: false };
  if (!stats.isFile()) throw notFound(url, 'it is neither a file nor a folder');
  const target = join(store, fileNameOf(url, checked));
  await copyIntoStore(path, { ...options, url, target });
  return { path: target, url, downloaded: true };
}

async function inspect(checked: URL, url: string): Promise<{ path: string; stats: Stats }> {
  try {
    const path = await realpath(fileURLToPath(checked));
    return { path, stats: await stat(path) };
  } catch (error) {
    throw new SconceError('DOWNLOAD_FAILED', url).because(messageOf(error));
  }
}

/** The name in the store of what a URL leads to: the last part of its path. */
function fileNameOf(url: string, { pathname }: URL): string {
  const name = decode(pathname.slice(pathname.lastIndexOf('/') + 1));
  if (name.includes('/') || pathProblem(name) !== undefined) {
    throw notFound(url, 'it does not end in the name of a file');
  }
  return name;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Of two real paths: whether one lies in the other, at any depth. */
function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function isUsable(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && (stats.isFile() || stats.isDirectory());
}

function notFound(url: string, reason: string): SconceError {
  return new SconceError('ARCHIVE_NOT_FOUND', url).because(reason);
}
