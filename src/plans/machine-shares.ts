import type { ExecutionPlan, PlanWish } from './plan.js';
import { usualMargins } from './timed-trials.js';

/** How the cores are divided: instances, and threads of each. */
export interface MachineShare {
  instances: number;
  intraOpThreads: number;
}

/** More instances than that are not tried: each has buffers of its own. */
const mostInstancesTried = 16;

/**
 * Batches from so many microseconds on keep the main loop so idle that the plan may use every core;
 * one is left to it else.
 */
const allCoresFrom = 2000;

/** More of the machine must be worth that much more throughput: the main loop needs some of it. */
const moreThreadsPay = 1.1;

/**
 * The ways of dividing the cores that are worth a try besides the one that is asked for, those with
 * few instances first.
 *
 * @param batchMicroseconds of a usual batch
 */
export function machineShares(
  cores: number,
  { asked, fixed }: PlanWish,
  batchMicroseconds: number,
): MachineShare[] {
  const most = batchMicroseconds >= allCoresFrom ? cores : Math.max(1, cores - 1);
  const threads = fixed.intraOpThreads ? [asked.intraOpThreads] : threadCounts(most);
  const shares: MachineShare[] = [];
  for (const intraOpThreads of threads) {
    const fitting = Math.min(mostInstancesTried, Math.floor(most / intraOpThreads));
    const instances = fixed.instances ? asked.instances : fitting;
    if (instances < 1 || instances * intraOpThreads > most) continue;
    shares.push({ instances, intraOpThreads });
    // One instance with many threads: its latency is the best there is.
    if (!fixed.instances && instances > 1) shares.push({ instances: 1, intraOpThreads });
  }
  const isNew = (share: MachineShare, i: number): boolean =>
    !isSameShare(share, asked) && shares.findIndex((other) => isSameShare(share, other)) === i;
  return shares.filter(isNew).sort((a, b) => a.instances - b.instances);
}

/**
 * The numbers of instances to try on a GPU besides the one that is asked for. Two overlap what each
 * of them leaves idle between its batches; more share a device that is busy already, and each has
 * buffers and graphs of its own.
 */
export function deviceShares({ asked, fixed }: PlanWish): MachineShare[] {
  if (fixed.instances) return [];
  const { intraOpThreads } = asked;
  return [1, 2]
    .map((instances) => ({ instances, intraOpThreads }))
    .filter((share) => !isSameShare(share, asked));
}

/** How much faster one must be than the other to be chosen instead. */
export function neededGain(trial: MachineShare, other: MachineShare): number {
  const threads = (each: MachineShare): number => each.instances * each.intraOpThreads;
  return threads(trial) > threads(other) ? moreThreadsPay : usualMargins.simpler;
}

function isSameShare(a: MachineShare, b: Pick<ExecutionPlan, keyof MachineShare>): boolean {
  return a.instances === b.instances && a.intraOpThreads === b.intraOpThreads;
}

/** 1, 2, 4 … and all of them. */
function threadCounts(most: number): number[] {
  const counts: number[] = [];
  for (let count = 1; count < most; count *= 2) counts.push(count);
  counts.push(most);
  return counts;
}
