import { availableParallelism, cpus } from 'node:os';
import type { InputForm, NativePlan, Precision } from '../native/addon.js';

/** A way of running a model: how its module is prepared, and what runs it. */
export interface ExecutionPlan extends NativePlan {
  instances: number;
  /** Of each instance. */
  intraOpThreads: number;
  /** Most rows in a batch. */
  rows: number;
}

/** A module, and what runs it. */
export type ModuleRun = Omit<ExecutionPlan, 'rows'>;

/** What a plan may decide, and what it is bound to. */
export interface PlanWish {
  /** What runs when nothing is tried. */
  asked: ExecutionPlan;
  /** What somebody has said, so that it stays as in `asked`. */
  fixed: { freeze: boolean; precision: boolean; instances: boolean; intraOpThreads: boolean };
  /** False when a batch may not be made smaller than `asked.rows`. */
  mayShrinkBatches: boolean;
  /** Largest relative deviation of the outputs from those of float32. */
  tolerance: number;
}

/** A model as people know it. */
export interface NamedModel {
  readonly name: string;
  readonly version: string;
}

/** A model as its plan is chosen for it. */
export interface PlannedModel extends NamedModel {
  /** The TorchScript file. */
  path: string;
  /** `cpu` or `cuda:N`. */
  device: string;
  /** How rows become the arguments of forward; `rows` where there are fewer. */
  inputForms: readonly InputForm[];
}

/** What plans are chosen on. */
export interface PlanMachine {
  cores: number;
  cpu: string;
  libtorch: string;
  /** Whether a device computes in bfloat16 by itself, and does not only imitate it. */
  bfloat16(device: string): boolean;
}

/** Name of the processor, in words of the operating system. */
export function processorName(): string {
  return `${process.arch} ${cpus()[0]?.model ?? 'unknown'} × ${availableParallelism()}`;
}

/** How a module is prepared, in words: `optimised, channels-last, bfloat16`. */
export function preparationInWords(plan: NativePlan): string {
  const { freeze, optimize, channelsLast, precision } = plan;
  const words = [
    ...(optimize ? ['optimised'] : freeze ? ['frozen'] : ['plain']),
    ...(channelsLast ? ['channels-last'] : []),
    ...(precision === 'float32' ? [] : [precision]),
  ];
  return words.join(', ');
}

/** A plan in words: `optimised, channels-last, 2 instances × 1 thread`. */
export function planInWords(plan: ModuleRun): string {
  const { instances, intraOpThreads } = plan;
  return `${preparationInWords(plan)}, ${plural(instances, 'instance')} × ${plural(intraOpThreads, 'thread')}`;
}

/** True when both run the same module in the same way, whatever their batches are. */
export function runsAs(a: ModuleRun, b: ModuleRun): boolean {
  return isPreparedAs(a, b) && a.instances === b.instances && a.intraOpThreads === b.intraOpThreads;
}

export function isPreparedAs(a: NativePlan, b: NativePlan): boolean {
  return (
    a.freeze === b.freeze &&
    a.optimize === b.optimize &&
    a.channelsLast === b.channelsLast &&
    a.precision === b.precision
  );
}

/** How much a plan does beyond what is plain: of two that are as fast, the simpler one is taken. */
export function complexity({ freeze, optimize, channelsLast, precision }: NativePlan): number {
  const exact: Precision = 'float32';
  return (
    Number(precision !== exact) * 8 +
    Number(optimize) * 4 +
    Number(channelsLast) * 2 +
    // Frozen is what is usual; plain saves nothing that anybody would miss.
    Number(!freeze)
  );
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
