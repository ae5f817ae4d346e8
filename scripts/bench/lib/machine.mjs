import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { root } from '../../lib/root.mjs';

/** What the figures depend on, without anything that names the machine or its owner. */
export function describeMachine() {
  return {
    CPU: cpus()[0]?.model ?? 'unknown',
    Cores: availableParallelism(),
    Memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    // What follows the numbers may name who provides the machine.
    Kernel: `${type()} ${/^[\d.]+/.exec(release())?.[0] ?? ''}`.trim(),
    Node: process.versions.node,
  };
}

/**
 * The version of an installed package, or of Sconce itself for the empty name.
 *
 * @param {string} name
 */
export function packageVersion(name) {
  const folder = name === '' ? root : join(root, 'node_modules', name);
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;
}

/** Load average of the last minute. */
export function loadAverage() {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}
