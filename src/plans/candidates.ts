import type { NativePlan, Precision } from '../native/addon.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import {
  isPreparedAs,
  type PlanMachine,
  type PlannedModel,
  type PlanWish,
  preparationOf,
} from './plan.js';

type Reduced = Exclude<Precision, 'float32'>;

/** Bits that a precision keeps of each number. */
const significantBits: Record<Reduced, number> = { tf32: 11, bfloat16: 8, float16: 11 };

/** What is faster than float32, if anything is: on GPUs matrix units, on the CPU instructions. */
const fasterOnGpu: readonly Reduced[] = ['tf32', 'bfloat16', 'float16'];
const fasterOnCpu: readonly Reduced[] = ['bfloat16'];

/** Which ways of preparing a module there are to try, and what speaks against others. */
export interface Candidates {
  /** Those that suit any model, the one that is asked for first. */
  basic: readonly NativePlan[];
  /** Whether CUDA graphs are to be tried. */
  graphs: boolean;
  channelsLast: boolean;
  /** Reduced precisions, in the order in which they are tried. */
  precisions: readonly Precision[];
  /** Why something is not tried. */
  notes: readonly string[];
}

/** What may be tried for a model whose rows look like this. */
export function candidatesFor(
  { device, inputForms, graphsProblem }: PlannedModel,
  inputs: readonly TensorSpec[],
  wish: PlanWish,
  machine: PlanMachine,
): Candidates {
  const { asked, fixed, tolerance } = wish;
  const { freeze, precision } = asked;
  const usual = preparationOf(asked);
  const basic: NativePlan[] = [usual];
  if (freeze || !fixed.freeze) basic.push({ ...usual, freeze: true, optimize: true });
  if (!fixed.freeze) basic.push({ ...usual, freeze: !freeze, optimize: false });
  const notes: string[] = [];
  if (fixed.freeze && !freeze)
    notes.push('what works on frozen modules was not tried: freeze is false');
  return {
    basic,
    graphs: mayCapture(),
    channelsLast: inputs.some(
      ({ dtype, dims }, i) =>
        dims.length === 3 && dtype.startsWith('float') && (inputForms[i] ?? 'rows') === 'rows',
    ),
    precisions: fixed.precision || precision !== 'float32' ? [] : faster().filter(mayReduce),
    notes,
  };

  function mayCapture(): boolean {
    if (device === 'cpu' || asked.graphs) return false;
    const problem = fixed.graphs ? 'cudaGraphs is never' : graphsProblem;
    if (problem !== undefined) notes.push(`CUDA graphs were not tried: ${problem}`);
    return problem === undefined;
  }

  function faster(): readonly Reduced[] {
    return device === 'cpu' ? fasterOnCpu : fasterOnGpu;
  }

  function mayReduce(reduced: Reduced): boolean {
    const takesFloats = inputs.some(({ dtype }) => dtype.startsWith('float'));
    if (!machine.computesIn(device, reduced)) {
      if (takesFloats) notes.push(`${reduced} was not tried: ${lacks(device, reduced)}`);
      return false;
    }
    const deviation = 2 ** -significantBits[reduced];
    if (tolerance >= deviation) return true;
    notes.push(
      `${reduced} was not tried: it deviates by about ${deviation.toPrecision(1)}, and tolerance allows ${tolerance}`,
    );
    return false;
  }
}

function lacks(device: string, precision: Reduced): string {
  const name = device === 'cpu' ? 'this processor' : device;
  return precision === 'tf32' ? `${name} does not have it` : `${name} only imitates it`;
}

/** Ways with CUDA graphs, given the best of those that were tried. */
export function graphsWays(best: NativePlan, asked: NativePlan): NativePlan[] {
  return withUsual({ ...preparationOf(best), graphs: true }, asked);
}

/**
 * Ways to lay out images, given the best of those that were tried. With another layout its
 * optimisation, or its lack of one, may not pay.
 */
export function channelsLastWays(best: NativePlan, asked: NativePlan): NativePlan[] {
  return withUsual({ ...best, channelsLast: true }, asked);
}

/** Ways in a reduced precision, given the best of those that were tried as it is in that one. */
export function reducedWays(
  reduced: NativePlan,
  asked: NativePlan,
  takesImages: boolean,
): NativePlan[] {
  const ways = withUsual(reduced, asked);
  if (!takesImages || reduced.channelsLast) return ways;
  return [...ways, ...withUsual({ ...reduced, channelsLast: true }, asked)];
}

/** A way, and the same with the module as it is asked for. */
function withUsual(way: NativePlan, { freeze, optimize }: NativePlan): NativePlan[] {
  const usual = { ...way, freeze, optimize };
  return isPreparedAs(way, usual) ? [way] : [way, usual];
}
