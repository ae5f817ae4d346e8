import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of /proc in a second; Linux has had no others for decades. */
const ticksPerSecond = 100;

/**
 * Memory of a process and all that it has started, in MiB: proportional set size, in which pages that
 * several processes share are counted once. Not a number where there is no /proc.
 *
 * @param {number} pid
 */
export function memoryOfTree(pid) {
  try {
    const kibibytes = treeOf(pid).map((each) => proportionalSize(each));
    return kibibytes.reduce((sum, size) => sum + size, 0) / 1024;
  } catch (error) {
    if (isGone(error)) return Number.NaN;
    throw error;
  }
}

/**
 * Seconds of CPU that a process has used, and those of its first thread, which is the event loop of
 * Node. Not a number where there is no /proc.
 *
 * @param {number} pid
 */
export function cpuSeconds(pid) {
  try {
    return { all: usedBy(`/proc/${pid}/stat`), main: usedBy(`/proc/${pid}/task/${pid}/stat`) };
  } catch (error) {
    if (isGone(error)) return { all: Number.NaN, main: Number.NaN };
    throw error;
  }
}

/**
 * Seconds of CPU that a process and all that it has started have used. Not a number where there is no
 * /proc.
 *
 * @param {number} pid
 */
export function cpuSecondsOfTree(pid) {
  try {
    const used = treeOf(pid).map((each) => read(`/proc/${each}/stat`, secondsOf) ?? 0);
    return used.reduce((sum, seconds) => sum + seconds, 0);
  } catch (error) {
    if (isGone(error)) return Number.NaN;
    throw error;
  }
}

function treeOf(root) {
  const children = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const parent = read(`/proc/${pid}/stat`, (text) => Number(fieldsOf(text)[1]));
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(pid)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

function proportionalSize(pid) {
  const size = (text) => Number(/^Pss: +(\d+) kB$/m.exec(text)?.[1] ?? 0);
  return read(`/proc/${pid}/smaps_rollup`, size) ?? 0;
}

const usedBy = (file) => secondsOf(readFileSync(file, 'latin1'));

function secondsOf(stat) {
  const fields = fieldsOf(stat);
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** What follows the name, which may have spaces and parentheses. */
function fieldsOf(stat) {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Undefined of a process that has ended in the meantime. */
function read(file, parse) {
  try {
    return parse(readFileSync(file, 'latin1'));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error) {
  return error.code === 'ENOENT' || error.code === 'ESRCH';
}
