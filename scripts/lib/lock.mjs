import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { processIsAlive } from './process-alive.mjs';

/**
 * Runs `body` while no other process of this host does so under the same lock file. The lock of a
 * dead process counts for nothing.
 *
 * @template T
 * @param {string} path
 * @param {string} waiting what to print when another process has the lock
 * @param {() => Promise<T>} body
 * @returns {Promise<T>}
 */
export async function withLock(path, waiting, body) {
  mkdirSync(dirname(path), { recursive: true });
  let told = false;
  while (!tryLock(path)) {
    if (!told) console.log(waiting);
    told = true;
    await delay(300);
  }
  const unlock = () => rmSync(path, { force: true });
  process.once('exit', unlock);
  try {
    return await body();
  } finally {
    process.off('exit', unlock);
    unlock();
  }
}

function tryLock(path) {
  try {
    writeFileSync(path, `${process.pid}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  const owner = Number(readOwner(path));
  // An empty file is a lock that is just being written.
  if (owner > 0 && !processIsAlive(owner)) rmSync(path, { force: true });
  return false;
}

function readOwner(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}
