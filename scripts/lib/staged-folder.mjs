import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { processIsAlive } from './process-alive.mjs';

const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
const abandonedAfterMs = 24 * 3600 * 1000;

/**
 * Makes the folder `target` whole or not at all: `fill` writes into a temporary folder beside it,
 * whose `content` is renamed to `target` at the end. A signal aborts `fill`, and whatever ends it
 * early leaves nothing. When another process made `target` meanwhile, its copy stands.
 *
 * @param {string} target
 * @param {(staging: string, content: string, signal: AbortSignal) => Promise<void>} fill
 */
export async function makeFolderWhole(target, fill) {
  mkdirSync(dirname(target), { recursive: true });
  removeAbandoned(target);
  const staging = stagingName(target);
  const content = join(staging, 'content');
  mkdirSync(content, { recursive: true });
  const abort = new AbortController();
  const onSignal = (signal) => abort.abort(signal);
  for (const signal of signals) process.on(signal, onSignal);
  try {
    await fill(staging, content, abort.signal);
    abort.signal.throwIfAborted();
    renameUnlessThere(content, target);
  } finally {
    rmSync(staging, { recursive: true, force: true });
    for (const signal of signals) process.off(signal, onSignal);
    if (abort.signal.aborted) process.kill(process.pid, abort.signal.reason);
  }
}

/**
 * Takes a broken folder away in one step, so that nobody sees a half of it.
 *
 * @param {string} target
 */
export function removeFolderWhole(target) {
  const aside = stagingName(target);
  renameSync(target, aside);
  rmSync(aside, { recursive: true, force: true });
}

function stagingName(target) {
  return `${target}.tmp-${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;
}

function renameUnlessThere(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  }
}

/** Removes what processes of this host left when they were killed, and what is a day old. */
function removeAbandoned(target) {
  const folder = dirname(target);
  const prefix = `${basename(target)}.tmp-`;
  for (const name of readdirSync(folder)) {
    const [, host, pid] = /^(.*)-(\d+)-[0-9a-f]+$/.exec(name.slice(prefix.length)) ?? [];
    if (!name.startsWith(prefix) || !pid) continue;
    const path = join(folder, name);
    const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const dead = host === hostname() && !processIsAlive(Number(pid));
    if (dead || Date.now() - modified > abandonedAfterMs) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}
