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
  fixed: Record<'freeze' | 'precision' | 'graphs' | 'instances' | 'intraOpThreads', boolean>;
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
  /** `cpu` or `cuda:N`; of several the first, which stands for all. */
  device: string;
  /** Bytes that CUDA graphs may take on it, those of all instances together. */
  graphMemory: number;
  /** How rows become the arguments of forward; `rows` where there are fewer. */
  inputForms: readonly InputForm[];
  /** Why no CUDA graph can be captured of it, as far as that is known. */
  graphsProblem?: string | undefined;
}

/** What plans are chosen on. */
export interface PlanMachine {
  cores: number;
  cpu: string;
  libtorch: string;
  /** What a GPU is and what drives it, in words. */
  gpu(device: string): string;
  /** Whether a device has instructions for a precision, and does not only imitate it. */
  computesIn(device: string, precision: Precision): boolean;
}

/** Name of the processor, in words of the operating system. */
export function processorName(): string {
  return `${process.arch} ${cpus()[0]?.model ?? 'unknown'} × ${availableParallelism()}`;
}

/** The module as the file has it. */
export const plainModule: NativePlan = {
  freeze: false,
  optimize: false,
  channelsLast: false,
  precision: 'float32',
  graphs: false,
};

/** How the module of a plan is prepared, and nothing else of it. */
export function preparationOf(plan: NativePlan): NativePlan {
  const { freeze, optimize, channelsLast, precision, graphs } = plan;
  return { freeze, optimize, channelsLast, precision, graphs };
}

/** How a module is prepared, in words: `optimised, channels-last, bfloat16, CUDA graphs`. */
export function preparationInWords(plan: NativePlan): string {
  const { freeze, optimize, channelsLast, precision, graphs } = plan;
  const words = [
    ...(optimize ? ['optimised'] : freeze ? ['frozen'] : ['plain']),
    ...(channelsLast ? ['channels-last'] : []),
    ...(precision === 'float32' ? [] : [precision]),
    ...(graphs ? ['CUDA graphs'] : []),
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
    a.precision === b.precision &&
    a.graphs === b.graphs
  );
}

/**
 * Each precision by what it leaves of float32: all; the range; the range, with fewer digits; not the
 * range: what is above 65,504 becomes infinite, which the inputs of a trial may not show.
 */
const precisionRanks: Record<Precision, number> = { float32: 0, tf32: 1, bfloat16: 2, float16: 3 };

/** How much a plan does beyond what is plain: of two that are as fast, the simpler one is taken. */
export function complexity(plan: NativePlan): number {
  const { freeze, optimize, channelsLast, precision, graphs } = plan;
  return (
    precisionRanks[precision] * 16 +
    Number(graphs) * 8 +
    Number(optimize) * 4 +
    Number(channelsLast) * 2 +
    // Frozen is what is usual; plain saves nothing that anybody would miss.
    Number(!freeze)
  );
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
