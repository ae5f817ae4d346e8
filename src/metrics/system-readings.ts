import { readFile, statfs } from 'node:fs/promises';
import { cpus, freemem, totalmem } from 'node:os';
import { join } from 'node:path';

/** Time that all cores together have spent since the machine started, in any unit. */
export interface CpuTimes {
  /** Each kind of time for itself: of some systems one goes backwards now and then. */
  busy: readonly number[];
  idle: readonly number[];
}

/** Bytes. */
export interface Memory {
  total: number;
  used: number;
  available: number;
}

/** Bytes. */
export interface Disk {
  used: number;
  available: number;
}

/** What can be asked of the machine. */
export interface SystemReadings {
  cpu(): Promise<CpuTimes>;
  memory(): Promise<Memory>;
  disk(): Promise<Disk>;
}

/**
 * Linux, with the definitions of psutil 5.9, which TorchServe measures with.
 *
 * @param proc where procfs is mounted
 */
export function linuxReadings(proc = '/proc'): SystemReadings {
  return {
    cpu: async () => cpuTimes(await readFile(join(proc, 'stat'), 'utf8')),
    memory: async () => memory(await readFile(join(proc, 'meminfo'), 'utf8')),
    disk: rootDisk,
  };
}

/** Any other system, as far as Node knows it. */
export const portableReadings: SystemReadings = {
  cpu: async () => {
    const times = cpus().map((core) => core.times);
    const sum = (kind: 'user' | 'nice' | 'sys' | 'idle' | 'irq') =>
      times.reduce((total, core) => total + core[kind], 0);
    return { busy: [sum('user'), sum('nice'), sum('sys'), sum('irq')], idle: [sum('idle')] };
  },
  memory: async () => {
    const [total, available] = [totalmem(), freemem()];
    return { total, used: total - available, available };
  },
  disk: rootDisk,
};

/** The readings of the system that this process runs on. */
export function systemReadings(): SystemReadings {
  return process.platform === 'linux' ? linuxReadings() : portableReadings;
}

/** The first line of /proc/stat. Time of guests, which stands at its end, is in user and nice too. */
function cpuTimes(stat: string): CpuTimes {
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] =
    /^cpu +(.*)$/m.exec(stat)?.[1]?.split(' ').map(Number) ?? [];
  return { busy: [user, nice, system, irq, softirq, steal], idle: [idle, iowait] };
}

function memory(meminfo: string): Memory {
  const bytes = new Map(
    [...meminfo.matchAll(/^(\w+): +(\d+) kB$/gm)].map(
      ([, name = '', kibibytes]) => [name, Number(kibibytes) * 1024] as const,
    ),
  );
  const of = (name: string) => bytes.get(name) ?? 0;
  const [total, free] = [of('MemTotal'), of('MemFree')];
  const used = total - free - of('Buffers') - of('Cached') - of('SReclaimable');
  const available = bytes.get('MemAvailable') ?? free;
  return {
    total,
    // Containers may be told numbers that do not belong together.
    used: used < 0 ? total - free : used,
    available: available > total ? free : available,
  };
}

async function rootDisk(): Promise<Disk> {
  const { bsize, blocks, bfree, bavail } = await statfs('/');
  return { used: (blocks - bfree) * bsize, available: bavail * bsize };
}
